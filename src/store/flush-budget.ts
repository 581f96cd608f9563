// The flush budget: what may be written to flash, as token buckets. Pure; times are monotonic ms.
import {
  availableAtMs,
  fullBucket,
  refilled,
  spent,
  type TokenBucket,
  type TokenRate,
} from '../core/limits/token-bucket.ts'

/** What the configuration allows. */
export interface FlushLimits {
  readonly flushIntervalMs: number
  /** Bytes that the file system may write in 24 hours, with its side writes. */
  readonly bytesPerDay: number
}

/** `bytesPerDay` for no limit: more than any device can write. */
export const UNLIMITED_BYTES = 2 ** 48

const DAY_MS = 86_400_000
/**
 * Of `bytesPerDay`, this share is added to the bucket in a day, and this one it can hold. While the bucket is not in debt, no
 * 24 hours exceed the limit; what remains is for the commit that empties it.
 */
const ADDED_IN_A_DAY = 15 / 16
const HELD_AT_MOST = 1 / 24
/**
 * Commits before their time, for scrapes and repeated crashes: this many at once, and one more per this many flush intervals.
 * Every commit takes a token, so while something changes all the time there are none.
 */
const PACE_BURST = 5
const PACE_INTERVALS = 2
/** Commits for first crashes, whatever the other buckets hold: one more every two minutes. */
const RESERVE: TokenRate = { everyMs: 120_000, burst: 10 }

/** Three token buckets. Every commit takes from `bytes` and from `pace`, which may go below 0. */
export interface FlushBudget {
  /** Bytes. While it is empty, a routine commit waits. */
  readonly bytes: TokenBucket
  /** Commits. While it is empty, there is none before its time. */
  readonly pace: TokenBucket
  /** Commits. A first crash takes one if the other buckets would delay it. */
  readonly reserve: TokenBucket
  readonly lastCommitMs: number | null
}

/** What pays for a commit: only one for a first crash takes a token of the reserve. */
export type PaidBy = 'budget' | 'reserve'

/** The part of a budget that the state file keeps, so that a restart does not fill the buckets. */
export interface StoredBudget {
  /** Before the commit that it is stored with. */
  readonly bytes: number
  /** After that commit. */
  readonly reserve: number
}

export function fullFlushBudget(nowMs: number, limits: FlushLimits): FlushBudget {
  return {
    bytes: fullBucket(bytesRate(limits), nowMs),
    pace: fullBucket(paceRate(limits), nowMs),
    reserve: fullBucket(RESERVE, nowMs),
    lastCommitMs: null,
  }
}

/** The budget of an agent that starts `elapsedMs` after the commit that `stored` is from, which had `bytes`. */
export function restoredFlushBudget(
  stored: StoredBudget,
  bytes: number,
  elapsedMs: number,
  nowMs: number,
  limits: FlushLimits,
): FlushBudget {
  const since = (tokens: number): TokenBucket => ({ tokens, atMs: nowMs - elapsedMs })
  const full = fullFlushBudget(nowMs, limits)
  return limited({ ...full, bytes: since(stored.bytes - bytes), reserve: since(stored.reserve) }, nowMs, limits)
}

/** What to store with a commit that starts now; how much it writes is not known yet. */
export function storedBudget(budget: FlushBudget, by: PaidBy, nowMs: number, limits: FlushLimits): StoredBudget {
  const { bytes, reserve } = afterCommit(budget, by, 0, nowMs, limits)
  return { bytes: Math.floor(bytes.tokens), reserve: Math.floor(reserve.tokens) }
}

/** The budget at `nowMs` under these limits, which may be new. */
export function limited(budget: FlushBudget, nowMs: number, limits: FlushLimits): FlushBudget {
  const rate = bytesRate(limits)
  const bytes = refilled(budget.bytes, rate, nowMs)
  return {
    ...budget,
    bytes: { ...bytes, tokens: Math.max(bytes.tokens, -rate.burst) },
    pace: refilled(budget.pace, paceRate(limits), nowMs),
    reserve: refilled(budget.reserve, RESERVE, nowMs),
  }
}

/** The budget after a commit that started at `nowMs` and wrote `bytes`. */
export function afterCommit(
  budget: FlushBudget,
  by: PaidBy,
  bytes: number,
  nowMs: number,
  limits: FlushLimits,
): FlushBudget {
  const now = limited(budget, nowMs, limits)
  return {
    bytes: spent(now.bytes, -bytesRate(limits).burst, bytes),
    pace: spent(now.pace, -PACE_BURST),
    reserve: by === 'reserve' ? spent(now.reserve) : now.reserve,
    lastCommitMs: nowMs,
  }
}

/**
 * True if more than `bytesPerDay` may have been written in 24 hours. `before`: it was so at the last call; then it is, until
 * the debt is paid.
 */
export function isExceeded(budget: FlushBudget, before: boolean, nowMs: number, limits: FlushLimits): boolean {
  const { burst } = bytesRate(limits)
  return limited(budget, nowMs, limits).bytes.tokens < (before ? 0 : -burst / 2)
}

/** When a commit is possible before its time: not with the last half of the bytes. */
export function beforeItsTimeMs(budget: FlushBudget, limits: FlushLimits): number {
  return Math.max(
    availableAtMs(budget.pace, 1, paceRate(limits).everyMs),
    bytesLeftAtMs(budget, limits, bytesRate(limits).burst / 2),
  )
}

/** When the reserve has a token. */
export function reserveMs({ reserve }: FlushBudget): number {
  return availableAtMs(reserve, 1, RESERVE.everyMs)
}

/** When the bucket holds this many bytes. */
export function bytesLeftAtMs({ bytes }: FlushBudget, limits: FlushLimits, tokens: number): number {
  return availableAtMs(bytes, tokens, bytesRate(limits).everyMs)
}

function paceRate({ flushIntervalMs }: FlushLimits): TokenRate {
  return { everyMs: flushIntervalMs * PACE_INTERVALS, burst: PACE_BURST }
}

function bytesRate({ bytesPerDay }: FlushLimits): TokenRate {
  return { everyMs: DAY_MS / (bytesPerDay * ADDED_IN_A_DAY), burst: bytesPerDay * HELD_AT_MOST }
}
