// What every view shows of a unit: unknown until it is read, without contact, and two separate facts for load and activity.
import { expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import type { State } from '../../src/core/state.ts'
import { isKnown, missingReason, shownState } from '../../src/core/unit-facts.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'plain@b.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const found: Observation = { kind: 'discovered', at: at(5), unit: U }
const lost: Observation = { kind: 'contact-lost', at: at(50) }
const gap: Observation = { kind: 'gap', at: at(40) }

const shown = (state: State) => shownState(unitNamed(state, U))
const after = (...observations: Observation[]) => stepAll(watching(U), observations).state

test('a unit is unknown until it is read, not unloaded or inactive', () => {
  const { state } = stepAll(watching(), [found])
  expect([shown(state), isKnown(unitNamed(state, U)), missingReason(unitNamed(state, U))]).toEqual([
    ...['unknown', false, null],
  ])
  expect(shown(watching(U))).toBe('unknown')
  expect(shown(after(read(U, 1, {})))).toBe('inactive')
})

test('an instance that is found through the signal of its start is active, and appears once it is read', () => {
  const started = stepAll(watching(), [found, signal(U, 6, { invocationId: 'a1', job: 7 }), signal(U, 7, RUNNING)])
  expect([shown(started.state), missingReason(unitNamed(started.state, U))]).toEqual(['active', null])
  const { state, events } = stepAll(started.state, [read(U, 8, RUNNING), read(U, 9, RUNNING)])
  expect([...started.events, ...events].map((e) => e.kind)).toEqual(['start', 'unit_appeared'])
  expect(shown(state)).toBe('active')
})

test('a unit that was not read yet is not unloaded, even if it has ended', () => {
  const ended = [signal(U, 6, { invocationId: 'a1', job: 7 }), signal(U, 7, { invocationId: 'a1', mainCode: 1 })]
  expect(shown(stepAll(watching(), [found, ...ended]).state)).toBe('inactive')
})

test('an instance that is found but has no unit file does not appear', () => {
  const { state, events } = stepAll(watching(), [found, read(U, 8, {}, { loadState: 'not-found' })])
  expect(events).toEqual([])
  expect([shown(state), missingReason(unitNamed(state, U))]).toEqual(['unloaded', 'not-found'])
})

test.each(['not-found', 'masked', 'error', 'bad-setting'])(
  'a unit whose load state becomes %s while it runs is still active; then it is unloaded',
  (loadState) => {
    const state = after(read(U, 1, RUNNING), read(U, 10, RUNNING, { loadState }))
    expect([shown(state), missingReason(unitNamed(state, U))]).toEqual(['active', null])
    expect(unitNamed(state, U).run?.id).toBe('a1')
    for (const activeState of ['activating', 'deactivating', 'reloading'])
      expect(shown(stepAll(state, [signal(U, 20, { ...RUNNING, activeState })]).state)).toBe(activeState)
    for (const activeState of ['inactive', 'failed']) {
      const ended = stepAll(state, [signal(U, 20, { ...RUNNING, activeState, mainCode: 1 })]).state
      expect([shown(ended), missingReason(unitNamed(ended, U))]).toEqual(['unloaded', loadState])
    }
  },
)

test('without contact a unit is unknown until its next snapshot; its counters remain', () => {
  const state = after(read(U, 1, RUNNING, { enabled: true }), gap, lost)
  expect([shown(state), isKnown(unitNamed(state, U)), missingReason(unitNamed(state, U))]).toEqual([
    ...['unknown', false, null],
  ])
  expect(unitNamed(state, U)).toMatchObject({ counters: { starts: 1 }, run: { id: 'a1' } })
  expect(shown(stepAll(state, [gap]).state)).toBe('unknown')
  expect(shown(stepAll(state, [gap, signal(U, 60, RUNNING)]).state)).toBe('active')
  expect(shown(stepAll(state, [gap, read(U, 60, {})]).state)).toBe('inactive')
})

test('a short loss of the connection leaves the last state', () => {
  expect(shown(after(read(U, 1, RUNNING), gap))).toBe('active')
})

test('contact that is lost without a gap before it interrupts tracking, too', () => {
  expect(unitNamed(after(read(U, 1, RUNNING), lost), U)).toMatchObject({
    ...{ tracking: 'interrupted', settingsStale: true, outOfContact: true },
  })
})

test('after a reboot a unit is unknown until it is read', () => {
  const state = after(read(U, 1, RUNNING), { kind: 'boot', at: at(5), bootId: 'boot-2' })
  expect(shown(state)).toBe('unknown')
})

test('never-started is certain only from a read of this boot', () => {
  const never = { enabled: true, wasActive: false }
  const reason = (...observations: Observation[]) => missingReason(unitNamed(after(...observations), U))
  expect(reason(read(U, 1, {}, never))).toBe('never-started')
  expect(reason(read(U, 1, {}, never), gap, lost)).toBeNull()
  expect(reason(read(U, 1, {}, { ...never, wasActive: true }))).toBeNull()
  expect(reason(read(U, 1, { activeState: 'activating' }, never))).toBeNull()
})

test('a unit is frozen while systemd reports it', () => {
  const state = after(read(U, 1, { ...RUNNING, frozen: true }))
  expect(unitNamed(state, U).snapshot?.frozen).toBe(true)
  const thawed = stepAll(state, [signal(U, 20, RUNNING)])
  expect(unitNamed(thawed.state, U).snapshot?.frozen).toBe(false)
  expect(thawed.events).toEqual([])
})
