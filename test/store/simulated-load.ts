// Crashes at a fixed rate, and the commits that the flush policy makes of them.
import { afterCommit, type FlushBudget, type FlushLimits, fullFlushBudget } from '../../src/store/flush-budget.ts'
import {
  commitDueMs,
  isFirstCrash,
  NOTHING_UNCOMMITTED,
  paidBy,
  readerMayCommit,
  type Uncommitted,
  uncommittedAfter,
} from '../../src/store/flush-policy.ts'

export const STEP_MS = 500

export interface SimulatedLoad {
  /** A crash every so often, of `units` in turn, the first one at `firstMs`, which is less. */
  readonly everyMs: number
  readonly firstMs: number
  readonly units: number
  readonly limits: FlushLimits
  readonly untilMs: number
  /** Whether there is a scrape every 15 s. */
  readonly scrapes: boolean
  /** What a commit at this time writes. */
  readonly bytesAt: (nowMs: number) => number
}

export interface SimulatedCommit {
  readonly nowMs: number
  readonly bytes: number
  readonly uncommitted: Uncommitted
  readonly before: FlushBudget
  readonly after: FlushBudget
}

export function* commitsUnder(load: SimulatedLoad): Generator<SimulatedCommit> {
  const { everyMs, firstMs, units, limits, untilMs, scrapes, bytesAt } = load
  let budget = fullFlushBudget(0, limits)
  let uncommitted = NOTHING_UNCOMMITTED
  const last = new Map<number, number>()
  for (let nowMs = 0, crashes = 0; nowMs < untilMs; nowMs += STEP_MS) {
    if (nowMs % everyMs === firstMs) {
      const unit = crashes++ % units
      const crash = isFirstCrash(last.get(unit) ?? null, nowMs) ? 'first' : 'again'
      uncommitted = uncommittedAfter(uncommitted, crash, nowMs)
      last.set(unit, nowMs)
    }
    const due = commitDueMs(budget, uncommitted, limits)
    const read = scrapes && nowMs % 15_000 === 0 && readerMayCommit(budget, uncommitted, nowMs, limits)
    if (!read && (due === null || due > nowMs)) continue
    const bytes = bytesAt(nowMs)
    const after = afterCommit(budget, paidBy(budget, uncommitted, nowMs, limits), bytes, nowMs, limits)
    yield { nowMs, bytes, uncommitted, before: budget, after }
    budget = after
    uncommitted = NOTHING_UNCOMMITTED
  }
}
