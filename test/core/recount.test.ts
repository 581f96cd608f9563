// Counting that begins again: a state from another machine, and `clear`.
import { expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import { otherMachine } from '../../src/core/recount.ts'
import { newState, type State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' }
const FAILED = { activeState: 'failed', subState: 'failed', result: 'exit-code', mainCode: 1, mainStatus: 3 }
const OLD = 'a'.repeat(32)
const NEW = 'b'.repeat(32)

const identity = (machineId: string | null, gatewayId = 'gw'): Observation => ({
  kind: 'identity',
  at: at(0),
  gatewayId,
  machineId,
})

/** One unit with two starts and one crash, whose second run is open. */
function counted(machineId: string | null): State {
  return stepAll({ ...watching(U), gatewayId: 'old', machineId }, [
    read(U, 10, RUNNING),
    signal(U, 20, { ...FAILED, invocationId: 'a1' }),
    signal(U, 30, { ...RUNNING, invocationId: 'b2' }),
  ]).state
}

test('a state is from another machine only if both machines have an id', () => {
  const of = (kept: string | null, machineId: string | null) => otherMachine({ machineId: kept }, machineId)
  expect([of(OLD, NEW), of(OLD, OLD), of(OLD, null), of(null, NEW), of(null, null)]).toEqual([
    OLD,
    null,
    null,
    null,
    null,
  ])
})

test('the counters of another machine become the baseline, and one event has both identities', () => {
  const before = { ...counted(OLD), seq: 0 }
  const { state, events } = stepAll(before, [identity(NEW, NEW)])
  expect(events).toEqual([
    {
      kind: 'identity_changed',
      unit: null,
      counters: null,
      ...{ seq: 1, atMs: at(0).wallMs, bootId: 'boot-1', source: 'reconcile', clockSynced: null },
      ...{ formerMachineId: OLD, machineId: NEW, formerGatewayId: 'old', gatewayId: NEW },
    },
  ])
  expect(state).toMatchObject({ gatewayId: NEW, machineId: NEW })
  expect(unitNamed(state, U)).toMatchObject({
    baseline: { starts: 2, stops: 0, crashes: 1, restarts: 0, lost: 0 },
    counters: { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 },
    failures: {},
    run: null,
    lastCrash: null,
  })
})

test('a run of another machine is not lost at the boot of this one; a running unit counts as one start', () => {
  const { state, events } = stepAll(counted(OLD), [
    identity(NEW),
    { kind: 'boot', at: at(0), bootId: 'boot-2' },
    read(U, 10, { ...RUNNING, invocationId: 'c3' }),
  ])
  expect(events.map(({ kind }) => kind)).toEqual(['identity_changed', 'start'])
  expect(events[1]).toMatchObject({ counters: { starts: 3, crashes: 1, lost: 0 } })
  expect(unitNamed(state, U).counters).toEqual({ starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 })
})

test.each([
  ['the state of an older version, which has no machine id', null, NEW, NEW],
  ['a machine whose id is not persistent', OLD, null, OLD],
  ['the same machine', OLD, OLD, OLD],
])('%s: the counters remain', (_, kept, machineId, after) => {
  const before = counted(kept)
  const { state, events } = stepAll(before, [identity(machineId, 'old')])
  expect(events).toEqual([])
  expect(state.machineId).toBe(after)
  expect(state.units).toBe(before.units)
})

test('another gateway id alone, such as a configured one, changes no counters', () => {
  const { state, events } = stepAll(counted(OLD), [identity(OLD, 'gw-7')])
  expect([state.gatewayId, events]).toEqual(['gw-7', []])
})

test('an identity that is known changes nothing', () => {
  const before = { ...newState('00112233aabbccdd'), gatewayId: 'gw', machineId: OLD }
  expect(step(before, identity(OLD)).state).toBe(before)
  expect(step(before, identity(null)).state).toBe(before)
})

test('a unit that a pattern matched on another machine still is one', () => {
  const found = stepAll(counted(OLD), [{ kind: 'discovered', at: at(40), unit: 'sink@1.service' }]).state
  const { state } = stepAll(found, [identity(NEW)])
  expect(state.units.map(({ name, byPattern }) => [name, byPattern])).toEqual([
    [U, false],
    ['sink@1.service', true],
  ])
})

const clear = (keepEvents: boolean): Observation => ({ kind: 'clear', at: at(50), via: 'socket', keepEvents })

test('clear is one event without a unit, then one start for each running unit; the events before it are cleared', () => {
  const before = counted(null)
  const { state, events } = stepAll(before, [clear(false)])
  expect(events[0]).toEqual({
    ...{ kind: 'command', unit: null, counters: null, action: 'clear', outcome: 'done', via: 'socket', who: null },
    ...{ seq: before.seq + 1, atMs: at(50).wallMs, bootId: 'boot-1', source: 'signal', clockSynced: null },
  })
  expect(events.slice(1)).toMatchObject([{ kind: 'start', unit: U, counters: { starts: 1, crashes: 0 } }])
  expect(state).toMatchObject({ seq: before.seq + 2, clearedSeq: before.seq, stream: before.stream })
})

test('clear can keep the events, also those that are left after an earlier clear', () => {
  const once = stepAll(counted(null), [clear(false)]).state
  const { state, events } = stepAll(once, [clear(true)])
  expect(state.clearedSeq).toBe(once.clearedSeq)
  expect(events.map(({ kind }) => kind)).toEqual(['command', 'start'])
})
