// Exponential back-off with jitter: how long to wait before the next attempt to connect.
export interface Backoff {
  readonly firstMs: number
  readonly longestMs: number
  /** Lower limit of each wait. */
  readonly shortestMs: number
}

/**
 * Doubles from `firstMs` to `longestMs` with every attempt (0, 1, 2, ...), less up to a half at random, so that the
 * gateways of a fleet do not all reconnect at the same instant after an outage. `random` is in [0, 1).
 */
export function backoffMs({ firstMs, longestMs, shortestMs }: Backoff, attempt: number, random: number): number {
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 16))
  return Math.max(shortestMs, Math.round(ceiling * (1 - random / 2)))
}
