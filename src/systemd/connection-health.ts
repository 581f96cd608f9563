// Whether systemd can be heard: the state of the connection, its numbers, how long to wait for the next attempt, and the log lines of loss and return.
import { type Backoff, backoffMs } from '../core/backoff.ts'
import { createTally, type Histogram, type Tally } from '../core/histogram.ts'
import type { BusHealth, Clock, Log } from '../ports.ts'

const RECONNECT: Backoff = { firstMs: 500, longestMs: 30_000, shortestMs: 500 }
/** A connection that lasted this long was a good one: the next attempt is the first again. */
const GOOD_AFTER_MS = 30_000
const NEVER_TRIED = 'not connected yet'
/** Of the durations of calls, in seconds. */
const BOUNDS = [0.01, 0.1]

export interface ConnectionHealthOptions {
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
  /** Signals are missed from now on, after a time in which none were. */
  readonly onLost: () => void
}

export interface ConnectionHealth {
  /** Watching begins. */
  started(): void
  /** systemd is there and every unit was read. */
  up(): void
  /** The bus, or systemd on it, cannot be reached, in words; also while it could not before. */
  down(reason: string): void
  /** Watching ends. */
  stopped(): void
  everUp(): boolean
  /** How long to wait for the next attempt to connect; counts the attempts. */
  retryAfterMs(): number
  signal(): void
  malformed(reason: string): void
  reply(member: string, ms: number): void
  /** Resolves when the first attempt has ended, either way. */
  firstAttempt(): Promise<void>
  lastReplyAtMonoMs(): number | null
  read(): BusHealth
}

export function createConnectionHealth({ clock, log, random, onLost }: ConnectionHealthOptions): ConnectionHealth {
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
  let ups = 0
  let signals = 0
  let malformed = 0

  return {
    started() {
      lostAtMonoMs = clock.now().monoMs
    },
    up() {
      const { monoMs } = clock.now()
      const away = lostAtMonoMs === null ? 0 : monoMs - lostAtMonoMs
      if (problem !== null)
        log('info', ups === 0 ? 'bus: connected' : `bus: back after ${Math.max(1, Math.round(away / 1000))} s`)
      ups += 1
      upAtMonoMs = monoMs
      lostAtMonoMs = null
      problem = null
      noteTried()
    },
    down(reason) {
      const { monoMs } = clock.now()
      if (problem === null) {
        log('warning', `bus: lost (${reason})`)
        onLost()
      } else if (ups === 0 && problem === NEVER_TRIED)
        log('warning', `bus: not there (${reason}), trying again until it is`)
      else if (problem !== reason) log('debug', `bus: still lost (${reason})`)
      if (upAtMonoMs !== null && monoMs - upAtMonoMs >= GOOD_AFTER_MS) attempt = 0
      upAtMonoMs = null
      lostAtMonoMs ??= monoMs
      problem = reason
      noteTried()
    },
    stopped: () => noteTried(),
    everUp: () => ups > 0,
    retryAfterMs() {
      attempt += 1
      return backoffMs(RECONNECT, attempt - 1, random())
    },
    signal() {
      signals += 1
    },
    malformed(reason) {
      malformed += 1
      log(malformed === 1 ? 'warning' : 'debug', `bus: unreadable: ${reason}`)
    },
    reply(member, ms) {
      repliedAtMonoMs = clock.now().monoMs
      durations.add(member, ms)
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
    }),
  }
}

interface CallDurations {
  add(member: string, ms: number): void
  read(): Readonly<Record<string, Histogram>>
}

/** Reading a unit (GetAll) is what is asked all the time; of the other calls a few are made at each reconnection. */
function createCallDurations(): CallDurations {
  const durations: Record<'GetAll' | 'other', Tally> = { GetAll: createTally(BOUNDS), other: createTally(BOUNDS) }
  return {
    add: (member, ms) => durations[member === 'GetAll' ? 'GetAll' : 'other'].add(ms / 1000),
    read: () => ({ GetAll: durations.GetAll.read(), other: durations.other.read() }),
  }
}
