// A token bucket: limits an average rate and allows bursts. Pure; times are monotonic milliseconds.
export interface TokenBucket {
  /** May be a fraction; below 0 if a caller spends more than there is. */
  readonly tokens: number
  /** When `tokens` was computed. */
  readonly atMs: number
}

/** One token is added every `everyMs`, up to `burst`. */
export interface TokenRate {
  readonly everyMs: number
  readonly burst: number
}

export function fullBucket(rate: TokenRate, nowMs: number): TokenBucket {
  return { tokens: rate.burst, atMs: nowMs }
}

/** The bucket at `nowMs`, with the tokens that were added since. */
export function refilled(bucket: TokenBucket, rate: TokenRate, nowMs: number): TokenBucket {
  const elapsedMs = Math.max(0, nowMs - bucket.atMs)
  return { tokens: Math.min(rate.burst, bucket.tokens + elapsedMs / rate.everyMs), atMs: nowMs }
}

/** One token less, or `tokens`, but not below `least`. */
export function spent(bucket: TokenBucket, least = 0, tokens = 1): TokenBucket {
  return { ...bucket, tokens: Math.max(least, bucket.tokens - tokens) }
}

/** When the bucket holds `tokens`; in the past when it does already. */
export function availableAtMs(bucket: TokenBucket, tokens: number, everyMs: number): number {
  return bucket.atMs + Math.max(0, tokens - bucket.tokens) * everyMs
}
