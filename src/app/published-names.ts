// The names under which messages are retained at the broker, kept in the state file: those in use, and former ones until
// they are cleared.
import { Buffer } from 'node:buffer'
import { settledWithin } from '../core/limits/settled-within.ts'
import { type PublishedNames, sameTopicNames, type TopicNames } from '../core/topic-names.ts'
import type { Clock, Log } from '../ports.ts'
import type { PageRingStore } from '../store/store.ts'

/** They are in each page of the state file. */
const BYTES_AT_MOST = 1000
/** MQTT does not wait longer for flash. */
const WRITE_AT_MOST_MS = 5_000

export interface PublishedNamesList {
  /** MQTT is about to publish under `names`; resolves with the former ones that must be cleared, once this is on flash. */
  use(names: TopicNames): Promise<readonly TopicNames[]>
  /** `done`: nothing of ours is retained there any more. `refused`: the agent must not try again. */
  settled(names: TopicNames, outcome: 'done' | 'refused'): void
}

export function createPublishedNames(
  store: Pick<PageRingStore, 'published' | 'publishAs'>,
  clock: Pick<Clock, 'after'>,
  log: Log,
): PublishedNamesList {
  return {
    async use(names) {
      const before = store.published()
      const { list, dropped } = withCurrent(before, names)
      for (const { prefix, gatewayId } of dropped)
        log('warning', `mqtt: too many former names; what is retained under ${prefix}/${gatewayId} will not be cleared`)
      if (JSON.stringify(list) !== JSON.stringify(before))
        await settledWithin(WRITE_AT_MOST_MS, store.publishAs(list), clock.after)
      return list.filter(({ status }) => status === 'former')
    },
    settled(names, outcome) {
      const others = store.published().filter((one) => !sameTopicNames(one, names))
      const left = outcome === 'done' ? [] : [{ ...names, status: 'refused' as const }]
      void store.publishAs([...left, ...others])
    },
  }
}

/** The list once `names` are in use, and those that it has no room for: the oldest. */
export function withCurrent(
  before: readonly PublishedNames[],
  names: TopicNames,
): { readonly list: readonly PublishedNames[]; readonly dropped: readonly TopicNames[] } {
  const former = before
    .filter((one) => !sameTopicNames(one, names))
    .map((one) => (one.status === 'current' ? ({ ...one, status: 'former' } as const) : one))
  const current: PublishedNames = { ...namesIn(names), status: 'current' }
  let from = 0
  while (from < former.length && bytesOf([...former.slice(from), current]) > BYTES_AT_MOST) from += 1
  return { list: [...former.slice(from), current], dropped: former.slice(0, from) }
}

function namesIn({ prefix, gatewayId, discoveryPrefix }: TopicNames): TopicNames {
  return { prefix, gatewayId, discoveryPrefix }
}

function bytesOf(list: readonly TopicNames[]): number {
  const texts = list.flatMap(({ prefix, gatewayId, discoveryPrefix }) => [prefix, gatewayId, discoveryPrefix])
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 4, 0)
}
