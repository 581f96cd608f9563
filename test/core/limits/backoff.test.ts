// The waits between two attempts to connect, used for the bus and the broker.
import { expect, test } from 'vitest'
import { backoffMs } from '../../../src/core/limits/backoff.ts'

test('the wait grows from the first to the longest, shortened by up to a half at random', () => {
  const broker = { firstMs: 2000, longestMs: 60_000, shortestMs: 1000 }
  expect([0, 1, 2, 3, 4, 5, 6, 100].map((n) => backoffMs(broker, n, 0))).toEqual([
    2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ])
  expect([0, 1, 5].map((n) => backoffMs(broker, n, 0.999_999))).toEqual([1000, 2000, 30_000])
})

test('a wait is never shorter than the shortest one', () => {
  const bus = { firstMs: 500, longestMs: 30_000, shortestMs: 500 }
  const waits = (random: number) => [0, 1, 2, 3, 6, 100].map((attempt) => backoffMs(bus, attempt, random))
  expect(waits(0)).toEqual([500, 1000, 2000, 4000, 30_000, 30_000])
  expect(waits(0.5)).toEqual([500, 750, 1500, 3000, 22_500, 22_500])
  expect(Math.min(...waits(0.999_999))).toBeGreaterThanOrEqual(500)
})
