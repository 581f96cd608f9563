// A process that was stalled suspects a gap; one whose timers are on time does not.
import { expect, test } from 'vitest'
import { createSharedTimers } from '../../src/host/shared-timers.ts'
import { withStallDetector } from '../../src/host/stall-detector.ts'
import type { UnitSource } from '../../src/ports.ts'
import { testClock } from '../rig/clock.ts'

test('a timer that is far too late is one suspected gap, and the delay of each is noted', async () => {
  const clock = testClock()
  const callTimer = (lateMs: number) => {
    clock.skip((clock.dueInMs() ?? Number.NaN) + lateMs)
    clock.advance(0)
  }
  const logs: string[] = []
  let gaps = 0
  const delays: number[] = []
  const still = { start() {}, stop: async () => {}, suspectGap: () => void gaps++ } as unknown as UnitSource
  const source = withStallDetector(
    still,
    (lateMs) => delays.push(lateMs),
    createSharedTimers(() => clock.now().monoMs, clock.after),
    (level, text) => logs.push(`${level} ${text}`),
  )
  source.start(() => {})
  callTimer(1999)
  expect(gaps).toBe(0)
  callTimer(30_000)
  expect(gaps).toBe(1)
  callTimer(3)
  expect(gaps).toBe(1)
  expect(logs).toEqual(['warning process was stalled for 30 s; re-reading all units'])
  expect(delays).toEqual([1999, 30_000, 3])
  await source.stop()
  expect(clock.pending()).toBe(0)
})
