// A Result that was once bad is the run's Result; what reset-failed, daemon-reload and daemon-reexec reset in mid-run.
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import type { Observation } from '../../src/core/observation.ts'
import type { UnitSnapshot } from '../../src/core/unit.ts'
import { missingReason } from '../../src/core/unit-facts.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const EXIT_7 = { mainCode: 1, mainStatus: 7 } as const
const IN_STOP_POST = { ...RUNNING, ...EXIT_7, activeState: 'deactivating', subState: 'stop-post' } as const
const CRASHED = { ...IN_STOP_POST, result: 'exit-code' } as const
const RESET = { ...EXIT_7, invocationId: 'a1', result: 'success' } as const
const GAP: Observation = { kind: 'gap', at: at(400) }
const RELOAD: Observation = { kind: 'reloading', at: at(400) }

const eventsOf = (...observations: Observation[]): readonly Event[] => stepAll(watching(U), observations).events
const running = read(U, 1, RUNNING, { restart: 'always' })
const crashed = signal(U, 10, CRASHED)
const UNKNOWN_END = { kind: 'crash', result: 'exit-code', exitCode: 7, requested: false }

test('Result: reset-failed while ExecStopPost= of a crash runs does not make the crash a stop', () => {
  const end = eventsOf(running, crashed, signal(U, 11, { ...CRASHED, result: 'success' }), signal(U, 12, RESET))
  expect(end[1]).toMatchObject({ kind: 'crash', source: 'signal', result: 'exit-code', exitCode: 7 })
  expect(end).toHaveLength(2)
})

test('the first bad Result is kept, and exec-condition is not a bad one', () => {
  const failed = signal(U, 12, { ...CRASHED, activeState: 'failed', subState: 'failed' })
  const timeout = signal(U, 10, { ...RUNNING, activeState: 'deactivating', result: 'timeout' })
  expect(eventsOf(running, timeout, failed)[1]).toMatchObject({ kind: 'crash', result: 'timeout' })
  const skipped = signal(U, 10, { ...IN_STOP_POST, result: 'exec-condition' })
  expect(eventsOf(running, skipped, signal(U, 11, RESET))[1]).toMatchObject({ kind: 'stop' })
  expect(eventsOf(running, skipped, signal(U, 11, CRASHED), failed)[1]).toMatchObject({ kind: 'crash' })
})

test('a bad Result of the run before is not one of this run', () => {
  const failed = { ...CRASHED, activeState: 'failed', subState: 'failed' } as const
  const next = { ...RUNNING, invocationId: 'b2', job: 9 } as const
  const stopped = { invocationId: 'b2', mainCode: 1 } as const
  // The first signal of a run can show the states of the run before.
  const first = signal(U, 20, { ...failed, invocationId: 'b2', job: 9 })
  const end = eventsOf(running, signal(U, 10, failed), first, signal(U, 21, next), signal(U, 30, stopped))
  expect(end.map((e) => e.kind)).toEqual(['start', 'crash', 'start', 'stop'])
  // Late signals of the run before, after a read has shown this one.
  const late = [signal(U, 20, failed), signal(U, 21, failed)]
  expect(eventsOf(running, read(U, 15, next), ...late, signal(U, 30, stopped)).at(-1)).toMatchObject({ kind: 'stop' })
})

test('a Result that is already bad when a run is first seen ending is kept', () => {
  const end = eventsOf(read(U, 1, {}), GAP, read(U, 500, CRASHED), signal(U, 510, RESET))
  expect(end[1]).toMatchObject({ kind: 'crash', result: 'exit-code', exitCode: 7 })
})

test('a bad Result that was seen before a gap is the Result, whatever a read shows after it', () => {
  const back = (snapshot: Partial<UnitSnapshot>) => eventsOf(running, crashed, GAP, read(U, 500, snapshot))
  expect(back(RESET)[1]).toMatchObject(UNKNOWN_END) // reset-failed
  expect(back({ ...RESET, mainStatus: 0 })[1]).toMatchObject({ kind: 'crash', result: 'exit-code', exitCode: 0 })
  expect(back({})[1]).toMatchObject(UNKNOWN_END) // unloaded
  const events = back({ ...RUNNING, invocationId: 'b2' }) // another run
  expect(events.map((e) => e.kind)).toEqual(['start', 'crash', 'start'])
  expect(events[1]).toMatchObject(UNKNOWN_END)
  // Without one, the end of the run remains unknown.
  const kinds = (snapshot: Partial<UnitSnapshot>) => eventsOf(running, GAP, read(U, 500, snapshot)).map((e) => e.kind)
  expect(kinds(RESET)).toEqual(['start', 'lost'])
  expect(kinds({})).toEqual(['start', 'lost'])
})

test('a bad Result of this run is right even if the journal shows success, as after reset-failed', () => {
  const cause = { result: 'success', exitCode: 7, signal: null, coreDumped: false }
  const proven = { id: 'a1', restart: null, missed: 0, nRestarts: null, requested: false, end: cause }
  const proof: Observation = { kind: 'proof', at: at(450), runs: new Map([[U, [proven]]]) }
  expect(eventsOf(running, crashed, GAP, proof, read(U, 500, {}))[1]).toMatchObject(UNKNOWN_END)
  expect(eventsOf(running, crashed, GAP, proof, read(U, 500, RESET))[1]).toMatchObject(UNKNOWN_END)
})

test('after a reboot the run is lost, with or without a bad Result', () => {
  const boot: Observation = { kind: 'boot', at: at(5), bootId: 'boot-2' }
  expect(eventsOf(running, crashed, boot)[1]).toMatchObject({ kind: 'lost', invocationId: 'a1' })
})

test('NRestarts: reset-failed in mid-run resets it to 0, and the next restart is counted once', () => {
  const at5 = { ...RUNNING, nRestarts: 5 }
  const waits = { ...CRASHED, activeState: 'activating', subState: 'auto-restart', nRestarts: 0 }
  const { state, events } = stepAll(watching(U), [
    read(U, 1, at5, { restart: 'always' }),
    signal(U, 10, { ...RUNNING, nRestarts: 0 }),
    signal(U, 20, waits),
    signal(U, 21, { ...waits, nRestarts: 1, job: 9 }),
    signal(U, 22, { invocationId: 'b2', nRestarts: 1, job: 9 }),
  ])
  expect(events.map((e) => `${e.kind} ${e.source}`)).toEqual(['start reconcile', 'crash signal', 'restart signal'])
  expect(unitNamed(state, U).counters).toMatchObject({ starts: 2, crashes: 1, restarts: 1, lost: 0 })
})

test('a reload, which announces every unit again, changes neither the run nor what is known of it', () => {
  const stopping = signal(U, 10, { ...RUNNING, activeState: 'deactivating', subState: 'stop-sigterm', job: 31 })
  const { state } = stepAll(watching(U), [running, stopping, RELOAD])
  expect(unitNamed(state, U).run).toMatchObject({ id: 'a1', requested: true, badResult: null })
  expect(unitNamed(stepAll(watching(U), [running, crashed, RELOAD, GAP]).state, U).run).toMatchObject({
    ...{ id: 'a1', requested: false, badResult: 'exit-code' },
  })
})

test('StateChangeTimestamp: a daemon-reload sets it for a unit that never ran, which still was never started', () => {
  const missing = (...more: Observation[]) =>
    missingReason(unitNamed(stepAll(watching(U), [read(U, 1, {}, NEVER), ...more]).state, U))
  expect(missing()).toBe('never-started')
  expect(missing(RELOAD, read(U, 500, { changedAtMonoMs: 450 }, NEVER))).toBe('never-started')
  expect(missing(RELOAD, read(U, 500, { changedAtMonoMs: 450 }, { ...NEVER, wasActive: true }))).toBeNull()
})

const NEVER = { enabled: true, wasActive: false }
