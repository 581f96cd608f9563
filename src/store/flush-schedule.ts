// The flush schedule: tracks the budget, uncommitted changes and retries, and from them when the next commit is due.
import * as budgets from './flush-budget.ts'
import * as policy from './flush-policy.ts'

const RETRY_FIRST_MS = 5_000
const RETRY_AT_MOST_MS = 300_000

export interface FlushSchedule {
  /** Records a change that must be written, and whether a unit crashed in it. */
  changed(crash: 'first' | 'again' | null, nowMs: number): void
  /** True if nothing is uncommitted. */
  isIdle(): boolean
  /** When the next commit is due, null for never; after a write error, the time of the next retry. */
  dueMs(): number | null
  /** What pays for a commit that is due at `nowMs`. */
  paidBy(nowMs: number): budgets.PaidBy
  /** True if the budget allows a commit for a scrape now. */
  readerMayCommit(nowMs: number): boolean
  /** The part of the budget to store with a commit that starts now, and is paid `by`. */
  stored(by: budgets.PaidBy, nowMs: number): budgets.StoredBudget
  /** A commit starts: returns what is uncommitted. Later changes belong to the next commit. */
  begin(): policy.Uncommitted
  succeeded(by: budgets.PaidBy, bytes: number, beganMs: number): void
  /** The commit failed: `taken`, which `begin` returned, is uncommitted again. */
  failed(taken: policy.Uncommitted, nowMs: number): void
  /** The longest time that a change waits now. */
  longestDelayMs(nowMs: number): number
  /** True while more may have been written in a day than is allowed. */
  isExceeded(nowMs: number): boolean
  /** What the configuration allows now. */
  limits(): budgets.FlushLimits
  setLimits(limits: budgets.FlushLimits, nowMs: number): void
}

/**
 * `stored`: null for a new file. `numbersLow`: true when few reserved event numbers are left; then a commit is due at once.
 */
export function createFlushSchedule(
  stored: budgets.FlushBudget | null,
  startMs: number,
  limitsAtStart: budgets.FlushLimits,
  numbersLow: () => boolean,
): FlushSchedule {
  let limits = limitsAtStart
  let budget = stored ?? budgets.fullFlushBudget(startMs, limits)
  /** A file is created once, with perhaps a megabyte: the budget is for what follows. */
  let createsFile = stored === null
  let uncommitted = policy.NOTHING_UNCOMMITTED
  let exceeded = false
  let retryMs = RETRY_FIRST_MS
  let retryAtMs: number | null = null

  const withNumbers = (): policy.Uncommitted => ({ ...uncommitted, numbersLow: numbersLow() })

  return {
    changed(crash, nowMs) {
      uncommitted = policy.uncommittedAfter(uncommitted, crash, nowMs)
    },
    isIdle: () => uncommitted.sinceMs === null,
    dueMs: () => retryAtMs ?? policy.commitDueMs(budget, withNumbers(), limits),
    paidBy: (nowMs) => (retryAtMs === null ? policy.paidBy(budget, withNumbers(), nowMs, limits) : 'budget'),
    readerMayCommit: (nowMs) => policy.readerMayCommit(budget, uncommitted, nowMs, limits),
    stored: (by, nowMs) => budgets.storedBudget(budget, by, nowMs, limits),
    begin() {
      const taken = uncommitted
      uncommitted = policy.NOTHING_UNCOMMITTED
      return taken
    },
    succeeded(by, bytes, beganMs) {
      retryAtMs = null
      retryMs = RETRY_FIRST_MS
      budget = budgets.afterCommit(budget, by, createsFile ? 0 : bytes, beganMs, limits)
      createsFile = false
    },
    failed(taken, nowMs) {
      uncommitted = { ...uncommitted, sinceMs: taken.sinceMs ?? uncommitted.sinceMs }
      retryAtMs = nowMs + retryMs
      retryMs = Math.min(RETRY_AT_MOST_MS, retryMs * 2)
    },
    longestDelayMs: (nowMs) => policy.longestDelayMs(budget, uncommitted, nowMs, limits),
    isExceeded(nowMs) {
      exceeded = budgets.isExceeded(budget, exceeded, nowMs, limits)
      return exceeded
    },
    limits: () => limits,
    setLimits(next, nowMs) {
      limits = next
      budget = budgets.limited(budget, nowMs, limits)
    },
  }
}
