// When the next commit is due: the flush policy with its budget, what is uncommitted, and the retry after an error.
import * as policy from './flush-policy.ts'

const RETRY_FIRST_MS = 5_000
const RETRY_AT_MOST_MS = 300_000

export interface FlushSchedule {
  /** Something changed that flash must hold; `crashed`: the units of its crashes. */
  changed(crashed: readonly string[], nowMs: number): void
  /** True when nothing waits to be written. */
  isIdle(): boolean
  /** When the next commit is due, null for never; after an error, when to try again. */
  dueMs(): number | null
  /** Why a commit that is due at `nowMs` is made. */
  reason(nowMs: number): policy.CommitReason
  /** Null where a reader may not have a commit now. */
  readerReason(nowMs: number): policy.CommitReason | null
  /** A commit begins with all that is uncommitted, which is returned; what comes from now on is for the next one. */
  begin(): policy.Uncommitted
  succeeded(reason: policy.CommitReason, beganMs: number): void
  /** `taken`: what `begin` returned. It is uncommitted still. */
  failed(taken: policy.Uncommitted, nowMs: number): void
  setFlushInterval(ms: number): void
}

/** `numbersLow`: true when event numbers run out, so that a commit is due at once. */
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
