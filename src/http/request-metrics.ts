// Counts what was asked and how long answering took, for the metrics.
import { type Histogram, type Tally, createTally } from '../core/histogram.ts'
import type { HttpHealth } from '../ports.ts'

/** Seconds. */
const BOUNDS = [0.01, 0.1]

export interface Requests {
  /** `route`: its path in the table; of a small set, as each is a series. `seconds`: null for a stream, which goes on. */
  answered(route: string, code: number, seconds: number | null): void
  read(): Pick<HttpHealth, 'requests' | 'seconds'>
}

export function createRequests(): Requests {
  const counts = new Map<string, Map<number, number>>()
  const times = new Map<string, Tally>()
  return {
    answered(route, code, seconds) {
      const codes = counts.get(route) ?? new Map<number, number>()
      counts.set(route, codes.set(code, (codes.get(code) ?? 0) + 1))
      if (seconds === null) return
      const took = times.get(route) ?? createTally(BOUNDS)
      took.add(seconds)
      times.set(route, took)
    },
    read() {
      const requests = [...counts].flatMap(([route, codes]) =>
        [...codes].map(([code, count]) => ({ route, code: String(code), count })),
      )
      const seconds: Record<string, Histogram> = {}
      for (const [route, took] of times) seconds[route] = took.read()
      return { requests, seconds }
    },
  }
}
