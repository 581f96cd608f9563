// Counts requests by route and status, and measures response times, for /metrics.
import { createTally, type Histogram, type Tally } from '../core/histogram.ts'
import type { HttpHealth } from '../ports.ts'

/** Upper bounds of the histogram's buckets, in seconds. */
const BOUNDS = [0.01, 0.1]

export interface RequestMetrics {
  /**
   * `route`: its path in the table, since each value is a series and their number must stay small. `seconds`: null for
   * a stream, whose duration is not a response time.
   */
  count(route: string, code: number, seconds: number | null): void
  read(): Pick<HttpHealth, 'requests' | 'seconds'>
}

export function createRequestMetrics(): RequestMetrics {
  const counts = new Map<string, Map<number, number>>()
  const durations = new Map<string, Tally>()
  return {
    count(route, code, seconds) {
      const codes = counts.get(route) ?? new Map<number, number>()
      counts.set(route, codes.set(code, (codes.get(code) ?? 0) + 1))
      if (seconds === null) return
      const duration = durations.get(route) ?? createTally(BOUNDS)
      duration.add(seconds)
      durations.set(route, duration)
    },
    read() {
      const requests = [...counts].flatMap(([route, codes]) =>
        [...codes].map(([code, count]) => ({ route, code: String(code), count })),
      )
      const seconds: Record<string, Histogram> = {}
      for (const [route, duration] of durations) seconds[route] = duration.read()
      return { requests, seconds }
    },
  }
}
