// The reads of units that a pattern found: how fast, in which order, and which are left out.
import { beforeEach, expect, it } from 'vitest'
import { createReadQueue, type ReadQueue } from '../../src/systemd/read-queue.ts'
import { type TestClock, testClock } from '../rig/clock.ts'

let clock: TestClock
let queue: ReadQueue
let read: string[]
let done: () => void
beforeEach(() => {
  clock = testClock()
  read = []
  queue = createReadQueue(clock, (label, then) => {
    read.push(label)
    done = then
  })
})
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `${from + n}`)

it('reads a unit that changed at once, one at a time, and each once', () => {
  for (const label of ['a', 'b', 'c', 'b']) queue.addChanged(label)
  expect(read).toEqual(['a'])
  done()
  done()
  done()
  expect(read).toEqual(['a', 'b', 'c'])
})

it('reads a unit that was loaded after a moment, unless it was unloaded by then; one that changed goes first', () => {
  for (const label of ['a', 'b', 'c']) queue.addLoaded(label)
  clock.advance(499)
  expect(read).toEqual([])
  queue.remove('a')
  queue.addChanged('d')
  clock.advance(1)
  queue.addChanged('c')
  expect(read).toEqual(['d'])
  done()
  done()
  done()
  expect(read).toEqual(['d', 'c', 'b'])
})

it('reads 50 units in a row, and then 5 per second', () => {
  for (const label of numbers(100)) queue.addChanged(label)
  for (let i = 0; i < 100; i++) done()
  expect(read).toHaveLength(50)
  for (let second = 1; second <= 10; second++) {
    for (let i = 0; i < 10; i++) {
      clock.advance(100)
      done()
    }
    expect(read).toHaveLength(50 + 5 * second)
  }
  expect(read).toEqual(numbers(100))
})

it('a loop that makes systemd load units costs no more reads than that, however long it lasts', () => {
  let refused = 0
  for (let n = 0; n < 60_000; n++) {
    if (!queue.addLoaded(`${n}`)) refused += 1
    clock.advance(1)
    done?.()
  }
  expect(read.length).toBeLessThanOrEqual(50 + 5 * 60)
  expect(refused).toBeGreaterThan(0)
})

it('holds 256 units of each kind, and reports that there is no room for another', () => {
  queue.addChanged('first')
  expect(numbers(256).every(queue.addChanged)).toBe(true)
  expect(numbers(256, 1000).every(queue.addLoaded)).toBe(true)
  expect([queue.addChanged('0'), queue.addLoaded('1000')]).toEqual([true, true])
  expect([queue.addChanged('one more'), queue.addLoaded('another')]).toEqual([false, false])
  queue.end()
  done()
  clock.advance(60_000)
  expect(read).toEqual(['first'])
  expect(clock.pending()).toBe(0)
})
