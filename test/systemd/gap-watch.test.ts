// When every unit is read again: after a backlog and after a suspicion, once signals have become few.
import { beforeEach, expect, it } from 'vitest'
import { createGapWatch, type GapWatch } from '../../src/systemd/gap-watch.ts'
import { settled, type TestClock, testClock } from '../rig/clock.ts'

let clock: TestClock
let gaps: GapWatch
let reads: number
let takesMs: number
beforeEach(() => {
  clock = testClock()
  reads = 0
  takesMs = 0
  gaps = createGapWatch(clock, async () => {
    reads += 1
    if (takesMs > 0) await new Promise<void>((resolve) => clock.after(takesMs, resolve))
  })
})
/** This number of changes in one turn of the event loop. */
const receive = async (changes: number) => {
  for (let i = 0; i < changes; i++) gaps.change()
  await settled()
}
/** A second with that many changes in several turns. */
const second = async (changes: number) => {
  for (let left = changes; left > 0; left -= 47) await receive(Math.min(left, 47))
  clock.advance(1000)
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
  clock.advance(60_000)
  expect(reads).toBe(1)
  expect(clock.pending()).toBe(0)
})

it('waits for the end of the flood that a backlog began', async () => {
  await receive(48)
  await receive(12)
  clock.advance(250)
  for (let i = 0; i < 100; i++) await second(48)
  expect(reads).toBe(0)
  await second(47)
  expect(reads).toBe(1)
})

it('reads at once after a suspicion; in a flood after 10 s at the latest, and again when the flood is over', async () => {
  gaps.suspect()
  clock.advance(250)
  expect(reads).toBe(1)
  expect([gaps.take(), gaps.take()]).toEqual([true, false])
  clock.advance(60_000)
  gaps.suspect()
  await receive(12)
  clock.advance(250)
  for (let i = 0; i < 9; i++) await second(100)
  expect(reads).toBe(1)
  gaps.suspect() // does not extend the time
  await second(100)
  expect(reads).toBe(2)
  for (let i = 0; i < 100; i++) await second(100)
  expect(reads).toBe(2)
  clock.advance(1000)
  expect(reads).toBe(3)
  clock.advance(60_000)
  expect(reads).toBe(3)
})

it('reads again if the flood continued only after a read, but not within 5 s', async () => {
  gaps.suspect()
  clock.advance(250)
  await second(1000)
  clock.advance(3999)
  expect(reads).toBe(1)
  clock.advance(1)
  expect(reads).toBe(2)
})

it('does nothing after its end', async () => {
  gaps.suspect()
  gaps.end()
  expect(clock.pending()).toBe(0)
})

it('floods that any user can cause, without a missing signal, make it read for a tenth of the time at most', async () => {
  takesMs = 2000
  for (let i = 0; i < 55; i++) {
    await receive(60)
    await clock.go(2000)
  }
  expect(reads).toBe(5)
  gaps.suspect()
  await clock.go(2000)
  expect(reads).toBe(6)
})
