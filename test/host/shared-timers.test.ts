// Timers with slack share wake-ups, and are never later than their slack.
import { expect, test } from 'vitest'
import { createSharedTimers } from '../../src/host/shared-timers.ts'
import { testClock } from '../rig/clock.ts'

function timers() {
  const clock = testClock({ startMs: 0 })
  const wakeups: number[] = []
  const monoMs = () => clock.now().monoMs
  const timer = createSharedTimers(monoMs, (ms, call) =>
    clock.after(ms, () => {
      wakeups.push(monoMs())
      call()
    }),
  )
  return { clock, wakeups, monoMs, timer }
}

test('periodic timers that started at different times soon share their wake-ups', () => {
  const { clock, wakeups, monoMs, timer } = timers()
  const calls: [string, number][] = []
  const every = (name: string, ms: number) => {
    const again = () => {
      timer(
        ms,
        () => {
          calls.push([name, monoMs()])
          again()
        },
        1_000,
      )
    }
    again()
  }
  for (const [name, ms] of [
    ['stall', 10_000],
    ['ping', 20_000],
    ['poll', 30_000],
    ['statistics', 60_000],
  ] as const) {
    clock.advance(1_700)
    every(name, ms)
  }
  clock.advance(1_000_000)
  const later = wakeups.filter((at) => at > 600_000)
  expect(later.filter((at) => at % 10_000 !== 0)).toEqual([])
  expect(new Set(later).size).toBe(later.length)
  const times = calls.filter(([name]) => name === 'stall').map(([, at]) => at)
  for (const [i, at] of times.entries()) {
    const after = at - (times[i - 1] ?? at - 10_000)
    expect(after).toBeGreaterThanOrEqual(9_900)
    expect(after).toBeLessThanOrEqual(11_000)
  }
})

test('the delay that is reported does not include the slack, and is the whole delay after a stall', () => {
  const { clock, timer } = timers()
  const late: number[] = []
  clock.advance(3_000)
  timer(10_000, (ms) => late.push(ms), 1_000)
  clock.advance(11_000)
  timer(10_000, (ms) => late.push(ms), 1_000)
  clock.skip(45_000)
  clock.advance(0)
  expect(late).toEqual([0, 34_000])
})

test('a timer joins one that is due while it may be called', () => {
  const { clock, wakeups, timer } = timers()
  clock.advance(3_000)
  timer(10_000, () => {}, 1_000)
  timer(10_500, () => {}, 3_000)
  clock.advance(20_000)
  expect(wakeups).toEqual([14_000])
})

test('a cancelled timer is not called, and the last one that is cancelled ends the wake-up', () => {
  const { clock, wakeups, timer } = timers()
  const called: string[] = []
  const cancel = timer(10_000, () => called.push('cancelled'), 1_000)
  const cancelOther = timer(9_500, () => called.push('other'), 1_000)
  cancel()
  cancel()
  clock.advance(10_000)
  expect(called).toEqual(['other'])
  cancelOther()
  timer(10_000, () => called.push('never'), 1_000)()
  expect(clock.pending()).toBe(0)
  expect(wakeups).toEqual([10_000])
})
