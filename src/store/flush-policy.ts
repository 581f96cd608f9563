// When to write to flash: pure functions of the budget, of what is uncommitted, and of the time (monotonic ms).
import { availableAtMs, fullBucket, refilled, spent, type TokenBucket, type TokenRate } from '../core/token-bucket.ts'

/** A reader or a first crash costs a token; one comes back every two minutes. */
const TOKENS = 10
const TOKEN_EVERY_MS = 120_000
const EARLY_RATE: TokenRate = { everyMs: TOKEN_EVERY_MS, burst: TOKENS }
/** What readers, and units that crash again and again, leave for the first crash of another unit. */
const TOKENS_FOR_FIRST_CRASHES = 5
/**
 * A first crash is committed this long after it (and so within 1 s), so that the restart after systemd's default of 100 ms,
 * and units that fell together, share its page.
 */
const CRASH_WITHIN_MS = 500
/** So that a start is on flash, not only on its way, after `flush_interval`. */
const ROUTINE_EARLY_MS = 500

/**
 * What may still be spent, in two buckets: `early` for commits that come before their time, and `average`, from which
 * every commit takes one and which gains one per flush interval. So any load writes at most TOKENS more than one commit
 * per interval, whatever comes together.
 */
export interface FlushBudget {
  readonly early: TokenBucket
  readonly average: TokenBucket
  readonly lastCommitMs: number | null
}

/** What is not on flash yet; null where there is no such thing. */
export interface Uncommitted {
  /** When the oldest of it came. */
  readonly sinceMs: number | null
  /** When a unit crashed that had not done so for a flush interval, and when one did that had. */
  readonly firstCrashMs: number | null
  readonly crashAgainMs: number | null
  /** True when event numbers run out: the reserved bound must be raised before it is reached. */
  readonly numbersLow: boolean
}

export const NOTHING_UNCOMMITTED: Uncommitted = {
  sinceMs: null,
  firstCrashMs: null,
  crashAgainMs: null,
  numbersLow: false,
}

/** Why a commit happened: `early` ones cost a token. */
export type CommitReason = 'routine' | 'early' | 'forced'

export function fullFlushBudget(nowMs: number): FlushBudget {
  const bucket = fullBucket(EARLY_RATE, nowMs)
  return { early: bucket, average: bucket, lastCommitMs: null }
}

/** When the next commit is due, null when there is nothing to write; in the past when it is due already. */
export function commitDueMs(budget: FlushBudget, uncommitted: Uncommitted, flushIntervalMs: number): number | null {
  const { sinceMs, firstCrashMs, crashAgainMs, numbersLow } = uncommitted
  if (numbersLow) return budget.average.atMs
  if (sinceMs === null) return null
  const due = [routineMs(budget, sinceMs, flushIntervalMs)]
  if (firstCrashMs !== null) {
    due.push(Math.max(firstCrashMs + CRASH_WITHIN_MS, earlyCommitMs(budget, 1, flushIntervalMs)))
  }
  if (crashAgainMs !== null) {
    const tokens = TOKENS_FOR_FIRST_CRASHES + 1
    due.push(Math.max(crashAgainMs + CRASH_WITHIN_MS, earlyCommitMs(budget, tokens, flushIntervalMs)))
  }
  return Math.min(...due)
}

/** What a commit at `nowMs` is, if it is made because it is due. */
export function commitReason(
  budget: FlushBudget,
  uncommitted: Uncommitted,
  nowMs: number,
  flushIntervalMs: number,
): CommitReason {
  if (uncommitted.numbersLow) return 'forced'
  const { sinceMs } = uncommitted
  return sinceMs !== null && routineMs(budget, sinceMs, flushIntervalMs) <= nowMs ? 'routine' : 'early'
}

/** May a scrape have its commit now? */
export function readerMayCommit(
  budget: FlushBudget,
  { sinceMs }: Uncommitted,
  nowMs: number,
  flushIntervalMs: number,
): boolean {
  return sinceMs !== null && earlyCommitMs(budget, TOKENS_FOR_FIRST_CRASHES + 1, flushIntervalMs) <= nowMs
}

/** The budget after a commit that began at `nowMs`. */
export function afterCommit(
  budget: FlushBudget,
  reason: CommitReason,
  nowMs: number,
  flushIntervalMs: number,
): FlushBudget {
  const early = refilled(budget.early, EARLY_RATE, nowMs)
  const average = refilled(budget.average, { everyMs: flushIntervalMs, burst: TOKENS }, nowMs)
  return {
    early: reason === 'early' ? spent(early) : early,
    average: spent(average, -TOKENS),
    lastCommitMs: nowMs,
  }
}

/**
 * What is uncommitted one step later. `crashed`: the units that crashed in this step; `lastCrash`: when each crashed
 * before.
 */
export function uncommittedAfter(
  uncommitted: Uncommitted,
  crashed: readonly string[],
  lastCrash: ReadonlyMap<string, number>,
  nowMs: number,
  flushIntervalMs: number,
): Uncommitted {
  const again = (unit: string) => nowMs - (lastCrash.get(unit) ?? Number.NEGATIVE_INFINITY) < flushIntervalMs
  const first = crashed.some((unit) => !again(unit))
  return {
    ...uncommitted,
    sinceMs: uncommitted.sinceMs ?? nowMs,
    firstCrashMs: uncommitted.firstCrashMs ?? (first ? nowMs : null),
    crashAgainMs: uncommitted.crashAgainMs ?? (crashed.some(again) ? nowMs : null),
  }
}

function routineMs(budget: FlushBudget, sinceMs: number, flushIntervalMs: number): number {
  const early = Math.min(ROUTINE_EARLY_MS, flushIntervalMs / 2)
  return Math.max(
    (budget.lastCommitMs ?? Number.NEGATIVE_INFINITY) + flushIntervalMs,
    sinceMs + flushIntervalMs - early,
  )
}

/** When both buckets hold so many tokens. */
function earlyCommitMs({ early, average }: FlushBudget, tokens: number, flushIntervalMs: number): number {
  return Math.max(availableAtMs(early, tokens, TOKEN_EVERY_MS), availableAtMs(average, tokens, flushIntervalMs))
}
