// What the journal proves of an absence: run by run, and what it does not say stays unsaid.
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import type { Observation } from '../../src/core/observation.ts'
import type { ProvenEnd, ProvenRun } from '../../src/core/unit.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const KILLED: ProvenEnd = {
  cause: { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false },
  requested: false,
}
const STOPPED: ProvenEnd = {
  cause: { result: 'success', exitCode: null, signal: null, coreDumped: false },
  requested: true,
}
const run = (id: string, more: Partial<ProvenRun> = {}): ProvenRun => ({
  ...{ id, restart: null, missed: 0, nRestarts: null, end: null },
  ...more,
})
const auto = (id: string, nRestarts: number, end: ProvenEnd | null = null) =>
  run(id, { restart: 'automatic', nRestarts, end })
const proof = (monoMs: number, ...runs: ProvenRun[]): Observation => {
  return { kind: 'proof', at: at(monoMs), runs: new Map([[U, runs]]) }
}
const kinds = (events: readonly Event[]) =>
  events.map((e) => `${e.kind}${'invocationId' in e ? ` ${e.invocationId}` : ''}`)

/** The unit ran as a1, the agent was away, and then this. */
const away = (restart: string, ...since: Observation[]) => {
  const before = stepAll(watching(U), [read(U, 10, RUNNING, { restart })]).state
  const { state, events } = stepAll(before, [{ kind: 'boot', at: at(500), bootId: 'boot-1' }, ...since])
  return { unit: unitNamed(state, U), events }
}

test('runs between are told with their ids and causes, also where the settings would prove nothing', () => {
  const { unit, events } = away(
    'always',
    proof(510, run('a1', { end: KILLED }), auto('b2', 1, STOPPED), run('c3', { end: KILLED }), auto('d4', 1)),
    read(U, 520, { ...RUNNING, invocationId: 'd4', nRestarts: 1 }, { restart: 'always' }),
  )
  expect(kinds(events)).toEqual(['crash a1', 'restart b2', 'stop b2', 'start c3', 'crash c3', 'restart d4'])
  expect(events.every((event) => event.source === 'reconcile')).toBe(true)
  expect(events[0]).toMatchObject({ result: 'signal', signal: 'SIGKILL', requested: false })
  expect(events[2]).toMatchObject({ result: 'success', requested: true })
  expect(unit.counters).toEqual({ starts: 4, stops: 1, crashes: 2, restarts: 2, lost: 0 })
  expect(unit.proven).toEqual([])
})

test('a unit that ran and was unloaded while nobody looked', () => {
  const { unit, events } = away(
    'no',
    proof(510, run('a1', { end: STOPPED }), run('b2', { end: KILLED })),
    read(U, 520, {}),
  )
  expect(kinds(events)).toEqual(['stop a1', 'start b2', 'crash b2'])
  expect(unit.counters).toEqual({ starts: 2, stops: 1, crashes: 1, restarts: 0, lost: 0 })
})

test('reset-failed takes the cause from systemd, not from the journal', () => {
  const { events } = away(
    'no',
    proof(510, run('a1', { end: { ...KILLED, cause: { ...KILLED.cause, result: 'timeout', signal: null } } })),
    read(U, 520, { invocationId: 'a1', mainCode: 2, mainStatus: 15 }),
  )
  expect(events).toMatchObject([{ kind: 'crash', result: 'timeout', signal: 'SIGTERM', invocationId: 'a1' }])
})

test('a line that is missing makes a run lost, or a crash where only crashes are restarted', () => {
  const runs = [run('a1'), auto('b2', 1), run('c3')]
  const back = (restart: string) =>
    away(restart, proof(510, ...runs), read(U, 520, { ...RUNNING, invocationId: 'c3' }, { restart }))
  expect(kinds(back('always').events)).toEqual(['lost a1', 'restart b2', 'lost b2', 'start c3'])
  expect(kinds(back('on-failure').events)).toEqual(['crash a1', 'restart b2', 'lost b2', 'start c3'])
  expect(back('on-failure').events[0]).toMatchObject({ result: 'unknown', willRestart: true })
})

test('an end that was heard is not told again, and the end of one run is not that of another', () => {
  const ended = stepAll(watching(U), [read(U, 10, RUNNING), signal(U, 20, { invocationId: 'a1', mainCode: 1 })]).state
  const { events } = stepAll(ended, [
    { kind: 'gap', at: at(40) },
    proof(50, run('a1', { end: KILLED }), run('b2')),
    read(U, 60, { ...RUNNING, invocationId: 'b2' }),
  ])
  expect(kinds(events)).toEqual(['start b2'])
  const other = away(
    'no',
    proof(510, run('a1', { end: KILLED }), run('b2')),
    read(U, 520, { invocationId: 'b2', mainCode: 1 }),
  )
  expect(kinds(other.events)).toEqual(['crash a1', 'start b2', 'stop b2'])
})

test('a restart job proves no crash', () => {
  const { events } = away(
    'on-failure',
    proof(510, run('a1'), run('b2', { restart: 'job' })),
    read(U, 520, { ...RUNNING, invocationId: 'b2' }, { restart: 'on-failure' }),
  )
  expect(kinds(events)).toEqual(['lost a1', 'restart b2'])
})

test('automatic restarts that the journal has no line of are counted by what systemd announced', () => {
  const { unit } = away(
    'on-failure',
    proof(510, run('a1', { end: KILLED }), auto('b2', 1, KILLED), { ...auto('x9', 8), missed: 6 }),
    read(U, 520, { ...RUNNING, invocationId: 'x9', nRestarts: 8 }, { restart: 'on-failure' }),
  )
  expect(unit.counters).toEqual({ starts: 9, stops: 0, crashes: 8, restarts: 8, lost: 0 })
})

test('what came after the journal was read is counted from where it ended', () => {
  const { unit, events } = away(
    'on-failure',
    proof(510, run('a1', { end: KILLED }), auto('b2', 1, KILLED)),
    read(U, 520, { ...RUNNING, invocationId: 'd4', nRestarts: 3 }, { restart: 'on-failure' }),
  )
  expect(kinds(events)).toEqual(['crash a1', 'restart b2', 'crash b2', 'restart null', 'crash null', 'restart d4'])
  expect(unit.counters).toEqual({ starts: 4, stops: 0, crashes: 3, restarts: 3, lost: 0 })
  // A clean end that nobody asked for may be restarted: it is no rest from which only a hand could start it.
  const clean = { ...STOPPED, requested: false }
  const again = away(
    'always',
    proof(510, run('a1', { end: clean })),
    read(U, 520, { ...RUNNING, invocationId: 'b2', nRestarts: 1 }, { restart: 'always' }),
  )
  expect(kinds(again.events)).toEqual(['stop a1', 'restart b2'])
  // One that was asked for is a rest.
  const rested = away(
    'always',
    proof(510, run('a1', { end: STOPPED })),
    read(U, 520, { ...RUNNING, invocationId: 'c3', nRestarts: 1 }, { restart: 'always' }),
  )
  expect(rested.unit.counters).toEqual({ starts: 3, stops: 1, crashes: 0, restarts: 1, lost: 1 })
})

test('the first word after the absence may be a signal', () => {
  const { events } = away(
    'always',
    proof(510, run('a1', { end: KILLED }), auto('b2', 1)),
    signal(U, 520, { invocationId: 'b2', job: 7, nRestarts: 1 }),
    signal(U, 521, { ...RUNNING, invocationId: 'b2', nRestarts: 1 }),
  )
  expect(kinds(events)).toEqual(['crash a1', 'restart b2'])
})

test('a journal that does not reach back to the last run proves nothing; nor does it of what was heard', () => {
  const cut = away(
    'always',
    proof(510, run('b2', { end: KILLED }), auto('c3', 1)),
    read(U, 520, { ...RUNNING, invocationId: 'c3', nRestarts: 2 }, { restart: 'always' }),
  )
  expect(cut.unit.counters).toEqual({ starts: 3, stops: 0, crashes: 0, restarts: 2, lost: 2 })
  const heard = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 15, { invocationId: 'a1', mainCode: 1 }),
    proof(20, run('a1', { end: KILLED }), run('b2')),
    signal(U, 30, { ...RUNNING, invocationId: 'c3' }),
  ])
  expect(kinds(heard.events)).toEqual(['start a1', 'stop a1', 'start c3'])
})

test('the first absence of a unit is one that never was watched: nothing of before is counted', () => {
  const { events } = stepAll(watching(U), [proof(5, run('a1', { end: KILLED })), read(U, 10, { invocationId: 'a1' })])
  expect(events).toEqual([])
})

test('in a new boot all that the journal tells of it is news', () => {
  const before = stepAll(watching(U), [read(U, 10, RUNNING)]).state
  const { events } = stepAll(before, [
    { kind: 'boot', at: at(5), bootId: 'boot-2' },
    proof(6, run('x1', { end: KILLED }), auto('x2', 1)),
    read(U, 7, { ...RUNNING, invocationId: 'x2', nRestarts: 1 }),
  ])
  expect(kinds(events)).toEqual(['lost a1', 'start x1', 'crash x1', 'restart x2'])
})

test('runs that were counted are not counted again, whatever order the journal has them in', () => {
  const before = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 20, { invocationId: 'a1', mainCode: 1 }),
    signal(U, 30, { invocationId: 'b2' }),
  ]).state
  const { events } = stepAll(before, [
    { kind: 'gap', at: at(40) },
    proof(50, run('b2', { end: STOPPED }), run('a1', { end: STOPPED })),
    read(U, 60, { invocationId: 'b2' }),
  ])
  expect(kinds(events)).toEqual(['stop b2'])
})
