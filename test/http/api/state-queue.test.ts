// The pace of the state messages of one client: the newest state of each unit, fairly, at most ten a second.
import { expect, test } from 'vitest'
import { createStateQueue, UNITS_AT_MOST } from '../../../src/http/api/state-queue.ts'
import { FROM_ZERO, testClock } from '../../rig/clock.ts'

function queue() {
  const clock = testClock(FROM_ZERO)
  const sent: string[] = []
  const it = { canReceive: true }
  const states = createStateQueue(clock, {
    send: ({ unit, subState }) => sent.push(`${clock.now().monoMs} ${unit} ${subState}`),
    canReceive: () => it.canReceive,
  })
  const add = (unit: string, subState: string) => states.add({ unit, activeState: 'active', subState, sinceMs: null })
  return { it, clock, sent, states, add }
}

test('the first state is sent at once, and later ones at most every 110 ms, the newest of each unit', () => {
  const { clock, sent, add } = queue()
  add('a', 'start')
  expect(sent).toEqual(['0 a start'])
  clock.advance(20)
  for (const subState of ['running', 'reload', 'exited']) add('a', subState)
  clock.advance(1_000)
  expect(sent).toEqual(['0 a start', '110 a exited'])
  add('a', 'dead')
  expect(sent.at(-1)).toBe('1020 a dead')
  clock.advance(1_000)
  expect([sent.length, clock.pending()]).toEqual([3, 0])
})

test('a unit that changes all the time delays others by one message, and no second has more than ten', () => {
  const { clock, sent, add } = queue()
  for (let ms = 0; ms < 5_000; ms += 5) {
    add('busy', String(ms))
    if (ms === 2_015) for (const unit of ['b', 'c', 'd']) add(unit, 'running')
    clock.advance(5)
  }
  const times = sent.map((line) => Number.parseInt(line, 10))
  for (const from of times) expect(times.filter((ms) => ms >= from && ms < from + 1_000).length).toBeLessThanOrEqual(10)
  expect(times.length).toBe(46)
  const at = sent.findIndex((line) => line.endsWith('b running'))
  expect(sent.slice(at - 1, at + 4).map((line) => line.split(' ')[1])).toEqual(['busy', 'b', 'c', 'd', 'busy'])
  expect(times[at]).toBeLessThanOrEqual(2_015 + 220)
})

test('a unit that changes again while it waits keeps its place', () => {
  const { clock, sent, add } = queue()
  for (const unit of ['a', 'b', 'c', 'd']) add(unit, 'start')
  add('b', 'running')
  clock.advance(1_000)
  expect(sent.map((line) => line.replace(/^\d+ /, ''))).toEqual(['a start', 'b running', 'c start', 'd start'])
})

test('a client that cannot receive gets the newest state of each unit afterwards', () => {
  const { it, clock, sent, states, add } = queue()
  it.canReceive = false
  for (let i = 0; i < 1_000; i++) {
    add('a', String(i))
    add('b', String(i))
    clock.advance(10)
  }
  expect(sent).toEqual([])
  it.canReceive = true
  states.resume()
  clock.advance(1_000)
  expect(sent).toEqual(['10000 a 999', '10110 b 999'])
})

test('too many units that wait are reported, and nothing is sent after the end', () => {
  const { clock, sent, states, add } = queue()
  for (let i = 0; i <= UNITS_AT_MOST; i++) expect(add(`u${i}`, 'running')).toBe(true)
  expect(add('one more', 'running')).toBe(false)
  states.stop()
  clock.advance(10_000)
  expect([sent.length, clock.pending()]).toEqual([1, 0])
})
