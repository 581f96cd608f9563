// Publishes everything over one connection: the birth first, then what waits, with a bounded number in flight.
import type { Clock } from '../ports.ts'
import type { BrokerLimits, Connection, Message } from './connection/connection.ts'

/** A message that the broker has not acknowledged after this long has met a dead link. */
const ACK_AT_MOST_MS = 30_000
const IN_FLIGHT_AT_MOST = 16

/** A message and what becomes of it. */
export interface Sending extends Message {
  /** The broker has it (null), or refuses it in these words. Never called where the connection ends first. */
  settled(refused: string | null): void
}

export interface Publisher {
  /** Begins with a new connection; whatever was in flight on the one before is forgotten. */
  begin(connection: Connection, capacity: BrokerLimits): void
  /** The connection is down. */
  forget(): void
  /** Sends what waits, as far as there is room in flight. */
  pump(): void
  /** Nothing is in flight; after `pump`, nothing waits either. */
  idle(): boolean
  published(): number
}

/** `next`: the message to be sent next, which is in flight from then on; null when none waits. */
export function createPublisher(next: () => Sending | null, keepaliveMs: number, clock: Clock): Publisher {
  const ackAtMostMs = Math.min(ACK_AT_MOST_MS, 1.5 * keepaliveMs)
  let open: { readonly connection: Connection; readonly room: number } | null = null
  /** Each with the time at which it was sent, oldest first. */
  const inFlight = new Map<Sending, number>()
  let cancelWatch: (() => void) | null = null
  let published = 0
  let pumping = false

  function pump(): void {
    if (pumping) return
    pumping = true
    try {
      while (open !== null && inFlight.size < open.room) {
        const sending = next()
        if (sending === null) return
        send(open.connection, sending)
      }
    } finally {
      pumping = false
    }
  }

  function send(connection: Connection, sending: Sending): void {
    inFlight.set(sending, clock.now().monoMs)
    cancelWatch ??= clock.after(ackAtMostMs, watch)
    connection.publish(sending, (refused) => {
      if (!inFlight.delete(sending)) return
      if (refused === null) published += 1
      sending.settled(refused)
      pump()
    })
  }

  function watch(): void {
    cancelWatch = null
    const [oldest] = inFlight.values()
    if (oldest === undefined || open === null) return
    const ageMs = clock.now().monoMs - oldest
    if (ageMs >= ackAtMostMs) open.connection.fail(`no acknowledgement in ${Math.round(ackAtMostMs / 1000)} s`)
    else cancelWatch = clock.after(ackAtMostMs - ageMs, watch)
  }

  function forget(): void {
    open = null
    inFlight.clear()
    cancelWatch?.()
    cancelWatch = null
  }

  return {
    begin(connection, capacity) {
      forget()
      open = { connection, room: Math.min(IN_FLIGHT_AT_MOST, capacity.inFlight) }
      pump()
    },
    forget,
    pump,
    idle: () => inFlight.size === 0,
    published: () => published,
  }
}
