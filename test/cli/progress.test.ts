import { expect, test } from 'vitest'
import { progressOn } from '../../src/cli/progress.ts'

/** A clock that the test advances. */
function manualClock() {
  let monoMs = 0
  let waiting: { atMs: number; call: () => void } | null = null
  return {
    now: () => ({ monoMs, wallMs: 0 }),
    after(ms: number, call: () => void) {
      waiting = { atMs: monoMs + ms, call }
      return () => {
        waiting = null
      }
    },
    to(ms: number) {
      while (waiting !== null && waiting.atMs <= ms) {
        const { atMs, call } = waiting
        waiting = null
        monoMs = atMs
        call()
      }
      monoMs = ms
    },
  }
}

test('a long wait is shown on a terminal, and removed at the end', () => {
  const clock = manualClock()
  const written: string[] = []
  const progress = progressOn((text) => written.push(text), clock)
  progress.begin('stop mosquitto')
  clock.to(900)
  expect(written).toEqual([])
  clock.to(2500)
  progress.end()
  clock.to(9000)
  expect(written).toEqual(['\rstop mosquitto ... 1 s', '\rstop mosquitto ... 2 s', '\r\x1b[K'])
})

test('nothing is shown for a short wait or without a terminal', () => {
  const clock = manualClock()
  const written: string[] = []
  const quick = progressOn((text) => written.push(text), clock)
  quick.begin('stop mosquitto')
  clock.to(500)
  quick.end()
  const unseen = progressOn(null, clock)
  unseen.begin('stop mosquitto')
  clock.to(9000)
  unseen.end()
  expect(written).toEqual([])
})
