// The keep-alive timers make the calls that MQTT.js counts, with one wake-up less.
import { expect, test } from 'vitest'
import { keepaliveTimers } from '../../src/mqtt/connection/keepalive-timers.ts'
import { testClock } from '../rig/clock.ts'

function counting() {
  const clock = testClock({ startMs: 0 })
  const calls: number[] = []
  return { clock, calls, timers: keepaliveTimers(clock), call: () => void calls.push(clock.now().monoMs) }
}

test('the first two calls come together after the interval, and the third half an interval later', () => {
  const { clock, calls, timers, call } = counting()
  timers.set(call, 15_000)
  clock.advance(60_000)
  expect(calls).toEqual([30_000, 30_000, 45_000])
})

test('a timer that is cleared, also by its own call, makes no further call', () => {
  const { clock, calls, timers, call } = counting()
  timers.clear(timers.set(call, 15_000))
  let end = () => {}
  end = timers.set(() => {
    call()
    if (calls.length === 2) timers.clear(end)
  }, 15_000)
  clock.advance(120_000)
  expect(calls).toEqual([30_000, 30_000])
  expect(clock.pending()).toBe(0)
})
