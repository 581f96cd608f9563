// Access to retained messages over a connection: reads what is retained for some filters, and clears topics.
import type { Clock } from '../../ports.ts'
import type { Connection } from '../connection/connection.ts'
import type { Outgoing } from '../delivery/publisher.ts'

/** A broker sends retained messages at once after a subscription; a slow link may need this long between two of them. */
const QUIET_MS = 2_000
const READ_AT_MOST_MS = 15_000
/** A broker sends an empty message to subscribers when it has cleared a topic. */
const CLEARED_WITHIN_MS = 2_000
const LOOK_EVERY_MS = 100

interface RetainedReading {
  /** By topic: the payload, or what was made of it. */
  readonly found: ReadonlyMap<string, string>
  /** Filters to which the broker refused to subscribe. */
  readonly denied: readonly string[]
  /** False if the broker did not respond to all subscriptions: there may be more than was found. */
  readonly complete: boolean
}

export interface RetainedAccess {
  /** Subscribes, and collects what is retained; `digest` makes of a payload what is needed of it, to save memory. */
  read(filters: readonly string[], digest: (topic: string, payload: string) => string): Promise<RetainedReading>
  /**
   * Clears the topics, the last one only once the others are cleared. Resolves with those that the broker kept, and why. They
   * must have been read before.
   */
  clear(topics: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Ends the subscriptions. */
  close(): void
  /** A message has arrived; false if it matches no filter that was read. */
  message(topic: string, payload: string): boolean
  /** The next message to publish. */
  next(): Outgoing | null
}

interface RetainedAccessOptions {
  readonly connection: Pick<Connection, 'subscribe' | 'unsubscribe'>
  /** There is something to publish. */
  readonly pump: () => void
  readonly clock: Pick<Clock, 'now' | 'after'>
}

/** What its promises resolve with after `close` is incomplete. */
export function createRetainedAccess({ connection, pump, clock }: RetainedAccessOptions): RetainedAccess {
  const filters: Filter[] = []
  const retained = new Map<string, string>()
  const refused = new Map<string, string>()
  const queue: Outgoing[] = []
  let unsettled = 0
  let lastMessageMs = 0
  let closed = false
  let digest = (_: string, payload: string) => payload
  const nowMs = () => clock.now().monoMs
  const waitUntil = async (isDone: () => boolean, atMostMs: number) => {
    const untilMs = nowMs() + atMostMs
    while (!closed && !isDone() && nowMs() < untilMs)
      await new Promise<void>((resolve) => clock.after(LOOK_EVERY_MS, resolve))
  }

  async function publishEmpty(topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      unsettled += 1
      queue.push({
        topic,
        payload: '',
        retain: true,
        reportsRefusal: true,
        settled(why) {
          unsettled -= 1
          if (why !== null) refused.set(topic, `refused: ${why}`)
        },
      })
    }
    pump()
    await waitUntil(() => unsettled === 0, Infinity)
    await waitUntil(() => topics.every((topic) => refused.has(topic) || !retained.has(topic)), CLEARED_WITHIN_MS)
    for (const topic of topics)
      if (retained.has(topic) && !refused.has(topic)) refused.set(topic, 'accepted, but not cleared')
  }

  return {
    async read(wanted, digestOf) {
      digest = digestOf
      const denied: string[] = []
      let responses = 0
      lastMessageMs = nowMs()
      filters.push(...wanted.map(filterOf))
      for (const filter of wanted) {
        connection.subscribe(filter, (granted) => {
          lastMessageMs = nowMs()
          responses += 1
          if (!granted) denied.push(filter)
        })
      }
      const isComplete = () => responses === wanted.length
      await waitUntil(() => isComplete() && nowMs() - lastMessageMs >= QUIET_MS, READ_AT_MOST_MS)
      return { found: retained, denied, complete: isComplete() }
    },
    async clear(topics) {
      await publishEmpty(topics.slice(0, -1))
      if (refused.size === 0) await publishEmpty(topics.slice(-1))
      else for (const topic of topics.slice(-1)) refused.set(topic, 'kept, because others were')
      return refused
    },
    close() {
      closed = true
      for (const { text } of filters) connection.unsubscribe(text)
    },
    message(topic, payload) {
      if (!filters.some(({ matches }) => matches(topic))) return false
      lastMessageMs = nowMs()
      if (payload === '') retained.delete(topic)
      else retained.set(topic, digest(topic, payload))
      return true
    },
    next: () => queue.shift() ?? null,
  }
}

interface Filter {
  readonly text: string
  readonly matches: (topic: string) => boolean
}

/** For filters without `#`. */
function filterOf(text: string): Filter {
  const levels = text.split('/')
  const matches = (topic: string) => {
    const parts = topic.split('/')
    return parts.length === levels.length && levels.every((level, i) => level === '+' || level === parts[i])
  }
  return { text, matches }
}
