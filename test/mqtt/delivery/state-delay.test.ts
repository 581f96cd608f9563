// How late a state may be published, and that nothing waits at a stop.
import { expect, test } from 'vitest'
import { step } from '../../../src/core/step.ts'
import { createSnapshots } from '../../../src/mqtt/delivery/snapshots.ts'
import { createStateDelay } from '../../../src/mqtt/delivery/state-delay.ts'
import { read, signal, stepAll, watching } from '../../core/step-driver.ts'
import { testClock } from '../../rig/clock.ts'

const UNITS = ['a.service', 'b.service']

function create() {
  const clock = testClock()
  const snapshots = createSnapshots()
  const published: string[] = []
  const pump = () => {
    for (let next = snapshots.next(); next !== null; next = snapshots.next()) {
      published.push(next.unit)
      snapshots.settle(next)
    }
  }
  const delay = createStateDelay({ snapshots, pump, clock })
  let state = stepAll(
    watching(...UNITS),
    UNITS.map((unit) => read(unit, 1, {})),
  ).state
  let run = 0
  return {
    clock,
    delay,
    pump,
    published,
    start(unit: string) {
      run += 1
      const running = { activeState: 'active', subState: 'running', invocationId: `r${run}` }
      const before = state
      const { state: after, events } = step(before, signal(unit, 10 * run, running))
      state = after
      delay.accept({ before, after, events, at: clock.now() })
      pump()
    },
  }
}

test('a state is published 0.3 s after its first change, however often it changes, with one timer for all units', () => {
  const { clock, published, start } = create()
  for (let ms = 0; ms < 300; ms += 50) {
    start('a.service')
    start('b.service')
    expect(clock.pending()).toBe(1)
    clock.advance(50)
  }
  expect(published).toEqual(UNITS)
  clock.advance(1000)
  expect(published).toEqual(UNITS)
  expect(clock.pending()).toBe(0)
})

test('nothing waits after a release, and at a stop not even a later change', () => {
  const { clock, delay, pump, published, start } = create()
  start('a.service')
  delay.release()
  pump()
  expect(published).toEqual(['a.service'])
  start('b.service')
  delay.end()
  start('a.service')
  expect(published).toEqual(['a.service', 'b.service', 'a.service'])
  expect(clock.pending()).toBe(0)
})
