// Start jobs that never became a run: which job results are such a start, and which are not.
import { expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import type { State } from '../../src/core/state.ts'
import { dueAtMonoMs, step } from '../../src/core/step.ts'
import type { UnitSnapshot } from '../../src/core/unit.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const EXIT_3 = { result: 'exit-code', mainCode: 1, mainStatus: 3, invocationId: 'a1' } as const
const WAITS = { ...EXIT_3, activeState: 'activating', subState: 'auto-restart' } as const

const jobNew = (monoMs: number, job: number): Observation => ({ kind: 'job-new', unit: U, at: at(monoMs), job })
const jobEnds = (monoMs: number, job: number, result: string): Observation => {
  return { kind: 'job-removed', unit: U, at: at(monoMs), job, result }
}
const tick = (monoMs: number): Observation => ({ kind: 'tick', at: at(monoMs) })
const idle = (snapshot: Partial<UnitSnapshot> = {}): State =>
  stepAll(watching(U), [read(U, 1, snapshot, { restart: 'always' })]).state
const refusedIn = (from: State, ...observations: Observation[]) => {
  const { state, events } = stepAll(from, observations)
  const { startJobsFailed } = unitNamed(state, U)
  return { events: events.flatMap((e) => (e.kind === 'start_refused' ? [e.result] : [])), startJobsFailed }
}
const NONE = { events: [], startJobsFailed: {} }
const once = (result: string) => ({ events: [result], startJobsFailed: { [result]: 1 } })

test.each(['dependency', 'assert', 'unsupported', 'invalid', 'timeout', 'a-result-of-the-future'])(
  'a start job of a unit without a run that ends with %s is a start that never became a run',
  (result) => {
    expect(refusedIn(idle(), jobNew(10, 5), jobEnds(20, 5, result))).toEqual(once(result))
  },
)

test('the event has the result, and counters outside of which the refused start remains', () => {
  const { state, events } = stepAll(idle(), [jobNew(10, 5), jobEnds(20, 5, 'dependency')])
  const counters = { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 }
  expect(events).toMatchObject([
    { kind: 'start_refused', unit: U, source: 'signal', result: 'dependency', counters, atMs: at(20).wallMs },
  ])
  expect(unitNamed(state, U)).toMatchObject({ counters, startJobsFailed: { dependency: 1 } })
  const again = stepAll(state, [jobNew(30, 6), jobEnds(31, 6, 'dependency'), jobNew(32, 7), jobEnds(33, 7, 'assert')])
  expect(unitNamed(again.state, U).startJobsFailed).toEqual({ dependency: 2, assert: 1 })
})

test.each(['done', 'skipped', 'once', 'collected'])('a job that ends with %s is not a failure', (result) => {
  expect(refusedIn(idle(), jobNew(10, 5), jobEnds(20, 5, result), tick(1000))).toEqual(NONE)
})

test('a job that failed without a new run was refused by the start limit', () => {
  expect(refusedIn(idle(), jobNew(10, 5), jobEnds(20, 5, 'failed'))).toEqual(once('start-limit-hit'))
  // An automatic restart that the start limit refused.
  const waiting = stepAll(idle(RUNNING), [signal(U, 10, WAITS)]).state
  const failed = signal(U, 21, { ...EXIT_3, activeState: 'failed', job: 5 })
  expect(refusedIn(waiting, jobNew(20, 5), failed, jobEnds(22, 5, 'failed'))).toEqual(once('start-limit-hit'))
})

test('a start job whose run fails is a crash, not a refused start', () => {
  const opens = signal(U, 11, { invocationId: 'a1', job: 5 })
  const fails = signal(U, 12, { ...EXIT_3, activeState: 'failed', job: 5 })
  expect(refusedIn(idle(), jobNew(10, 5), opens, fails, jobEnds(13, 5, 'failed'))).toEqual(NONE)
  expect(refusedIn(idle(), jobNew(10, 5), opens, jobEnds(13, 5, 'timeout'))).toEqual(NONE)
})

test('a reload job that fails because the unit crashes is not a start', () => {
  const crashes = signal(U, 20, { ...EXIT_3, activeState: 'failed', job: 5 })
  for (const result of ['failed', 'canceled', 'invalid', 'timeout'])
    expect(refusedIn(idle(RUNNING), jobNew(10, 5), crashes, jobEnds(21, 5, result), tick(1000))).toEqual(NONE)
})

test('the start of a restart job can be refused after its stop', () => {
  const stops = [
    jobNew(10, 5),
    signal(U, 11, { ...RUNNING, job: 5 }),
    signal(U, 12, { ...RUNNING, activeState: 'deactivating', subState: 'stop-sigterm', job: 5 }),
    signal(U, 13, { invocationId: 'a1', mainCode: 2, mainStatus: 15, job: 5 }),
  ]
  expect(refusedIn(idle(RUNNING), ...stops, jobEnds(14, 5, 'failed'))).toEqual(once('start-limit-hit'))
  expect(refusedIn(idle(RUNNING), ...stops, jobEnds(14, 5, 'dependency'))).toEqual(once('dependency'))
  expect(refusedIn(idle(RUNNING), ...stops, jobEnds(14, 5, 'done'))).toEqual(NONE)
  const starts = signal(U, 14, { invocationId: 'b2', job: 5 })
  const fails = signal(U, 15, { ...EXIT_3, invocationId: 'b2', activeState: 'failed', job: 5 })
  expect(refusedIn(idle(RUNNING), ...stops, starts, fails, jobEnds(16, 5, 'failed'))).toEqual(NONE)
})

test('only a start job can fail because of a dependency, so its JobNew need not have been received', () => {
  const crashes = signal(U, 20, { ...EXIT_3, activeState: 'failed', job: 5 })
  expect(refusedIn(idle(RUNNING), jobNew(10, 5), crashes, jobEnds(21, 5, 'dependency'))).toEqual(once('dependency'))
  expect(refusedIn(watching(U), jobEnds(21, 5, 'assert'))).toEqual(once('assert'))
  expect(refusedIn(idle(), jobEnds(21, 5, 'failed'))).toEqual(NONE)
  expect(refusedIn(idle(), jobNew(10, 4), jobEnds(21, 5, 'failed'))).toEqual(NONE)
})

test('while a run is open nothing was refused', () => {
  expect(refusedIn(idle(RUNNING), jobNew(10, 5), jobEnds(21, 5, 'dependency'))).toEqual(NONE)
})

test('a job that appears while it is unknown whether there is a run may be a reload', () => {
  expect(refusedIn(watching(U), jobNew(10, 5), jobEnds(20, 5, 'failed'))).toEqual(NONE)
  const gap: Observation = { kind: 'gap', at: at(5) }
  expect(refusedIn(idle(), gap, jobNew(10, 5), jobEnds(20, 5, 'failed'))).toEqual(NONE)
  expect(refusedIn(idle(), jobNew(3, 5), gap, jobEnds(20, 5, 'timeout'))).toEqual(NONE)
})

test('a start job that was canceled is an event without a count, unless another job takes over', () => {
  const canceled = [jobNew(10, 5), jobEnds(20, 5, 'canceled')]
  expect(refusedIn(idle(), ...canceled, tick(269))).toEqual(NONE)
  expect(refusedIn(idle(), ...canceled, tick(270), tick(1000))).toEqual({ events: ['canceled'], startJobsFailed: {} })
  expect(refusedIn(idle(), ...canceled, jobNew(21, 6), tick(1000))).toEqual(NONE)
  expect(refusedIn(idle(), ...canceled, jobNew(21, 6), jobEnds(22, 6, 'done'), tick(1000))).toEqual(NONE)
  expect(refusedIn(idle(), ...canceled, { kind: 'gap', at: at(30) }, tick(1000))).toEqual(NONE)
  expect(
    refusedIn(idle(), ...canceled, { kind: 'clear', via: 'socket', keepEvents: false, at: at(30) }, tick(1000)),
  ).toEqual(NONE)
})

test('a tick for something else does not report a canceled job too early', () => {
  const crash = [signal(U, 10, { invocationId: 'a1', job: 4 }), signal(U, 20, { ...EXIT_3, activeState: 'failed' })]
  const canceled = [jobNew(59_990, 5), jobEnds(60_000, 5, 'canceled')]
  const windowEnds = tick(60_020) // of the rate limit
  expect(refusedIn(idle(), ...crash, ...canceled, windowEnds)).toEqual(NONE)
  expect(refusedIn(idle(), ...crash, ...canceled, windowEnds, tick(60_250)).events).toEqual(['canceled'])
})

test('a canceled job is due once', () => {
  const due = (state: State) => dueAtMonoMs(unitNamed(state, U), state)
  const { state } = stepAll(idle(), [jobNew(10, 5), jobEnds(20, 5, 'canceled')])
  expect(due(state)).toBe(270)
  expect(due(step(state, tick(270)).state)).toBe(Infinity)
  expect(due(step(state, jobNew(100, 6)).state)).toBe(Infinity)
})

test('clear resets the counts of refused starts', () => {
  const { state } = stepAll(idle(), [
    jobNew(10, 5),
    jobEnds(20, 5, 'dependency'),
    { kind: 'clear', via: 'socket', keepEvents: false, at: at(30) },
  ])
  expect(unitNamed(state, U).startJobsFailed).toEqual({})
})
