// A clock for tests: the test advances the time, and due timers are then called in order.
import { systemClock } from '../../src/host/clock.ts'
import type { Clock } from '../../src/ports.ts'

export interface TestClock extends Clock {
  /** Advances the time by `ms`, and calls each timer at the time when it is due. */
  advance(ms: number): void
  /** As `advance`, and lets promises settle before the first and after each timer. */
  go(ms: number): Promise<void>
  /** Advances the time without calling timers, as in a process that was stopped. `advance(0)` then calls the late ones. */
  skip(ms: number): void
  /** Sets the wall clock: wall-clock time minus monotonic time from now on. */
  setWall(wallOffsetMs: number): void
  /** How many timers are set. */
  pending(): number
  /** Time until the next timer is due; null if none is set. */
  dueInMs(): number | null
}

export interface TestClockOptions {
  /** Monotonic time at the start; 10 s by default. */
  readonly startMs?: number
  /** Wall-clock time minus monotonic time; a time in 2025 by default. */
  readonly wallOffsetMs?: number
  /** True: timers run in real time, and the test advances only `now`. */
  readonly realTimers?: boolean
  /** Waits for work that a timer has begun, for `go`. */
  readonly settle?: () => Promise<void>
}

/** Starts at zero on both clocks. */
export const FROM_ZERO: TestClockOptions = { startMs: 0, wallOffsetMs: 0 }

/** Real time, and timers that are never called: for a process that commits only on request. */
export const clockWithoutTimers: Clock = { ...systemClock, after: () => () => {} }

export function testClock(options: TestClockOptions = {}): TestClock {
  const { startMs = 10_000, realTimers = false, settle = settled } = options
  let nowMs = startMs
  let { wallOffsetMs = 1_752_000_000_000 } = options
  let timers: { readonly dueMs: number; readonly call: () => void }[] = []

  /** The next timer that is due until then; it is no longer set. */
  const takeDue = (untilMs: number) => {
    const next = timers.filter((timer) => timer.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0]
    timers = timers.filter((timer) => timer !== next)
    if (next !== undefined) nowMs = Math.max(nowMs, next.dueMs)
    return next
  }
  return {
    now: () => ({ monoMs: nowMs, wallMs: wallOffsetMs + nowMs }),
    wallMsOf: (monoMs) => wallOffsetMs + monoMs,
    setWall(offsetMs) {
      wallOffsetMs = offsetMs
    },
    after(ms, call) {
      if (realTimers) return systemClock.after(ms, call)
      const timer = { dueMs: nowMs + ms, call }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
    advance(ms) {
      const endMs = nowMs + ms
      for (let timer = takeDue(endMs); timer !== undefined; timer = takeDue(endMs)) timer.call()
      nowMs = endMs
    },
    async go(ms) {
      const endMs = nowMs + ms
      await settle()
      for (let timer = takeDue(endMs); timer !== undefined; timer = takeDue(endMs)) {
        timer.call()
        await settle()
      }
      nowMs = endMs
    },
    skip(ms) {
      nowMs += ms
    },
    pending: () => timers.length,
    dueInMs: () => (timers.length === 0 ? null : Math.min(...timers.map(({ dueMs }) => dueMs)) - nowMs),
  }
}

/** Resolves when everything that was begun in memory is done. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}
