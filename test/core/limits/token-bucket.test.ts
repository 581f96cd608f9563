import { expect, test } from 'vitest'
import { availableAtMs, fullBucket, refilled, spent } from '../../../src/core/limits/token-bucket.ts'

const RATE = { everyMs: 2_000, burst: 3 }

test('a bucket is full at first, gains one token per interval and never holds more than the burst', () => {
  const bucket = fullBucket(RATE, 10_000)
  expect(bucket).toEqual({ tokens: 3, atMs: 10_000 })
  const empty = spent(spent(spent(bucket)))
  expect(empty.tokens).toBe(0)
  expect(refilled(empty, RATE, 13_000)).toEqual({ tokens: 1.5, atMs: 13_000 })
  expect(refilled(empty, RATE, 99_000)).toEqual({ tokens: 3, atMs: 99_000 })
})

test('a clock that reads an earlier time takes no tokens away', () => {
  expect(refilled({ tokens: 1, atMs: 10_000 }, RATE, 9_000)).toEqual({ tokens: 1, atMs: 9_000 })
})

test('spending stops at the floor: 0, or a debt that the caller allows', () => {
  expect(spent({ tokens: 0.5, atMs: 0 }).tokens).toBe(0)
  expect(spent({ tokens: 0.5, atMs: 0 }, -2).tokens).toBe(-0.5)
  expect(spent({ tokens: -1.5, atMs: 0 }, -2).tokens).toBe(-2)
})

test('tokens are available when enough intervals have passed', () => {
  expect(availableAtMs({ tokens: 0.75, atMs: 1_000 }, 1, 2_000)).toBe(1_500)
  expect(availableAtMs({ tokens: 2, atMs: 1_000 }, 1, 2_000)).toBe(1_000)
})
