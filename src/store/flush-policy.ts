// When to write to flash: pure functions of what was spent, what waits, and the time. All times are monotonic ms.

/** A reader or a first crash costs a token; one comes back every two minutes. */
export const TOKENS = 10
export const TOKEN_EVERY_MS = 120_000
/** What readers, and units that crash again and again, leave for the first crash of another unit. */
export const TOKENS_FOR_FIRST_CRASHES = 5
/**
 * A first crash is committed this long after it (and so within 1 s), so that the restart after systemd's default of 100 ms,
 * and units that fell together, share its page.
 */
export const CRASH_WITHIN_MS = 500
/** So that a start is on flash, not only on its way, after `flush_interval`. */
const ROUTINE_EARLY_MS = 500

/**
 * What may still be spent. Two buckets: `tokens` for commits that come before their time, and `allowance`, from which
 * every commit takes one and which gains one per flush interval: so any load writes at most TOKENS more than one commit
 * per interval, whatever comes together.
 */
export interface FlushBudget {
  readonly tokens: number
  readonly allowance: number
  readonly atMs: number
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

export const NOTHING_UNCOMMITTED: Uncommitted = { sinceMs: null, firstCrashMs: null, crashAgainMs: null, numbersLow: false }

/** Why a commit happened: `early` ones cost a token. */
export type CommitReason = 'routine' | 'early' | 'forced'

export function fullFlushBudget(nowMs: number): FlushBudget {
  return { tokens: TOKENS, allowance: TOKENS, atMs: nowMs, lastCommitMs: null }
}

/** When the next commit is due, null when there is nothing to write; in the past when it is due already. */
export function commitDueMs(g: FlushBudget, waiting: Uncommitted, flushIntervalMs: number): number | null {
  if (waiting.numbersLow) return g.atMs
  if (waiting.sinceMs === null) return null
  const due = [routineMs(g, waiting.sinceMs, flushIntervalMs)]
  if (waiting.firstCrashMs !== null) {
    due.push(Math.max(waiting.firstCrashMs + CRASH_WITHIN_MS, availableAtMs(g, 1, flushIntervalMs)))
  }
  if (waiting.crashAgainMs !== null) {
    const kept = TOKENS_FOR_FIRST_CRASHES + 1
    due.push(Math.max(waiting.crashAgainMs + CRASH_WITHIN_MS, availableAtMs(g, kept, flushIntervalMs)))
  }
  return Math.min(...due)
}

/** What a commit at `nowMs` is, if it is made because it is due. */
export function commitReason(g: FlushBudget, waiting: Uncommitted, nowMs: number, flushIntervalMs: number): CommitReason {
  if (waiting.numbersLow) return 'forced'
  return waiting.sinceMs !== null && routineMs(g, waiting.sinceMs, flushIntervalMs) <= nowMs ? 'routine' : 'early'
}

/** May a scrape have its commit now? */
export function readerMayCommit(g: FlushBudget, waiting: Uncommitted, nowMs: number, flushIntervalMs: number): boolean {
  return waiting.sinceMs !== null && availableAtMs(g, TOKENS_FOR_FIRST_CRASHES + 1, flushIntervalMs) <= nowMs
}

/** The governor after a commit that began at `nowMs`. */
export function afterCommit(g: FlushBudget, why: CommitReason, nowMs: number, flushIntervalMs: number): FlushBudget {
  const { tokens, allowance } = refilled(g, nowMs, flushIntervalMs)
  return {
    tokens: why === 'early' ? Math.max(0, tokens - 1) : tokens,
    allowance: Math.max(-TOKENS, allowance - 1),
    atMs: nowMs,
    lastCommitMs: nowMs,
  }
}

/** What now waits, one step later. `crashed`: units of this step's crashes; `lastCrash`: when each crashed before. */
export function uncommittedAfter(
  waiting: Uncommitted,
  crashed: readonly string[],
  lastCrash: ReadonlyMap<string, number>,
  nowMs: number,
  flushIntervalMs: number,
): Uncommitted {
  const again = (unit: string) => nowMs - (lastCrash.get(unit) ?? Number.NEGATIVE_INFINITY) < flushIntervalMs
  const first = crashed.some((unit) => !again(unit))
  return {
    ...waiting,
    sinceMs: waiting.sinceMs ?? nowMs,
    firstCrashMs: waiting.firstCrashMs ?? (first ? nowMs : null),
    crashAgainMs: waiting.crashAgainMs ?? (crashed.some(again) ? nowMs : null),
  }
}

function routineMs(g: FlushBudget, sinceMs: number, flushIntervalMs: number): number {
  const early = Math.min(ROUTINE_EARLY_MS, flushIntervalMs / 2)
  return Math.max((g.lastCommitMs ?? Number.NEGATIVE_INFINITY) + flushIntervalMs, sinceMs + flushIntervalMs - early)
}

/** When both buckets hold `n`. */
function availableAtMs(g: FlushBudget, n: number, flushIntervalMs: number): number {
  const tokens = Math.max(0, n - g.tokens) * TOKEN_EVERY_MS
  const allowance = Math.max(0, n - g.allowance) * flushIntervalMs
  return g.atMs + Math.max(tokens, allowance)
}

function refilled(g: FlushBudget, nowMs: number, flushIntervalMs: number): { tokens: number; allowance: number } {
  const past = Math.max(0, nowMs - g.atMs)
  return {
    tokens: Math.min(TOKENS, g.tokens + past / TOKEN_EVERY_MS),
    allowance: Math.min(TOKENS, g.allowance + past / flushIntervalMs),
  }
}
