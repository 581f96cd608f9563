// Publishes messages over the current connection, with a bounded number in flight, and detects a dead link.
import { createTally, type Histogram } from '../../core/histogram.ts'
import type { Clock } from '../../ports.ts'
import type { BrokerLimits, Connection } from '../connection/connection.ts'
import type { RefusedTopics } from '../refused-topics.ts'
import type { MessageToSend, Refusal } from './message-limits.ts'
import type { Poison } from './poison.ts'

/** A message without an acknowledgement after this time means that the link is dead. */
const ACK_AT_MOST_MS = 30_000
const IN_FLIGHT_AT_MOST = 16
/** In seconds; with +Inf six buckets, from a broker on the gateway to one over a bad mobile link. */
const ACKNOWLEDGED_WITHIN = [0.01, 0.05, 0.25, 1, 5]

/** A message to publish, with the callback for its outcome. */
export interface Outgoing extends MessageToSend {
  /** Its sender reports a refusal, and does not try again. */
  readonly reportsRefusal?: boolean
  /**
   * The broker has acknowledged it (null) or refused it for this reason; `tooLarge`: because of its size. Never called if
   * the connection ends first.
   */
  settled(refused: string | null, tooLarge?: boolean): void
}

export interface Publisher {
  /**
   * Starts to publish over a new connection what `next` returns, in flight from then on; null when there is nothing to
   * publish. Messages in flight on the connection before are forgotten.
   */
  begin(connection: Connection, limits: BrokerLimits, next: () => Outgoing | null): void
  /** The connection is down. `unexplained`: neither side gave a reason. */
  end(unexplained: boolean): void
  /** Publishes as much as may be in flight. Does nothing without a connection. */
  pump(): void
  /** Nothing is in flight; after `pump`, nothing waits either. */
  idle(): boolean
  /** Messages that a broker has acknowledged. */
  published(): number
  /** From publishing to the acknowledgement of each of them; at QoS 0 there is none. */
  publishSeconds(): Histogram
}

interface OpenConnection {
  readonly connection: Connection
  readonly limits: BrokerLimits
  readonly next: () => Outgoing | null
}

interface PublisherOptions {
  readonly keepaliveMs: number
  readonly poison: Poison
  readonly refusedTopics: Pick<RefusedTopics, 'note' | 'shortened' | 'accepted'>
  readonly clock: Clock
}

export function createPublisher({ keepaliveMs, poison, refusedTopics, clock }: PublisherOptions): Publisher {
  const now = () => clock.now().monoMs
  const ackAtMostMs = Math.min(ACK_AT_MOST_MS, 1.5 * keepaliveMs)
  let open: OpenConnection | null = null
  /** Each with the time at which it was sent, oldest first. */
  const inFlight = new Map<Outgoing, number>()
  let cancelWatch: (() => void) | null = null
  let published = 0
  const seconds = createTally(ACKNOWLEDGED_WITHIN)
  let pumping = false

  function pump(): void {
    if (pumping) return
    pumping = true
    try {
      while (
        open !== null &&
        inFlight.size < (poison.searching(now()) ? 1 : Math.min(IN_FLIGHT_AT_MOST, open.limits.inFlight))
      ) {
        const outgoing = open.next()
        if (outgoing === null) return
        const refusal = poison.refusal(outgoing)
        if (refusal === null) send(open, outgoing)
        else refuse(outgoing, refusal)
      }
    } finally {
      pumping = false
    }
  }

  function send({ connection, limits }: OpenConnection, outgoing: Outgoing): void {
    const sentAtMs = now()
    inFlight.set(outgoing, sentAtMs)
    cancelWatch ??= clock.after(ackAtMostMs, watch)
    connection.publish(outgoing, (why, tooLarge) => {
      if (!inFlight.delete(outgoing)) return
      const refusal = why === null ? null : { why, tooLarge }
      poison.settled(outgoing, refusal)
      if (refusal === null && limits.acknowledges) seconds.add((now() - sentAtMs) / 1000)
      if (refusal === null) acknowledge(outgoing)
      else refuse(outgoing, refusal)
      pump()
    })
  }

  function acknowledge(outgoing: Outgoing): void {
    published += 1
    refusedTopics.accepted(outgoing.topic)
    outgoing.settled(null, false)
  }

  function refuse(outgoing: Outgoing, { why, tooLarge }: Refusal): void {
    if (tooLarge && outgoing.canShorten) refusedTopics.shortened(outgoing.topic, why)
    else if (!outgoing.reportsRefusal) refusedTopics.note(outgoing.topic, why)
    outgoing.settled(why, tooLarge)
  }

  function watch(): void {
    cancelWatch = null
    const [oldest] = inFlight.values()
    if (oldest === undefined || open === null) return
    const ageMs = now() - oldest
    if (ageMs >= ackAtMostMs) open.connection.fail(`no acknowledgement within ${Math.round(ackAtMostMs / 1000)} s`)
    else cancelWatch = clock.after(ackAtMostMs - ageMs, watch)
  }

  function reset(): void {
    open = null
    inFlight.clear()
    cancelWatch?.()
    cancelWatch = null
  }

  return {
    begin(connection, limits, next) {
      reset()
      open = { connection, limits, next }
      pump()
    },
    end(unexplained) {
      const [[oldest, sentAtMs] = [undefined, 0]] = inFlight
      poison.ended(oldest, now() - sentAtMs, now(), unexplained)
      reset()
    },
    pump,
    idle: () => inFlight.size === 0,
    published: () => published,
    publishSeconds: seconds.read,
  }
}
