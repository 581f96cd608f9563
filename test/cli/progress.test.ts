// The line on a terminal that shows what a command is waiting for.
import { expect, test } from 'vitest'
import { progressOn } from '../../src/cli/progress.ts'
import { FROM_ZERO, testClock } from '../rig/clock.ts'

test('a long wait is shown on a terminal, and removed at the end', () => {
  const clock = testClock(FROM_ZERO)
  const written: string[] = []
  const progress = progressOn((text) => written.push(text), clock)
  progress.begin('stop mosquitto')
  clock.advance(900)
  expect(written).toEqual([])
  clock.advance(1600)
  progress.end()
  clock.advance(6500)
  expect(written).toEqual(['\rstop mosquitto ... 1 s', '\rstop mosquitto ... 2 s', '\r\x1b[K'])
})

test('nothing is shown for a short wait or without a terminal', () => {
  const clock = testClock(FROM_ZERO)
  const written: string[] = []
  const quick = progressOn((text) => written.push(text), clock)
  quick.begin('stop mosquitto')
  clock.advance(500)
  quick.end()
  const unseen = progressOn(null, clock)
  unseen.begin('stop mosquitto')
  clock.advance(8500)
  unseen.end()
  expect(written).toEqual([])
})
