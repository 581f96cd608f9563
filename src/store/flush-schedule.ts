// The flush schedule: tracks the budget, uncommitted changes and retries, and from them when the next commit is due.
import * as policy from './flush-policy.ts'

const RETRY_FIRST_MS = 5_000
const RETRY_AT_MOST_MS = 300_000

export interface FlushSchedule {
  /** Records a change that must be written; `crashed` names the units that crashed in it. */
  changed(crashed: readonly string[], nowMs: number): void
  /** True if nothing is uncommitted. */
  isIdle(): boolean
  /** When the next commit is due, null for never; after a write error, the time of the next retry. */
  dueMs(): number | null
  /** The reason of a commit that is due at `nowMs`. */
  reason(nowMs: number): policy.CommitReason
  /** The reason of a commit for a scrape; null if the budget allows none now. */
  readerReason(nowMs: number): policy.CommitReason | null
  /** A commit starts: returns what is uncommitted. Later changes belong to the next commit. */
  begin(): policy.Uncommitted
  succeeded(reason: policy.CommitReason, beganMs: number): void
  /** The commit failed: `taken`, which `begin` returned, is uncommitted again. */
  failed(taken: policy.Uncommitted, nowMs: number): void
  setFlushInterval(ms: number): void
}

/** `numbersLow`: true when few reserved event numbers are left; then a commit is due at once. */
export function createFlushSchedule(
  startMs: number,
  flushIntervalMs: number,
  numbersLow: () => boolean,
): FlushSchedule {
  const lastCrash = new Map<string, number>()
  let intervalMs = flushIntervalMs
  let budget = policy.fullFlushBudget(startMs)
  let uncommitted = policy.NOTHING_UNCOMMITTED
  let retryMs = RETRY_FIRST_MS
  let retryAtMs: number | null = null

  const withNumbers = (): policy.Uncommitted => ({ ...uncommitted, numbersLow: numbersLow() })

  return {
    changed(crashed, nowMs) {
      uncommitted = policy.uncommittedAfter(uncommitted, crashed, lastCrash, nowMs, intervalMs)
      for (const unit of crashed) lastCrash.set(unit, nowMs)
    },
    isIdle: () => uncommitted.sinceMs === null,
    dueMs: () => retryAtMs ?? policy.commitDueMs(budget, withNumbers(), intervalMs),
    reason: (nowMs) => (retryAtMs === null ? policy.commitReason(budget, withNumbers(), nowMs, intervalMs) : 'forced'),
    readerReason(nowMs) {
      if (!policy.readerMayCommit(budget, uncommitted, nowMs, intervalMs)) return null
      return policy.commitReason(budget, uncommitted, nowMs, intervalMs)
    },
    begin() {
      const taken = uncommitted
      uncommitted = policy.NOTHING_UNCOMMITTED
      return taken
    },
    succeeded(reason, beganMs) {
      retryAtMs = null
      retryMs = RETRY_FIRST_MS
      budget = policy.afterCommit(budget, reason, beganMs, intervalMs)
    },
    failed(taken, nowMs) {
      uncommitted = { ...uncommitted, sinceMs: taken.sinceMs ?? uncommitted.sinceMs }
      retryAtMs = nowMs + retryMs
      retryMs = Math.min(RETRY_AT_MOST_MS, retryMs * 2)
    },
    setFlushInterval(ms) {
      intervalMs = ms
    },
  }
}
