// The system clock: CLOCK_MONOTONIC, which systemd uses for its timestamps, and wall time.
import { readFileSync } from 'node:fs'
import type { Instant } from '../core/observation.ts'
import { CLOCK_STEP_MS } from '../core/state.ts'
import type { Clock } from '../ports.ts'
import { createSharedTimers } from './shared-timers.ts'

/** Older ones are forgotten: what happened before them is then shown later than it was. */
const SUSPENDS_AT_MOST = 1000
const ATTEMPTS = 5
/** The longest delay that setTimeout supports. */
const LONGEST_MS = 2 ** 31 - 1

/** The clocks of the system, each read on its own. */
interface ClockReadings {
  monoMs(): number
  wallMs(): number
  /** CLOCK_BOOTTIME, which unlike CLOCK_MONOTONIC counts suspended time; null if unknown. */
  sinceBootMs(): number | null
}

const SYSTEM: ClockReadings = {
  monoMs() {
    const [seconds, nanoseconds] = process.hrtime()
    return seconds * 1000 + nanoseconds / 1e6
  },
  wallMs: Date.now,
  sinceBootMs() {
    try {
      const seconds = Number.parseFloat(readFileSync('/proc/uptime', 'latin1'))
      return Number.isFinite(seconds) ? seconds * 1000 : null
    } catch {
      return null
    }
  },
}

/** Converts monotonic to wall time. Follows steps of the wall clock, and is not misled by a suspend. */
export function createWallTime({ monoMs, wallMs, sinceBootMs }: ClockReadings): Pick<Clock, 'now' | 'wallMsOf'> {
  /** Wall time minus monotonic time, as of the last step; null before the first reading. */
  let aheadMs: number | null = null
  /** Each suspend since the first reading; before that, all of them as one. */
  let suspends: readonly { readonly atMonoMs: number; readonly ms: number }[] = []
  let suspendedMs = 0

  /** The process may be interrupted between two readings: of several attempts, the one that took the least time. */
  function difference(other: () => number | null): number | null {
    let best = { tookMs: Infinity, value: null as number | null }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = monoMs()
      const value = other()
      const tookMs = monoMs() - before
      if (value !== null && tookMs < best.tookMs) best = { tookMs, value: value - before }
    }
    return best.value
  }

  function look(): Instant {
    const now = { monoMs: monoMs(), wallMs: wallMs() }
    if (aheadMs !== null && Math.abs(now.wallMs - now.monoMs - aheadMs) <= CLOCK_STEP_MS) return now
    const fresh = difference(wallMs)
    if (fresh === null || (aheadMs !== null && Math.abs(fresh - aheadMs) <= CLOCK_STEP_MS)) return now
    aheadMs = fresh
    // In a container /proc/uptime may count from the start of the container, and be less than monotonic time.
    const suspended = Math.max(0, difference(sinceBootMs) ?? suspendedMs)
    if (suspended - suspendedMs > CLOCK_STEP_MS)
      suspends = [...suspends, { atMonoMs: now.monoMs, ms: suspended - suspendedMs }].slice(-SUSPENDS_AT_MOST)
    suspendedMs = suspended
    return now
  }

  return {
    now: look,
    wallMsOf(ofMonoMs) {
      const now = look()
      const later = suspends.reduce((sum, { atMonoMs, ms }) => (atMonoMs > ofMonoMs ? sum + ms : sum), 0)
      return ofMonoMs + (aheadMs ?? now.wallMs - now.monoMs) - later
    },
  }
}

function exactly(ms: number, call: () => void): () => void {
  let wanted = true
  // On a busy device a timer can fire before D-Bus signals that have already arrived are read, and an announced
  // restart would be missed. One more turn of the event loop reads them first.
  const late = () => setImmediate(() => wanted && call())
  const timer = setTimeout(late, Math.min(ms, LONGEST_MS))
  return () => {
    wanted = false
    clearTimeout(timer)
  }
}

/** The timers with slack of this process. */
export const sharedTimer = createSharedTimers(SYSTEM.monoMs, exactly)

export const systemClock: Clock = {
  ...createWallTime(SYSTEM),
  after: (ms, call, slackMs = 0) => (slackMs > 0 ? sharedTimer(ms, call, slackMs) : exactly(ms, call)),
}
