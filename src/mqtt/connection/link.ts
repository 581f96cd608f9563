// Keeps a connection to the broker: a fresh client for each attempt, its own jittered back-off, MQTT 5 or else 3.1.1.
import { type Backoff, backoffMs } from '../../core/backoff.ts'
import type { Clock, Log } from '../../ports.ts'
import type { BrokerLimits, Connection, ConnectionHandlers, ConnectionLoss } from './connection.ts'
import { connectionErrorOf, REFUSED } from './error-text.ts'

export interface LinkOptions {
  /** Begins one attempt; rejects where not even that is possible. */
  readonly open: (version: 4 | 5, handlers: ConnectionHandlers) => Promise<Connection>
  /** How the broker is called in logs. */
  readonly shown: string
  readonly up: (connection: Connection, capacity: BrokerLimits) => void
  readonly down: () => void
  readonly message: (topic: string, payload: string, retained: boolean) => void
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

export interface Link {
  /** The connection while the broker has accepted it. */
  connection(): Connection | null
  /** Why there is none, in words. */
  problem(): string | null
  /** Connections after the first one. */
  reconnects(): number
  /** The broker has been started: the back-off is over, and for a while it is only short. */
  connectNow(): void
  /** No attempt any more; hands over the connection that is up, if one is. */
  close(): Connection | null
}

const RECONNECT: Backoff = { firstMs: 2000, longestMs: 60_000, shortestMs: 1000 }
/** A connection that lived this long shows that the next one may be tried soon. */
const STABLE_AFTER_MS = 5_000

/** A service may be active before it listens (Type=simple, exec): that long it is asked again soon. */
const EAGER_FOR_MS = 5_000
const EAGER_EVERY_MS = 200

/** In one outage; a broker may have ever new words. */
const REASONS_AT_MOST = 8

export function keepLink(options: LinkOptions): Link {
  const { clock, log, shown } = options
  let current: { connection: Connection | null; upAtMonoMs: number | null } | null = null
  let cancelWait: (() => void) | null = null
  let closed = false
  let version: 4 | 5 = 5
  let failures = 0
  let connections = 0
  let problem: string | null = 'not connected yet'
  let lostAtMonoMs: number | null = null
  let eagerUntilMonoMs = Number.NEGATIVE_INFINITY
  /** Reasons told in this outage: each is told once. */
  const told = new Set<string>()

  function attempt(): void {
    cancelWait = null
    const mine: NonNullable<typeof current> = { connection: null, upAtMonoMs: null }
    current = mine
    const isMine = () => current === mine && !closed
    const handlers: ConnectionHandlers = {
      up: (capacity) => {
        if (isMine() && mine.connection) up(mine.connection, capacity)
      },
      down: (reason) => {
        if (isMine()) down(reason)
      },
      message: (...heard) => {
        if (isMine()) options.message(...heard)
      },
    }
    options.open(version, handlers).then(
      (connection) => {
        if (isMine()) mine.connection = connection
        else connection.destroy()
      },
      (error) => handlers.down({ ...connectionErrorOf(error), version: false, silent: false }),
    )
  }

  function up(connection: Connection, capacity: BrokerLimits): void {
    if (current === null) return
    const now = clock.now().monoMs
    current.upAtMonoMs = now
    connections += 1
    problem = null
    told.clear()
    if (lostAtMonoMs === null) log('info', `mqtt: connected to ${shown}`)
    else log('info', `mqtt: back after ${Math.round((now - lostAtMonoMs) / 1000)} s`)
    options.up(connection, capacity)
  }

  function down({ text, version: refusedVersion, silent }: ConnectionLoss): void {
    const upAtMonoMs = current?.upAtMonoMs ?? null
    current = null
    problem = text
    const now = clock.now().monoMs
    if (upAtMonoMs !== null) {
      lostAtMonoMs = now
      if (now - upAtMonoMs >= STABLE_AFTER_MS) failures = 0
      log('warning', `mqtt: lost (${text})`)
      told.add(text).add(REFUSED)
      options.down()
    } else if (version === 5 && refusedVersion) {
      version = 4
      log('info', 'mqtt: the broker does not speak MQTT 5: going on with 3.1.1')
      attempt()
      return
    } else {
      if (silent) version = version === 5 ? 4 : 5
      if (!told.has(text) && told.size < REASONS_AT_MOST)
        log('warning', `mqtt: cannot connect to ${shown}: ${text}; goes on trying`)
      told.add(text)
    }
    const eager = upAtMonoMs === null && now < eagerUntilMonoMs
    cancelWait = clock.after(eager ? EAGER_EVERY_MS : backoffMs(RECONNECT, failures, options.random()), attempt)
    if (!eager) failures += 1
  }

  attempt()

  return {
    connection: () => (current?.upAtMonoMs == null ? null : current.connection),
    problem: () => problem,
    reconnects: () => Math.max(0, connections - 1),
    connectNow() {
      eagerUntilMonoMs = clock.now().monoMs + EAGER_FOR_MS
      if (closed || cancelWait === null) return
      cancelWait()
      failures = 0
      attempt()
    },
    close() {
      closed = true
      cancelWait?.()
      if (current?.upAtMonoMs != null) return current.connection
      current?.connection?.destroy()
      return null
    },
  }
}
