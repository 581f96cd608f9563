// Keeps a connection to the broker: a fresh client for each attempt, jittered back-off, in the best mode that works.
import { type Backoff, backoffMs } from '../../core/limits/backoff.ts'
import type { Clock, Log } from '../../ports.ts'
import { type ConnectMode, createConnectModes } from './connect-mode.ts'
import {
  type BrokerLimits,
  type Connection,
  type ConnectionHandlers,
  type ConnectionLoss,
  NO_DETAILS,
} from './connection.ts'
import { connectionErrorOf } from './error-text.ts'
import { createInboundProblem } from './inbound-problem.ts'
import { createOutage } from './outage.ts'
import { createSharedClientId } from './shared-client-id.ts'

export interface LinkOptions {
  /** Begins one attempt; rejects if the attempt cannot even begin. */
  readonly open: (mode: ConnectMode, handlers: ConnectionHandlers) => Promise<Connection>
  readonly clientId: string
  /** Name of the broker in logs. */
  readonly shown: string
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

export interface LinkHandlers {
  readonly up: (connection: Connection, limits: BrokerLimits) => void
  /** Returns whether a message of ours may be the reason. */
  readonly down: (loss: ConnectionLoss) => boolean
  /** An attempt has failed before the broker accepted it. */
  readonly failed: () => void
  readonly message: (topic: string, payload: string, retained: boolean) => void
}

export interface Link {
  /** Begins to connect; never calls a handler before it returns. */
  start(handlers: LinkHandlers): void
  /** The connection, once the broker has accepted it. */
  connection(): Connection | null
  /** Why there is no connection, and for how long, or what the broker sent that was not received; null otherwise. */
  problem(): string | null
  /** Since when there is no connection; null while there is one. */
  lostAtMonoMs(): number | null
  /** What does not work on the connection, because the broker does not support it; null if everything does. */
  missing(): string | null
  /** What shows that another client uses our client id; null while nothing does. */
  sharedClientId(): string | null
  /** Connections after the first one. */
  reconnects(): number
  /** The broker has been started: connects now, and for a while retries after short waits. */
  connectNow(): void
  /** Ends all attempts and returns the connection that is up, if there is one. */
  close(): Connection | null
}

const RECONNECT: Backoff = { firstMs: 2000, longestMs: 60_000, shortestMs: 1000 }
/** A connection that lasted this long resets the back-off. */
const STABLE_AFTER_MS = 5_000

/** A service may be active before it listens (Type=simple, exec): for this long, it is tried at short intervals. */
const EAGER_FOR_MS = 5_000
const EAGER_EVERY_MS = 200

interface Attempt {
  connection: Connection | null
  /** When the broker accepted it. */
  upAtMonoMs: number | null
}

export function createLink({ open, clientId, shown, clock, log, random }: LinkOptions): Link {
  const outage = createOutage(shown, clock, log)
  const inbound = createInboundProblem(clock, log)
  const modes = createConnectModes(log)
  const shared = createSharedClientId(clientId, clock, log)
  let handlers: LinkHandlers = { up: () => {}, down: () => false, failed: () => {}, message: () => {} }
  let current: Attempt | null = null
  let cancelWait: (() => void) | null = null
  let closed = false
  let failures = 0
  let connections = 0
  let eagerUntilMonoMs = Number.NEGATIVE_INFINITY

  function attempt(): void {
    cancelWait = null
    const mine: Attempt = { connection: null, upAtMonoMs: null }
    current = mine
    const isCurrent = () => current === mine && !closed
    const down = (loss: ConnectionLoss) => {
      if (!isCurrent()) return
      current = null
      ended(mine, loss)
    }
    open(modes.next(), {
      up: (limits) => {
        if (isCurrent() && mine.connection) up(mine, mine.connection, limits)
      },
      down,
      message: (...message) => {
        if (isCurrent()) handlers.message(...message)
      },
      ignored: inbound.ignored,
    }).then(
      (connection) => {
        if (isCurrent()) mine.connection = connection
        else connection.destroy()
      },
      (error) => down({ ...NO_DETAILS, ...connectionErrorOf(error), version: false }),
    )
  }

  function up(accepted: Attempt, connection: Connection, limits: BrokerLimits): void {
    if (!modes.accepted(limits.retain)) {
      void connection.end()
      return void attempt()
    }
    accepted.upAtMonoMs = clock.now().monoMs
    connections += 1
    outage.over()
    accepted.connection = inbound.begin(connection)
    handlers.up(accepted.connection, limits)
  }

  function ended({ upAtMonoMs }: Attempt, loss: ConnectionLoss): void {
    inbound.end()
    const now = clock.now().monoMs
    if (upAtMonoMs !== null) {
      if (loss.violation) inbound.violation(loss.text)
      // Each connection of two clients with one id ends the other's: they alternate less often if both wait longer.
      else if (now - upAtMonoMs >= STABLE_AFTER_MS && !loss.takenOver) failures = 0
      outage.begins(loss.text)
      if (!handlers.down(loss)) shared.ended(loss, now - upAtMonoMs)
    } else if (modes.refused(loss)) return void attempt()
    else {
      if (loss.silent) modes.closedSilently()
      outage.failed(loss.text)
      handlers.failed()
    }
    const eager = upAtMonoMs === null && now < eagerUntilMonoMs
    cancelWait = clock.after(eager ? EAGER_EVERY_MS : backoffMs(RECONNECT, failures++, random()), attempt)
  }

  return {
    start(linkHandlers) {
      handlers = linkHandlers
      attempt()
    },
    connection: () => (current?.upAtMonoMs == null ? null : current.connection),
    problem: () => outage.problem() ?? inbound.text(),
    lostAtMonoMs: outage.beganAtMonoMs,
    missing: modes.problem,
    sharedClientId: shared.problem,
    reconnects: () => Math.max(0, connections - 1),
    connectNow() {
      shared.restarted()
      eagerUntilMonoMs = clock.now().monoMs + EAGER_FOR_MS
      if (closed || cancelWait === null) return
      cancelWait()
      failures = 0
      attempt()
    },
    close() {
      closed = true
      cancelWait?.()
      inbound.end()
      if (current?.upAtMonoMs != null) return current.connection
      current?.connection?.destroy()
      return null
    },
  }
}
