// Publishes messages over the current connection, with a bounded number in flight, and detects a dead link.
import type { Clock } from '../../ports.ts'
import type { BrokerLimits, Connection, Message } from '../connection/connection.ts'

/** A message without an acknowledgement after this time means that the link is dead. */
const ACK_AT_MOST_MS = 30_000
const IN_FLIGHT_AT_MOST = 16

/** A message to publish, with the callback for its outcome. */
export interface Outgoing extends Message {
  /** The broker has acknowledged it (null) or refused it for this reason. Never called if the connection ends first. */
  settled(refused: string | null): void
}

export interface Publisher {
  /**
   * Starts to publish over a new connection what `next` returns, in flight from then on; null when there is nothing to
   * publish. Messages in flight on the connection before are forgotten.
   */
  begin(connection: Connection, limits: BrokerLimits, next: () => Outgoing | null): void
  /** The connection is down. */
  end(): void
  /** Publishes as much as may be in flight. Does nothing without a connection. */
  pump(): void
  /** Nothing is in flight; after `pump`, nothing waits either. */
  idle(): boolean
  /** Messages that a broker has acknowledged. */
  published(): number
}

export function createPublisher(keepaliveMs: number, clock: Clock): Publisher {
  const ackAtMostMs = Math.min(ACK_AT_MOST_MS, 1.5 * keepaliveMs)
  let open: { readonly connection: Connection; readonly room: number; readonly next: () => Outgoing | null } | null =
    null
  /** Each with the time at which it was sent, oldest first. */
  const inFlight = new Map<Outgoing, number>()
  let cancelWatch: (() => void) | null = null
  let published = 0
  let pumping = false

  function pump(): void {
    if (pumping) return
    pumping = true
    try {
      while (open !== null && inFlight.size < open.room) {
        const outgoing = open.next()
        if (outgoing === null) return
        send(open.connection, outgoing)
      }
    } finally {
      pumping = false
    }
  }

  function send(connection: Connection, outgoing: Outgoing): void {
    inFlight.set(outgoing, clock.now().monoMs)
    cancelWatch ??= clock.after(ackAtMostMs, watch)
    connection.publish(outgoing, (refused) => {
      if (!inFlight.delete(outgoing)) return
      if (refused === null) published += 1
      outgoing.settled(refused)
      pump()
    })
  }

  function watch(): void {
    cancelWatch = null
    const [oldest] = inFlight.values()
    if (oldest === undefined || open === null) return
    const ageMs = clock.now().monoMs - oldest
    if (ageMs >= ackAtMostMs) open.connection.fail(`no acknowledgement within ${Math.round(ackAtMostMs / 1000)} s`)
    else cancelWatch = clock.after(ackAtMostMs - ageMs, watch)
  }

  function end(): void {
    open = null
    inFlight.clear()
    cancelWatch?.()
    cancelWatch = null
  }

  return {
    begin(connection, limits, next) {
      end()
      open = { connection, room: Math.min(IN_FLIGHT_AT_MOST, limits.inFlight), next }
      pump()
    },
    end,
    pump,
    idle: () => inFlight.size === 0,
    published: () => published,
  }
}
