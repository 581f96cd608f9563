// How long to wait before the next attempt to connect: exponential, with jitter.
export interface Backoff {
  readonly firstMs: number
  readonly longestMs: number
  /** No wait is shorter than this. */
  readonly shortestMs: number
}

/**
 * Doubles from `firstMs` to `longestMs` with every attempt (0, 1, 2, ...), less up to a half at random: after an outage
 * the gateways of a fleet must not all reconnect at the same instant. `random` is in [0, 1).
 */
export function backoffMs({ firstMs, longestMs, shortestMs }: Backoff, attempt: number, random: number): number {
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 16))
  return Math.max(shortestMs, Math.round(ceiling * (1 - random / 2)))
}
