// gave_up: reported only if nothing will start the unit again, and never from settings that may be out of date.
import { expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import { dueAtMonoMs, step } from '../../src/core/step.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const KILLED = { result: 'signal', mainCode: 2, mainStatus: 9, invocationId: 'a1' } as const
const FAILED = { ...KILLED, activeState: 'failed', subState: 'failed' } as const
const WAITS = { ...KILLED, activeState: 'activating', subState: 'auto-restart' } as const

const tick = (monoMs: number): Observation => ({ kind: 'tick', at: at(monoMs) })
const reloading = (monoMs: number): Observation => ({ kind: 'reloading', at: at(monoMs) })
const triggered = (monoMs: number, active: boolean): Observation => {
  return { kind: 'triggered', unit: U, at: at(monoMs), active }
}
const kindsOf = (...observations: Observation[]) => stepAll(watching(U), observations).events.map((e) => e.kind)
const dueOf = (...observations: Observation[]) => {
  const { state } = stepAll(watching(U), observations)
  return dueAtMonoMs(unitNamed(state, U), state)
}

/** Nothing but the window of the rate limit is due after a crash at 20 ms. */
const WINDOW_ENDS = 60_020

const TIMER = { startedBy: ['u.timer'] }

test('between a daemon-reload and the next read the settings are unknown: no forecast, and no gave_up', () => {
  const reloaded = [read(U, 1, RUNNING), reloading(10), signal(U, 20, FAILED), tick(1000)]
  const { events } = stepAll(watching(U), reloaded)
  expect(events.map((e) => e.kind)).toEqual(['start', 'crash'])
  expect(events[1]).toMatchObject({ willRestart: null })
  expect(dueOf(...reloaded)).toBe(WINDOW_ENDS)
  // A drop-in with Restart=always was added: systemd restarts the unit.
  expect(kindsOf(...reloaded.slice(0, 3), signal(U, 21, WAITS), tick(1000), read(U, 1100, WAITS))).toEqual([
    ...['start', 'crash'],
  ])
})

test('an ordinary unit that failed after a daemon-reload has given up once it is read', () => {
  const failed = [read(U, 1, RUNNING), reloading(10), signal(U, 20, FAILED), tick(300)]
  const { state, events } = stepAll(watching(U), [...failed, read(U, 520, FAILED)])
  expect(events.map((e) => e.kind)).toEqual(['start', 'crash'])
  expect(dueAtMonoMs(unitNamed(state, U), state)).toBeLessThanOrEqual(520)
  expect(step(state, tick(520)).events).toMatchObject([{ kind: 'gave_up', source: 'signal' }])
})

test('an ordinary unit that failed has given up once, also after a gap', () => {
  expect(kindsOf(read(U, 1, RUNNING), signal(U, 20, FAILED), tick(1000))).toEqual(['start', 'crash', 'gave_up'])
  const gap: Observation = { kind: 'gap', at: at(30) }
  const always = { restart: 'always' }
  const away = [read(U, 1, RUNNING, always), signal(U, 20, FAILED), gap]
  expect(kindsOf(...away, tick(1000))).toEqual(['start', 'crash'])
  expect(kindsOf(...away, read(U, 1100, FAILED, always), tick(1340))).toEqual(['start', 'crash'])
  expect(kindsOf(...away, read(U, 1100, FAILED, always), tick(1350), tick(2000))).toEqual([
    ...['start', 'crash', 'gave_up'],
  ])
})

test('a unit that was never read has not given up: its settings are unknown', () => {
  const found = [signal(U, 10, { invocationId: 'a1', job: 7 }), signal(U, 20, FAILED)]
  expect(kindsOf(...found, tick(1000))).toEqual(['start', 'crash'])
  expect(dueOf(...found)).toBe(WINDOW_ENDS)
  expect(kindsOf(...found, read(U, 30, FAILED), tick(1000))).toEqual(['start', 'crash', 'gave_up'])
})

test('a failing oneshot behind an active timer crashes at each run, and never gives up', () => {
  const runs = [1, 2, 3].flatMap((i) => [
    signal(U, 1000 * i, { activeState: 'activating', subState: 'start', invocationId: `r${i}`, job: i }),
    signal(U, 1000 * i + 1, { ...FAILED, invocationId: `r${i}` }),
    tick(1000 * i + 500),
  ])
  expect(kindsOf(read(U, 1, {}, TIMER), triggered(2, true), ...runs)).toEqual(
    [1, 2, 3].flatMap(() => ['start', 'crash']),
  )
  expect(dueOf(read(U, 1, {}, TIMER), triggered(2, true), ...runs.slice(0, 2))).toBe(61_001) // the window
})

test('while it is unknown whether a trigger is active, there is no gave_up, and nothing is due', () => {
  const failed = [read(U, 1, FAILED, TIMER)]
  expect(kindsOf(...failed, tick(10_000))).toEqual([])
  expect(dueOf(...failed)).toBe(Infinity)
  expect(kindsOf(...failed, triggered(3, false), tick(252))).toEqual([])
  expect(kindsOf(...failed, triggered(3, false), tick(253), tick(1000))).toEqual(['gave_up'])
  expect(dueOf(...failed, triggered(3, true))).toBe(Infinity)
})

test('a trigger that is restarted is inactive for a moment only', () => {
  const failed = [read(U, 1, FAILED, TIMER), triggered(2, true)]
  expect(kindsOf(...failed, triggered(5000, false), tick(5010), triggered(5020, true), tick(9000))).toEqual([])
  expect(dueOf(...failed, triggered(5000, false))).toBe(5250)
  expect(kindsOf(...failed, triggered(5000, false), tick(5250))).toEqual(['gave_up'])
})

test('a unit that gave up has not any more once a timer is started that starts it', () => {
  const gaveUp = (...more: Observation[]) =>
    unitNamed(stepAll(watching(U), [read(U, 1, FAILED, TIMER), triggered(2, false), tick(500), ...more]).state, U)
      .gaveUp
  expect(gaveUp()).toBe(true)
  expect(gaveUp(triggered(600, true))).toBe(false)
  expect(gaveUp(triggered(600, true), tick(9000))).toBe(false)
})

test('which units start it is unknown after a reload and after a gap, until it is known again', () => {
  const known = [read(U, 1, FAILED, TIMER), triggered(2, false), tick(100)]
  for (const kind of ['reloading', 'gap', 'contact-lost'] as const) {
    const { state } = stepAll(watching(U), [...known, { kind, at: at(150) }, read(U, 200, FAILED, TIMER)])
    expect([kind, unitNamed(state, U).triggered]).toEqual([kind, null])
    expect(stepAll(state, [tick(9000)]).events).toEqual([])
    const events = stepAll(state, [triggered(201, false), tick(451)]).events
    expect(events.map((e) => e.kind)).toEqual(['gave_up'])
  }
})

test('a second gap forgets again whether a trigger is active', () => {
  const gap = (monoMs: number): Observation => ({ kind: 'gap', at: at(monoMs) })
  const { state } = stepAll(watching(U), [read(U, 1, FAILED, TIMER), gap(10), triggered(11, false), gap(12)])
  expect(unitNamed(state, U).triggered).toBeNull()
})

test('an observation that changes nothing returns the very same state', () => {
  const quiet = [read(U, 1, RUNNING, TIMER), triggered(2, true)]
  const { state } = stepAll(watching(U, 'v.service'), quiet)
  expect(step(state, triggered(3, true)).state).toBe(state)
  const lost = stepAll(state, [{ kind: 'contact-lost', at: at(10) }]).state
  expect(step(lost, { kind: 'contact-lost', at: at(11) }).state).toBe(lost)
  expect(step(lost, reloading(12)).state).toBe(lost)
  const gap = stepAll(lost, [{ kind: 'gap', at: at(13) }]).state
  expect(gap.units.map((unit, i) => unit === lost.units[i])).toEqual([true, true])
  expect(step(state, { kind: 'job-new', unit: U, at: at(14), job: 9 }).state).toBe(state)
  expect(step(state, { kind: 'job-removed', unit: U, at: at(15), job: 9, result: 'done' }).state).toBe(state)
})
