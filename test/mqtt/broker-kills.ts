// The broker is killed at random moments under a steady load, and what a subscriber heard is held against what happened.
import { startMosquitto } from '../rig/mosquitto.ts'
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'
import { connected, drained } from './heard.ts'
import { startLink } from './link.ts'
import { subscribeQuickly } from './quick-subscriber.ts'

export interface KillsReport {
  readonly kills: number
  readonly told: number
  /** Events that no subscriber heard. */
  readonly lost: number
  /** Events heard once more than once. */
  readonly duplicates: number
  /** The most of them after one kill: the messages in flight then. */
  readonly duplicatesPerKillAtMost: number
  /** Whether each unit's events came in their order, once those told again are left out. */
  readonly inOrder: boolean
  readonly reconnects: number
  readonly dropped: number
}

const UNITS = ['a.service', 'b.service', 'c.service', 'd.service'] as const

/** A start and a crash every 100 ms, over four units. */
const LOAD_EVERY_MS = 100

/** A broker lives for up to this long before it is killed. */
const KILL_WITHIN_MS = 300

/** The clock of the gateway runs 20 times as fast: it waits 50 to 100 ms for the next attempt, not 1 to 2 s. */
export async function killBroker(kills: number, random: () => number): Promise<KillsReport> {
  // what a killed broker has acknowledged must be on its way to the subscriber: no Nagle
  await using broker = await startMosquitto({ config: 'max_inflight_messages 0\nset_tcp_nodelay true' })
  await using subscriber = await subscribeQuickly(broker.url, 'gatewatch/#')
  await using link = await startLink(broker.port)
  await using gateway = startGateway({ config: { url: link.url }, units: UNITS })
  await connected(gateway)
  const events = () => subscriber.heard.filter(({ topic }) => topic.includes('/event/'))
  const seqs = () => events().map(({ payload }) => seqOf(payload))
  let turn = 0
  const load = setInterval(() => {
    turn += 1
    gateway.fail(UNITS[turn % UNITS.length] ?? UNITS[0], 1)
  }, LOAD_EVERY_MS)
  try {
    for (let kill = 1; kill <= kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, KILL_WITHIN_MS * random()))
      await broker.kill()
      await link.close()
      await broker.start()
      // a subscriber that is not there yet hears nothing: the agent is let in only after it
      await until(() => subscriber.subscriptions() === kill + 1, { what: 'the subscriber to be back', everyMs: 5 })
      await link.open()
      await connected(gateway)
    }
  } finally {
    clearInterval(load)
  }
  await drained(gateway)
  const expected = gateway.events.map((event) => event.seq)
  await until(() => seqs().at(-1) === expected.at(-1), { what: 'the last event' })
  const heard = seqs()
  const once = new Set(heard)
  const { reconnects, dropped } = gateway.sink.health()
  return {
    kills,
    told: expected.length,
    lost: expected.filter((seq) => !once.has(seq)).length,
    duplicates: heard.length - once.size,
    duplicatesPerKillAtMost: Math.max(...duplicatesOf(events()).values()),
    inOrder: [...once].every((seq, i, all) => i === 0 || seq > (all[i - 1] ?? 0)),
    reconnects,
    dropped: dropped.overflow + dropped.forgotten + dropped.too_large,
  }
}

function seqOf(payload: string): number {
  return Number(/"seq":(\d+)/.exec(payload)?.[1])
}

/** How many events each subscription brought that one before it had brought: what was in flight at the kill between them. */
function duplicatesOf(events: readonly { readonly payload: string; readonly subscription: number }[]) {
  const before = new Set<number>()
  const duplicates = new Map<number, number>()
  for (const { payload, subscription } of events) {
    const seq = seqOf(payload)
    duplicates.set(subscription, (duplicates.get(subscription) ?? 0) + (before.has(seq) ? 1 : 0))
    before.add(seq)
  }
  return duplicates
}
