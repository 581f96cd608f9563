// Timers with slack share wake-ups, and are never early, and never later than their slack.
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
    every(name, ms)
    clock.advance(70)
  }
  clock.advance(600_000)
  const [stall, ping] = [calls.filter(([name]) => name === 'stall'), calls.filter(([name]) => name === 'ping')]
  expect(stall.length).toBeGreaterThanOrEqual(59)
  expect(ping.length).toBeGreaterThanOrEqual(29)
  expect(new Set(wakeups.slice(6)).size).toBeLessThanOrEqual(stall.length)
  for (const [i, [, at]] of stall.entries()) {
    const before = stall[i - 1]?.[1] ?? 0
    expect(at - before).toBeGreaterThanOrEqual(10_000)
    expect(at - before).toBeLessThanOrEqual(11_000)
  }
})

test('the delay that is reported does not include the slack, and is the whole delay after a stall', () => {
  const { clock, timer } = timers()
  const late: number[] = []
  timer(10_500, () => {}, 1_000)
  timer(10_000, (ms) => late.push(ms), 1_000)
  clock.advance(10_500)
  timer(10_000, (ms) => late.push(ms), 1_000)
  clock.skip(45_000)
  clock.advance(0)
  expect(late).toEqual([0, 35_000])
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
