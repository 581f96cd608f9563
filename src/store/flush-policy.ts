// The flush policy: when to write to flash, as pure functions of the budget, the uncommitted changes and the time.
import {
  beforeItsTimeMs,
  bytesLeftAtMs,
  type FlushBudget,
  type FlushLimits,
  type PaidBy,
  reserveMs,
} from './flush-budget.ts'

/** With an empty bucket, a change waits at most this long. */
const STRETCHED_AT_MOST_MS = 900_000

/** A crash is a first one if the unit has not crashed for this long. */
const FIRST_AFTER_MS = 3_600_000
/**
 * A first crash is committed this long after it, and so within 1 s. Its restart (100 ms later by systemd's default) and
 * the crashes of other units at the same time share the commit.
 */
const CRASH_WITHIN_MS = 500
/** A routine commit starts this long before its time, so that it is on flash when `flush_interval` ends. */
const ROUTINE_EARLY_MS = 500

/** What is not on flash yet: times of the oldest changes of each type, null if there is none. */
export interface Uncommitted {
  /** The oldest change of any type. */
  readonly sinceMs: number | null
  /** The oldest crash of a unit that had not crashed within the hour before. */
  readonly firstCrashMs: number | null
  /** The oldest crash of a unit that had. */
  readonly crashAgainMs: number | null
  /** True if few event numbers are left: the reserved bound must be raised before it is reached. */
  readonly numbersLow: boolean
}

export const NOTHING_UNCOMMITTED: Uncommitted = {
  sinceMs: null,
  firstCrashMs: null,
  crashAgainMs: null,
  numbersLow: false,
}

/** When the next commit is due: in the past if it is overdue, null if there is nothing to write. */
export function commitDueMs(budget: FlushBudget, uncommitted: Uncommitted, limits: FlushLimits): number | null {
  const { sinceMs, firstCrashMs, crashAgainMs, numbersLow } = uncommitted
  if (numbersLow) return budget.bytes.atMs
  if (sinceMs === null) return null
  const due = [routineMs(budget, sinceMs, limits)]
  const crashMs = firstCrashMs ?? crashAgainMs
  if (crashMs !== null) due.push(Math.max(crashMs + CRASH_WITHIN_MS, beforeItsTimeMs(budget, limits)))
  if (firstCrashMs !== null) due.push(Math.max(firstCrashMs + CRASH_WITHIN_MS, reserveMs(budget)))
  return Math.min(...due)
}

/** What pays for a commit that is due at `nowMs`. */
export function paidBy(
  budget: FlushBudget,
  { sinceMs, firstCrashMs, numbersLow }: Uncommitted,
  nowMs: number,
  limits: FlushLimits,
): PaidBy {
  if (sinceMs === null || firstCrashMs === null || numbersLow) return 'budget'
  const isDue = Math.min(routineMs(budget, sinceMs, limits), beforeItsTimeMs(budget, limits)) <= nowMs
  return isDue ? 'budget' : 'reserve'
}

/** True if the budget allows a commit for a scrape now. */
export function readerMayCommit(
  budget: FlushBudget,
  { sinceMs }: Uncommitted,
  nowMs: number,
  limits: FlushLimits,
): boolean {
  return sinceMs !== null && beforeItsTimeMs(budget, limits) <= nowMs
}

/**
 * The longest time that a change can wait: of the oldest one that waits, or else of one that happens now. More than the flush
 * interval while the bytes must last.
 */
export function longestDelayMs(
  budget: FlushBudget,
  { sinceMs }: Uncommitted,
  nowMs: number,
  limits: FlushLimits,
): number {
  const fromMs = sinceMs ?? nowMs
  return Math.min(
    stretchedAtMostMs(limits),
    Math.max(limits.flushIntervalMs, bytesLeftAtMs(budget, limits, 0) - fromMs),
  )
}

/**
 * Whether a crash is a first one: by the wall clock, because the last crash may be from before a restart. A last crash in the
 * future is from before the clock was set back.
 */
export function isFirstCrash(lastCrashMs: number | null, wallMs: number): boolean {
  return lastCrashMs === null || wallMs < lastCrashMs || wallMs - lastCrashMs >= FIRST_AFTER_MS
}

/** What is uncommitted after one more step, in which a unit crashed for the first time, or again, or none did. */
export function uncommittedAfter(
  uncommitted: Uncommitted,
  crash: 'first' | 'again' | null,
  nowMs: number,
): Uncommitted {
  return {
    ...uncommitted,
    sinceMs: uncommitted.sinceMs ?? nowMs,
    firstCrashMs: uncommitted.firstCrashMs ?? (crash === 'first' ? nowMs : null),
    crashAgainMs: uncommitted.crashAgainMs ?? (crash === 'again' ? nowMs : null),
  }
}

function routineMs(budget: FlushBudget, sinceMs: number, limits: FlushLimits): number {
  const { flushIntervalMs } = limits
  const early = Math.min(ROUTINE_EARLY_MS, flushIntervalMs / 2)
  return Math.max(
    (budget.lastCommitMs ?? Number.NEGATIVE_INFINITY) + flushIntervalMs,
    sinceMs + flushIntervalMs - early,
    Math.min(bytesLeftAtMs(budget, limits, 0), sinceMs + stretchedAtMostMs(limits) - early),
  )
}

function stretchedAtMostMs({ flushIntervalMs }: FlushLimits): number {
  return Math.max(flushIntervalMs, STRETCHED_AT_MOST_MS)
}
