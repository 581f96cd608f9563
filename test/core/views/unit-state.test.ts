// Which units change their state in a step, and the message about it.
import { expect, test } from 'vitest'
import type { Observation } from '../../../src/core/observation.ts'
import { step } from '../../../src/core/step.ts'
import { unitJson } from '../../../src/core/views/api-json.ts'
import { changedStates, stateJson } from '../../../src/core/views/unit-state.ts'
import { at, IDLE, SETTINGS, stepAll, unitNamed, watching } from '../step-driver.ts'

const A = 'a.service'
const UP = {
  ...IDLE,
  activeState: 'activating',
  subState: 'start',
  invocationId: 'a'.repeat(32),
  changedAtMonoMs: 5_000,
}
const read = (unit: string): Observation => ({ kind: 'read', at: at(1_000), unit, snapshot: IDLE, settings: SETTINGS })
const RUNNING = stepAll(watching(A, 'b.service'), [
  { kind: 'clock-set', at: at(0), bootedAtMs: 1_700_000_000_000 },
  read(A),
  read('b.service'),
  { kind: 'signal', at: at(5_000), unit: A, snapshot: UP },
]).state

/** The states that change by this observation. */
const changes = (o: Observation, from = RUNNING) => changedStates(from, step(from, o).state)

test('a unit whose active state, sub-state or time of change is another one has changed; others have not', () => {
  const signal = (more: Partial<typeof UP>) =>
    changes({ kind: 'signal', at: at(6_000), unit: A, snapshot: { ...UP, ...more } })
  const before = { unit: A, activeState: 'activating', subState: 'start', sinceMs: 1_700_000_005_000 }
  expect(signal({ activeState: 'active', subState: 'running', changedAtMonoMs: 6_000 })).toEqual([
    { ...before, activeState: 'active', subState: 'running', sinceMs: 1_700_000_006_000 },
  ])
  expect(signal({ subState: 'start-post' })).toEqual([{ ...before, subState: 'start-post' }])
  expect(signal({ changedAtMonoMs: 5_500 })).toEqual([{ ...before, sinceMs: 1_700_000_005_500 }])
  expect(signal({ job: 7, mainPid: 12, frozen: true })).toEqual([])
})

test('the state becomes unknown without contact to systemd, and known with the first reading', () => {
  const unknown = { activeState: 'unknown', subState: null, sinceMs: null }
  expect(changes({ kind: 'contact-lost', at: at(40_000) })).toEqual([
    { unit: A, ...unknown },
    { unit: 'b.service', ...unknown },
  ])
  expect(changes(read(A), watching(A))).toMatchObject([{ unit: A, activeState: 'inactive', subState: 'dead' }])
})

test('a unit that is watched from now on changes when it is read; one that is no longer watched does not', () => {
  expect(changes({ kind: 'watch', at: at(6_000), units: ['c.service', A], patterns: [] })).toEqual([])
})

test('the message has the fields of the unit', () => {
  const unit = unitNamed(RUNNING, A)
  const { service, active_state, sub_state, since } = unitJson(unit)
  const [state] = changedStates(watching(A), RUNNING)
  expect(stateJson(state as NonNullable<typeof state>)).toEqual({ state: { service, active_state, sub_state, since } })
  expect(since).toBe('2023-11-14T22:13:25.000Z')
})
