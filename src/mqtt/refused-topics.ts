// Counts what the broker refuses on an accepted connection, usually by its ACL, and remembers what is refused at present.
import type { Clock, Log, MqttHealth } from '../ports.ts'
import type { Connection } from './connection/connection.ts'
import type { MessageKind, Topics } from './topics.ts'

export type RefusedKind = keyof MqttHealth['refused']

/** A refusal is reported for this long: longer than the 15 minutes after which the alert on failed checks fires. */
const REPORT_FOR_MS = 20 * 60_000

export interface RefusedTopics {
  /** A message on this topic was refused. */
  note(topic: string, why: string): void
  /** The same, but the message is published in a shorter form. */
  shortened(topic: string, why: string): void
  /** A message on this topic was acknowledged: it is not refused any more. */
  accepted(topic: string): void
  /** The same connection, which notes refused subscriptions. */
  watchSubscriptions(connection: Connection): Connection
  /** One sentence about what was refused lately; null if nothing was. */
  problem(): string | null
  /** What was refused lately, to try again. */
  kinds(): ReadonlySet<RefusedKind>
  counts(): MqttHealth['refused']
  /** A new connection, on which nothing is refused yet. */
  clear(): void
}

/** Topics that are remembered: each unit has one. */
const TOPICS_AT_MOST = 200

interface RefusedTopic {
  readonly kind: RefusedKind
  readonly text: string
  readonly untilMonoMs: number
}

/** `off`: kinds that are not configured. What an earlier run left of them is looked for, but need not be allowed. */
export function createRefusedTopics(
  topics: Topics,
  off: readonly MessageKind[],
  clock: Pick<Clock, 'now'>,
  log: Log,
): RefusedTopics {
  const counts: Record<RefusedKind, number> = { state: 0, event: 0, agent: 0, discovery: 0, thinedge: 0, subscribe: 0 }
  /** By topic, or by `subscribe` and the filter. */
  const refused = new Map<string, RefusedTopic>()
  const logged = new Set<RefusedKind>()
  let shortenedLogged = false

  function add(kind: RefusedKind, topic: string, why: string): void {
    counts[kind] += 1
    const text = `the broker refuses ${topic}: ${why}`
    // a subscription is not tried again before the next connection
    const untilMonoMs = kind === 'subscribe' ? Infinity : clock.now().monoMs + REPORT_FOR_MS
    const key = kind === 'subscribe' ? `${kind} ${topic}` : topic
    if (refused.has(key) || refused.size < TOPICS_AT_MOST) refused.set(key, { kind, text, untilMonoMs })
    if (!logged.has(kind)) log('warning', `mqtt: ${text}`)
    logged.add(kind)
  }

  function current(): readonly RefusedTopic[] {
    const now = clock.now().monoMs
    for (const [topic, { untilMonoMs }] of refused) if (untilMonoMs <= now) refused.delete(topic)
    return [...refused.values()]
  }

  return {
    note: (topic, why) => add(topics.kindOf(topic), topic, why),
    shortened(topic, why) {
      counts[topics.kindOf(topic)] += 1
      if (!shortenedLogged) log('info', `mqtt: ${topic}: ${why}; it is published without journal lines`)
      shortenedLogged = true
    },
    accepted: (topic) => void refused.delete(topic),
    watchSubscriptions: (connection) => ({
      ...connection,
      subscribe(filter, done, live) {
        const granted = (isGranted: boolean) => {
          if (!isGranted && !off.includes(topics.kindOf(filter))) add('subscribe', filter, 'subscription denied')
          done(isGranted)
        }
        connection.subscribe(filter, granted, live)
      },
    }),
    problem() {
      const [first, ...others] = current()
      if (first === undefined) return null
      const kinds = new Set(others.map(({ kind }) => kind))
      kinds.delete(first.kind)
      return kinds.size === 0 ? first.text : `${first.text}; it also refuses: ${[...kinds].join(', ')}`
    },
    kinds: () => new Set(current().map(({ kind }) => kind)),
    counts: () => ({ ...counts }),
    clear() {
      refused.clear()
      logged.clear()
    },
  }
}
