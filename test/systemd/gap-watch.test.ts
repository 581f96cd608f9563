// When every unit is read again: after a backlog and after a suspicion, once signals have become few.
import { beforeEach, expect, it } from 'vitest'
import { createGapWatch, type GapWatch } from '../../src/systemd/gap-watch.ts'
import { settled, type TestClock, testClock } from '../rig/clock.ts'

let clock: TestClock
let gaps: GapWatch
let reads: number
beforeEach(() => {
  clock = testClock()
  reads = 0
  gaps = createGapWatch(clock, () => {
    reads += 1
  })
})
/** This number of signals in one turn of the event loop. */
const receive = async (signals: number) => {
  for (let i = 0; i < signals; i++) gaps.signal()
  await settled()
}

it('reads once after a backlog, and not for signals that came in several turns', async () => {
  for (let i = 0; i < 10; i++) await receive(47)
  expect(clock.pending()).toBe(0)
  await receive(48)
  clock.advance(249)
  expect(reads).toBe(0)
  clock.advance(1)
  expect(reads).toBe(1)
  expect(gaps.take()).toBe(false)
  expect(clock.pending()).toBe(0)
})

it('waits for the end of the flood that a backlog began', async () => {
  await receive(48)
  for (let i = 0; i < 100; i++) {
    for (let turn = 0; turn < 4; turn++) await receive(12)
    clock.advance(250)
  }
  expect(reads).toBe(0)
  await receive(47)
  clock.advance(250)
  expect(reads).toBe(1)
})

it('reads at once after a suspicion, in a flood after 10 s at the latest', async () => {
  gaps.suspect()
  clock.advance(250)
  expect(reads).toBe(1)
  expect([gaps.take(), gaps.take()]).toEqual([true, false])
  gaps.suspect()
  for (let i = 0; i < 39; i++) {
    await receive(48)
    clock.advance(250)
  }
  expect(reads).toBe(1)
  gaps.suspect() // does not extend the time
  await receive(48)
  clock.advance(250)
  expect(reads).toBe(2)
})

it('does nothing after its end', async () => {
  gaps.suspect()
  gaps.end()
  expect(clock.pending()).toBe(0)
})
