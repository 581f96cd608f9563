// The flush policy: when to write to flash, as pure functions of the budget, the uncommitted changes and the time.
import {
  availableAtMs,
  fullBucket,
  refilled,
  spent,
  type TokenBucket,
  type TokenRate,
} from '../core/limits/token-bucket.ts'

/** A commit for a scrape or for a crash costs a token; one token is added every two minutes. Times are monotonic ms. */
const TOKENS = 10
const TOKEN_EVERY_MS = 120_000
const EARLY_RATE: TokenRate = { everyMs: TOKEN_EVERY_MS, burst: TOKENS }
/** Tokens that scrapes and repeated crashes leave for the first crash of another unit. */
const TOKENS_FOR_FIRST_CRASHES = 5
/**
 * A first crash is committed this long after it, and so within 1 s. Its restart (100 ms later by systemd's default) and
 * the crashes of other units at the same time share the commit.
 */
const CRASH_WITHIN_MS = 500
/** A routine commit starts this long before its time, so that it is on flash when `flush_interval` ends. */
const ROUTINE_EARLY_MS = 500

/**
 * Two token buckets. `early` pays for commits before their time. `average` pays for every commit and gains one token per
 * flush interval. So no load causes more than one commit per interval plus TOKENS.
 */
export interface FlushBudget {
  readonly early: TokenBucket
  readonly average: TokenBucket
  readonly lastCommitMs: number | null
}

/** What is not on flash yet: times of the oldest changes of each type, null if there is none. */
export interface Uncommitted {
  /** The oldest change of any type. */
  readonly sinceMs: number | null
  /** The oldest crash of a unit that had not crashed within the flush interval before. */
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

/** Why a commit is made. Only `early` ones cost a token of the early bucket. */
export type CommitReason = 'routine' | 'early' | 'forced'

export function fullFlushBudget(nowMs: number): FlushBudget {
  const bucket = fullBucket(EARLY_RATE, nowMs)
  return { early: bucket, average: bucket, lastCommitMs: null }
}

/** When the next commit is due: in the past if it is overdue, null if there is nothing to write. */
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

/** The reason of a commit that is due at `nowMs`. */
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

/** True if the budget allows a commit for a scrape now. */
export function readerMayCommit(
  budget: FlushBudget,
  { sinceMs }: Uncommitted,
  nowMs: number,
  flushIntervalMs: number,
): boolean {
  return sinceMs !== null && earlyCommitMs(budget, TOKENS_FOR_FIRST_CRASHES + 1, flushIntervalMs) <= nowMs
}

/** The budget after a commit that started at `nowMs`. */
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
 * What is uncommitted after one more step. `crashed`: the units that crashed in it. `lastCrash`: the time of the crash
 * before, by unit.
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

/** When both buckets have this many tokens. */
function earlyCommitMs({ early, average }: FlushBudget, tokens: number, flushIntervalMs: number): number {
  return Math.max(availableAtMs(early, tokens, TOKEN_EVERY_MS), availableAtMs(average, tokens, flushIntervalMs))
}
