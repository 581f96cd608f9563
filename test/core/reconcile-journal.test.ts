// What the journal proves about a gap, run by run; nothing is assumed beyond it.
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import type { Observation } from '../../src/core/observation.ts'
import type { ProvenRun } from '../../src/core/unit.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const KILLED = { end: { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false } } as const
const STOPPED = {
  requested: true,
  end: { result: 'success', exitCode: null, signal: null, coreDumped: false },
} as const
const run = (id: string, more: Partial<ProvenRun> = {}): ProvenRun => ({
  ...{ id, restart: null, missed: 0, nRestarts: null, requested: false, end: null },
  ...more,
})
const auto = (id: string, nRestarts: number, more: Partial<ProvenRun> = {}) =>
  run(id, { restart: 'automatic', nRestarts, ...more })
const proof = (monoMs: number, ...runs: ProvenRun[]): Observation => {
  return { kind: 'proof', at: at(monoMs), runs: new Map([[U, runs]]) }
}
const kinds = (events: readonly Event[]) =>
  events.map((e) => `${e.kind}${'invocationId' in e ? ` ${e.invocationId}` : ''}`)

/** The unit ran as a1, then the agent was down, then come these observations. */
const away = (restart: string, ...since: Observation[]) => {
  const before = stepAll(watching(U), [read(U, 10, RUNNING, { restart })]).state
  const { state, events } = stepAll(before, [{ kind: 'boot', at: at(500), bootId: 'boot-1' }, ...since])
  return { unit: unitNamed(state, U), events }
}

test('runs during the gap get events with their ids and causes, even if the settings prove nothing', () => {
  const { unit, events } = away(
    'always',
    proof(510, run('a1', KILLED), auto('b2', 1, STOPPED), run('c3', KILLED), auto('d4', 1)),
    read(U, 520, { ...RUNNING, invocationId: 'd4', nRestarts: 1 }, { restart: 'always' }),
  )
  expect(kinds(events)).toEqual(['crash a1', 'restart b2', 'stop b2', 'start c3', 'crash c3', 'restart d4'])
  expect(events.every((event) => event.source === 'reconcile')).toBe(true)
  expect(events[0]).toMatchObject({ result: 'signal', signal: 'SIGKILL', requested: false })
  expect(events[2]).toMatchObject({ result: 'success', requested: true })
  expect(events[3]).toMatchObject({ fromState: 'inactive' }) // nothing was going to restart it
  expect(unit.counters).toEqual({ starts: 4, stops: 1, crashes: 2, restarts: 2, lost: 0 })
  expect(unit.proven).toEqual([])
})

test('a stop that the journal shows, and that has not ended when the gap is over, was requested', () => {
  const STOPPING = { activeState: 'deactivating', subState: 'stop-sigkill', result: 'timeout', job: 7 } as const
  const ends = (id: string) => [
    signal(U, 520, { ...STOPPING, invocationId: id }),
    signal(U, 530, { ...STOPPING, invocationId: id, activeState: 'failed', subState: 'failed', mainCode: 2 }),
  ]
  const crash = (...observations: Observation[]) =>
    away('no', ...observations).events.find((event) => event.kind === 'crash')
  expect(crash(proof(510, run('a1', { requested: true })), ...ends('a1'))).toMatchObject({ requested: true })
  expect(crash(proof(510, run('a1')), ...ends('a1'))).toMatchObject({ requested: false })
  const later = [run('a1', KILLED), run('b2', { requested: true })]
  expect(crash(proof(510, ...later), ...ends('b2'))).toMatchObject({ invocationId: 'a1', requested: false })
  expect(away('no', proof(510, ...later), ...ends('b2')).events.at(-1)).toMatchObject({
    ...{ kind: 'crash', invocationId: 'b2', requested: true },
  })
})

test('a unit that ran and was unloaded during the gap', () => {
  const { unit, events } = away('no', proof(510, run('a1', STOPPED), run('b2', KILLED)), read(U, 520, {}))
  expect(kinds(events)).toEqual(['stop a1', 'start b2', 'crash b2'])
  expect(unit.counters).toEqual({ starts: 2, stops: 1, crashes: 1, restarts: 0, lost: 0 })
})

test('reset-failed removes the cause from systemd, but not from the journal', () => {
  const { events } = away(
    'no',
    proof(510, run('a1', { end: { ...KILLED.end, result: 'timeout', signal: null } })),
    read(U, 520, { invocationId: 'a1', mainCode: 2, mainStatus: 15 }),
  )
  expect(events).toMatchObject([{ kind: 'crash', result: 'timeout', signal: 'SIGTERM', invocationId: 'a1' }])
})

test('a missing journal entry makes a run lost, or a crash if only crashes are restarted', () => {
  const runs = [run('a1'), auto('b2', 1), run('c3')]
  const back = (restart: string) =>
    away(restart, proof(510, ...runs), read(U, 520, { ...RUNNING, invocationId: 'c3' }, { restart }))
  expect(kinds(back('always').events)).toEqual(['lost a1', 'restart b2', 'lost b2', 'start c3'])
  expect(kinds(back('on-failure').events)).toEqual(['crash a1', 'restart b2', 'lost b2', 'start c3'])
  expect(back('on-failure').events[0]).toMatchObject({ result: 'unknown', willRestart: true })
})

test('an end that was observed is not counted again, and the end of one run is not applied to another', () => {
  const ended = stepAll(watching(U), [read(U, 10, RUNNING), signal(U, 20, { invocationId: 'a1', mainCode: 1 })]).state
  const { events } = stepAll(ended, [
    { kind: 'gap', at: at(40) },
    proof(50, run('a1', KILLED), run('b2')),
    read(U, 60, { ...RUNNING, invocationId: 'b2' }),
  ])
  expect(kinds(events)).toEqual(['start b2'])
  const other = away('no', proof(510, run('a1', KILLED), run('b2')), read(U, 520, { invocationId: 'b2', mainCode: 1 }))
  expect(kinds(other.events)).toEqual(['crash a1', 'start b2', 'stop b2'])
})

test('a restart job does not prove a crash', () => {
  const { events } = away(
    'on-failure',
    proof(510, run('a1'), run('b2', { restart: 'job' })),
    read(U, 520, { ...RUNNING, invocationId: 'b2' }, { restart: 'on-failure' }),
  )
  expect(kinds(events)).toEqual(['lost a1', 'restart b2'])
})

test('automatic restarts without a journal entry are counted by NRestarts', () => {
  const { unit } = away(
    'on-failure',
    proof(510, run('a1', KILLED), auto('b2', 1, KILLED), { ...auto('x9', 8), missed: 6 }),
    read(U, 520, { ...RUNNING, invocationId: 'x9', nRestarts: 8 }, { restart: 'on-failure' }),
  )
  expect(unit.counters).toEqual({ starts: 9, stops: 0, crashes: 8, restarts: 8, lost: 0 })
})

test('what happened after the journal was read is counted from its last run on', () => {
  const { unit, events } = away(
    'on-failure',
    proof(510, run('a1', KILLED), auto('b2', 1, KILLED)),
    read(U, 520, { ...RUNNING, invocationId: 'd4', nRestarts: 3 }, { restart: 'on-failure' }),
  )
  expect(kinds(events)).toEqual(['crash a1', 'restart b2', 'crash b2', 'restart null', 'crash null', 'restart d4'])
  expect(unit.counters).toEqual({ starts: 4, stops: 0, crashes: 3, restarts: 3, lost: 0 })
  // A clean exit that was not requested may be restarted automatically.
  const clean = { ...STOPPED, requested: false }
  const again = away(
    'always',
    proof(510, run('a1', clean)),
    read(U, 520, { ...RUNNING, invocationId: 'b2', nRestarts: 1 }, { restart: 'always' }),
  )
  expect(kinds(again.events)).toEqual(['stop a1', 'restart b2'])
  // One that was requested can only be followed by a manual start.
  const rested = away(
    'always',
    proof(510, run('a1', STOPPED)),
    read(U, 520, { ...RUNNING, invocationId: 'c3', nRestarts: 1 }, { restart: 'always' }),
  )
  expect(rested.unit.counters).toEqual({ starts: 3, stops: 1, crashes: 0, restarts: 1, lost: 1 })
})

test('the first observation after a gap may be a signal', () => {
  const { events } = away(
    'always',
    proof(510, run('a1', KILLED), auto('b2', 1)),
    signal(U, 520, { invocationId: 'b2', job: 7, nRestarts: 1 }),
    signal(U, 521, { ...RUNNING, invocationId: 'b2', nRestarts: 1 }),
  )
  expect(kinds(events)).toEqual(['crash a1', 'restart b2'])
})

test('a journal that does not reach back to the last run proves nothing, nor does it while signals are received', () => {
  const cut = away(
    'always',
    proof(510, run('b2', KILLED), auto('c3', 1)),
    read(U, 520, { ...RUNNING, invocationId: 'c3', nRestarts: 2 }, { restart: 'always' }),
  )
  expect(cut.unit.counters).toEqual({ starts: 3, stops: 0, crashes: 0, restarts: 2, lost: 2 })
  const observed = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 15, { invocationId: 'a1', mainCode: 1 }),
    proof(20, run('a1', KILLED), run('b2')),
    signal(U, 30, { ...RUNNING, invocationId: 'c3' }),
  ])
  expect(kinds(observed.events)).toEqual(['start a1', 'stop a1', 'start c3'])
})

test('for a unit that was never watched before, nothing from the journal is counted', () => {
  const { events } = stepAll(watching(U), [proof(5, run('a1', KILLED)), read(U, 10, { invocationId: 'a1' })])
  expect(events).toEqual([])
})

test('after a reboot all runs in the journal are new', () => {
  const before = stepAll(watching(U), [read(U, 10, RUNNING)]).state
  const { events } = stepAll(before, [
    { kind: 'boot', at: at(5), bootId: 'boot-2' },
    proof(6, run('x1', KILLED), auto('x2', 1)),
    read(U, 7, { ...RUNNING, invocationId: 'x2', nRestarts: 1 }),
  ])
  expect(kinds(events)).toEqual(['lost a1', 'start x1', 'crash x1', 'restart x2'])
})

test('runs that were counted are not counted again, in whatever order the journal has them', () => {
  const before = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 20, { invocationId: 'a1', mainCode: 1 }),
    signal(U, 30, { invocationId: 'b2' }),
  ]).state
  const { events } = stepAll(before, [
    { kind: 'gap', at: at(40) },
    proof(50, run('b2', STOPPED), run('a1', STOPPED)),
    read(U, 60, { invocationId: 'b2' }),
  ])
  expect(kinds(events)).toEqual(['stop b2'])
})
