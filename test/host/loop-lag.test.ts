// The event loop delay: the longest of the last minute, and nothing older.
import { expect, test } from 'vitest'
import { createLoopLag } from '../../src/host/loop-lag.ts'
import { testClock } from '../rig/clock.ts'

test('reports the longest delay, and forgets it after a minute even if nothing is measured again', async () => {
  const clock = testClock()
  const lag = createLoopLag(clock)
  expect(lag.worstSeconds()).toBe(0)
  const measured = lag.measure()
  clock.skip(2_500)
  await measured
  await lag.measure()
  expect(lag.worstSeconds()).toBe(2.5)
  clock.skip(59_999)
  expect(lag.worstSeconds()).toBe(2.5)
  clock.skip(1)
  expect(lag.worstSeconds()).toBe(0)
})

test('reports the delay of a timer as well, for a minute', () => {
  const clock = testClock()
  const lag = createLoopLag(clock)
  lag.note(1_300)
  clock.skip(10_000)
  lag.note(2)
  expect(lag.worstSeconds()).toBe(1.3)
  clock.skip(50_000)
  expect(lag.worstSeconds()).toBe(0.002)
})
