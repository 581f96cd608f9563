// Health of the connection to systemd: connected or not and why, its statistics, the back-off between attempts, and the log lines.

import { createTally, type Histogram, type Tally } from '../core/histogram.ts'
import { type Backoff, backoffMs } from '../core/limits/backoff.ts'
import { errorNameOf } from '../dbus/bus.ts'
import type { BusOptions } from '../dbus/connection.ts'
import type { BusHealth, Clock, Log } from '../ports.ts'

const RECONNECT: Backoff = { firstMs: 500, longestMs: 30_000, shortestMs: 500 }
/** After a connection that lasted this long, the back-off starts again from its first value. */
const GOOD_AFTER_MS = 30_000
/** A shorter loss of the connection is usually a restart of the bus: the last known states are still shown. */
const CONTACT_LOST_AFTER_MS = 30_000
const NEVER_TRIED = 'not connected yet'
/** Histogram buckets of call durations, in seconds. */
const BOUNDS = [0.01, 0.1]
/** Errors that are results: systemd knows us already, a service is not on the bus or not installed, or a job has ended. */
const RESULTS = new Set([
  'org.freedesktop.systemd1.AlreadySubscribed',
  'org.freedesktop.DBus.Error.NameHasNoOwner',
  'org.freedesktop.DBus.Error.ServiceUnknown',
  'org.freedesktop.systemd1.NoSuchUnit',
  'org.freedesktop.DBus.Error.UnknownObject',
])

interface ConnectionHealthOptions {
  readonly clock: Clock
  readonly log: Log
  /** Random numbers in [0, 1). */
  readonly random: () => number
  /** `gap`: the connection was up and is lost, so that signals are missed. `contact-lost`: none for 30 s. */
  readonly onLost: (what: 'gap' | 'contact-lost') => void
}

export interface ConnectionHealth {
  /** The source was started; no attempt has been made yet. */
  started(): void
  /** Subscribed to systemd, and every unit has been read. */
  up(): void
  /** The bus, or systemd on it, is not available for this reason; may be called repeatedly. */
  down(reason: string): void
  /** The source was stopped. */
  stopped(): void
  everUp(): boolean
  /** The time to wait before the next attempt to connect; each call counts as one attempt. */
  retryAfterMs(): number
  signal(): void
  malformed(reason: string): void
  /** What the connection reports itself. */
  readonly reports: Required<Pick<BusOptions, 'onFault' | 'onDuration' | 'onFailure'>>
  /** Resolves when the first attempt to connect has succeeded or failed. */
  firstAttempt(): Promise<void>
  lastReplyAtMonoMs(): number | null
  read(): Omit<BusHealth, 'unwatchable'>
}

export function createConnectionHealth(options: ConnectionHealthOptions): ConnectionHealth {
  const { clock, log, random, onLost } = options
  const onContactLost = () => onLost('contact-lost')
  const durations = createCallDurations()
  let noteTried = () => {}
  const tried = new Promise<void>((resolve) => {
    noteTried = resolve
  })
  let problem: string | null = NEVER_TRIED
  let upAtMonoMs: number | null = null
  let lostAtMonoMs: number | null = null
  let repliedAtMonoMs: number | null = null
  let attempt = 0
  let cancelContactLost: (() => void) | null = null
  let ups = 0
  let signals = 0
  let malformed = 0
  const callsFailed: Record<string, number> = {}

  function fault(reason: string): void {
    malformed += 1
    log(malformed === 1 ? 'warning' : 'debug', `bus: message not processed: ${reason}`)
  }

  return {
    started() {
      lostAtMonoMs = clock.now().monoMs
      cancelContactLost = clock.after(CONTACT_LOST_AFTER_MS, onContactLost)
    },
    up() {
      const { monoMs } = clock.now()
      const away = lostAtMonoMs === null ? 0 : monoMs - lostAtMonoMs
      if (problem !== null)
        log('info', ups === 0 ? 'bus: connected' : `bus: reconnected after ${Math.max(1, Math.round(away / 1000))} s`)
      ups += 1
      upAtMonoMs = monoMs
      lostAtMonoMs = null
      problem = null
      cancelContactLost?.()
      cancelContactLost = null
      noteTried()
    },
    down(reason) {
      const { monoMs } = clock.now()
      if (problem === null) {
        log('warning', `bus: connection lost: ${reason}; reconnecting`)
        onLost('gap')
      } else if (ups === 0 && problem === NEVER_TRIED) log('warning', `bus: not available: ${reason}; retrying`)
      else if (problem !== reason) log('debug', `bus: still not available: ${reason}`)
      if (upAtMonoMs !== null && monoMs - upAtMonoMs >= GOOD_AFTER_MS) attempt = 0
      upAtMonoMs = null
      lostAtMonoMs ??= monoMs
      cancelContactLost ??= clock.after(CONTACT_LOST_AFTER_MS, onContactLost)
      problem = reason
      noteTried()
    },
    stopped() {
      cancelContactLost?.()
      noteTried()
    },
    everUp: () => ups > 0,
    retryAfterMs() {
      attempt += 1
      return backoffMs(RECONNECT, attempt - 1, random())
    },
    signal() {
      signals += 1
    },
    malformed: fault,
    reports: {
      onFault: fault,
      onDuration(member, ms) {
        repliedAtMonoMs = clock.now().monoMs
        durations.add(member, ms)
      },
      onFailure(member, error) {
        if (!RESULTS.has(errorNameOf(error))) callsFailed[member] = (callsFailed[member] ?? 0) + 1
      },
    },
    firstAttempt: () => tried,
    lastReplyAtMonoMs: () => repliedAtMonoMs,
    read: () => ({
      connected: problem === null,
      lostAtMonoMs,
      problem,
      signals,
      reconnects: Math.max(0, ups - 1),
      malformed,
      callSeconds: durations.read(),
      callsFailed: { ...callsFailed },
    }),
  }
}

interface CallDurations {
  add(member: string, ms: number): void
  read(): Readonly<Record<string, Histogram>>
}

/** GetAll, which reads a unit, is called all the time; the other calls only a few times per connection. */
function createCallDurations(): CallDurations {
  const durations: Record<'GetAll' | 'other', Tally> = { GetAll: createTally(BOUNDS), other: createTally(BOUNDS) }
  return {
    add: (member, ms) => durations[member === 'GetAll' ? 'GetAll' : 'other'].add(ms / 1000),
    read: () => ({ GetAll: durations.GetAll.read(), other: durations.other.read() }),
  }
}
