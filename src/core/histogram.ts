// A Prometheus histogram of durations. Use few buckets: each one is a series on every gateway of a fleet.

/** Cumulative counts per upper bound (seconds). */
export interface Histogram {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

export interface Tally {
  add(seconds: number): void
  read(): Histogram
}

/** `bounds` in ascending order. */
export function createTally(bounds: readonly number[]): Tally {
  const counts = bounds.map(() => 0)
  let sum = 0
  let count = 0
  return {
    add(seconds) {
      count += 1
      sum += seconds
      for (const [i, bound] of bounds.entries()) if (seconds <= bound) counts[i] = (counts[i] ?? 0) + 1
    },
    // Rounded to the microsecond: further digits are noise and would be sent with each scrape.
    read: () => ({ bounds, counts: [...counts], sum: Math.round(sum * 1e6) / 1e6, count }),
  }
}
