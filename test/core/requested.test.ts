// `requested`: true only if a stop or restart job was present while the main process was still alive.
import { expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import type { UnitSnapshot } from '../../src/core/unit.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const STOPPING = { ...RUNNING, activeState: 'deactivating', subState: 'stop-sigterm' } as const
const IN_STOP_POST = { ...RUNNING, activeState: 'deactivating', subState: 'stop-post' } as const
const EXIT_4 = { result: 'exit-code', mainCode: 1, mainStatus: 4 } as const
const FAILED = { ...EXIT_4, activeState: 'failed', subState: 'failed', invocationId: 'a1' } as const

/** The end of a run that is observed from its start on, through these signals. */
function endOf(unit: string, ...signals: Partial<UnitSnapshot>[]) {
  const start = signal(unit, 10, { invocationId: 'a1', job: 7 })
  const rest = signals.map((s, i) => signal(unit, 11 + i, { invocationId: 'a1', ...s }))
  const { events } = stepAll(watching(unit), [read(unit, 1, {}), start, ...rest])
  expect(events.map((e) => e.kind).slice(0, 2)).toEqual(['start', expect.stringMatching(/stop|crash/)])
  return events[1]
}

const after = (...signals: Partial<UnitSnapshot>[]) => endOf(U, { ...RUNNING, job: 7 }, RUNNING, ...signals)

test('a start job that is queued before the failure is announced, as under Upholds=, is not a request', () => {
  expect(after({ ...FAILED, job: 31 })).toMatchObject({ kind: 'crash', requested: false })
})

test('a start while ExecStopPost= of a crash runs is not a request', () => {
  const stopPost = { ...IN_STOP_POST, ...EXIT_4 }
  expect(after(stopPost, { ...stopPost, job: 31 }, { ...FAILED, job: 31 })).toMatchObject({ requested: false })
})

test('a start while ExecStopPost= of a clean exit runs is not a request', () => {
  const stopPost = { ...IN_STOP_POST, mainCode: 1 }
  const dead = { ...stopPost, activeState: 'inactive', subState: 'dead', job: 31 }
  expect(after(stopPost, { ...stopPost, job: 31 }, dead)).toMatchObject({ kind: 'stop', requested: false })
})

test('a stop job before the exit is a request, even if the exit is bad or a timeout', () => {
  expect(after({ ...STOPPING, job: 31 }, { ...FAILED, job: 31 })).toMatchObject({ kind: 'crash', requested: true })
  const timeout = { ...STOPPING, job: 31, result: 'timeout' }
  expect(after({ ...STOPPING, job: 31 }, timeout, { ...FAILED, job: 31 })).toMatchObject({
    ...{ kind: 'crash', requested: true, result: 'timeout' },
  })
})

test('a request remains one when the job is gone before the end', () => {
  expect(after({ ...STOPPING, job: 31 }, STOPPING, FAILED)).toMatchObject({ requested: true })
})

test('where systemd signals only the result, the end is not requested', () => {
  expect(after({ ...RUNNING, job: 31 }, { ...FAILED, job: 31 })).toMatchObject({ requested: false })
  const gone = { ...STOPPING, mainCode: 2, mainStatus: 15, job: 31 }
  expect(after(gone, { ...gone, activeState: 'inactive' })).toMatchObject({ kind: 'stop', requested: false })
})

test('a stop after a bad Result did not cause the end', () => {
  const watchdog = { ...STOPPING, result: 'watchdog' }
  expect(after(watchdog, { ...watchdog, job: 31 }, { ...FAILED, job: 31 })).toMatchObject({
    ...{ kind: 'crash', result: 'watchdog', requested: false },
  })
})

test('a reload job during which the unit crashed is not a request', () => {
  expect(after({ ...RUNNING, activeState: 'reloading', job: 31 }, { ...FAILED, job: 31 })).toMatchObject({
    requested: false,
  })
})

test('the start job of a run that fails to start is not a request; the stop job that replaces it is', () => {
  const starting = { activeState: 'activating', subState: 'start', job: 7 }
  const ending = { ...STOPPING, job: 7 }
  expect(endOf(U, starting, ending, { ...FAILED, job: 7 })).toMatchObject({ requested: false })
  expect(endOf(U, starting, { ...STOPPING, job: 8 }, { ...FAILED, job: 8 })).toMatchObject({ requested: true })
})

test('a oneshot with RemainAfterExit= has no main process: its stop is a request, with or without ExecStop=', () => {
  const exited = { ...RUNNING, subState: 'exited', mainCode: 1 }
  const stopping = { ...exited, activeState: 'deactivating', subState: 'stop', job: 31 }
  const dead = { ...exited, activeState: 'inactive', subState: 'dead', job: 31 }
  expect(after(exited, { ...exited, job: 31 }, stopping, dead)).toMatchObject({ kind: 'stop', requested: true })
  expect(after(exited, { ...exited, job: 31 }, dead)).toMatchObject({ kind: 'stop', requested: true })
  expect(after(exited, { ...dead, job: 0 })).toMatchObject({ kind: 'stop', requested: false })
})

test('a unit without processes stops in one step: its stop job is a request; a failure under a new job is not', () => {
  const active = { activeState: 'active', subState: 'listening' }
  const ends = (...last: Partial<UnitSnapshot>[]) => endOf('x.socket', { ...active, job: 7 }, active, ...last)
  const dead = { activeState: 'inactive', subState: 'dead', job: 31 }
  expect(ends({ ...active, job: 31 }, dead)).toMatchObject({ kind: 'stop', requested: true })
  expect(ends({ ...dead, job: 0 })).toMatchObject({ kind: 'stop', requested: false })
  const failed = { activeState: 'failed', subState: 'failed', result: 'resources', job: 31 }
  expect(ends(failed)).toMatchObject({ kind: 'crash', requested: false })
  expect(ends({ ...active, job: 31 }, failed)).toMatchObject({ kind: 'crash', requested: true })
})

test('the job of a run that is first seen active is a later one than its start job', () => {
  const stopping = [signal(U, 2, { ...STOPPING, job: 31 }), signal(U, 3, { ...FAILED, job: 31 })]
  const { events } = stepAll(watching(U), [signal(U, 1, { ...RUNNING, job: 31 }), ...stopping])
  expect(events[1]).toMatchObject({ kind: 'crash', requested: true })
})

test('a unit without processes that stops without a job was not requested to', () => {
  const T = 'x.target'
  const active = { activeState: 'active', subState: 'active', invocationId: 'a1', job: 7, result: null }
  const dead = { ...active, activeState: 'inactive', subState: 'dead', job: 0 }
  const { events } = stepAll(watching(T), [read(T, 1, {}), read(T, 2, active), signal(T, 3, dead)])
  expect(events[1]).toMatchObject({ kind: 'stop', requested: false })
})

test('after a gap, a run that is first seen stopping was requested to stop', () => {
  const gap: Observation = { kind: 'gap', at: at(20) }
  const ends = (first: Partial<UnitSnapshot>) => {
    const seen = signal(U, 30, { job: 31, ...first, invocationId: 'b2' })
    const last = signal(U, 31, { ...FAILED, invocationId: 'b2', job: 31 })
    return stepAll(watching(U), [read(U, 1, {}), gap, seen, last]).events[1]
  }
  expect(ends(STOPPING)).toMatchObject({ kind: 'crash', requested: true })
  expect(ends({ ...STOPPING, ...EXIT_4 })).toMatchObject({ kind: 'crash', requested: false })
  expect(ends({ ...STOPPING, job: 0 })).toMatchObject({ kind: 'crash', requested: false })
  expect(ends({ ...STOPPING, mainCode: 2, mainStatus: 15 })).toMatchObject({ kind: 'crash', requested: false })
})

test('a request that was seen before a gap is known after it, also where the journal proves the end', () => {
  const seen = [read(U, 1, RUNNING), signal(U, 10, { ...STOPPING, job: 31 }), { kind: 'gap', at: at(20) } as const]
  expect(stepAll(watching(U), [...seen, read(U, 30, FAILED)]).events[1]).toMatchObject({ requested: true })
  const cause = { result: 'exit-code', exitCode: 4, signal: null, coreDumped: false }
  const proven = { id: 'a1', restart: null, missed: 0, nRestarts: null, requested: false, end: cause }
  const proof: Observation = { kind: 'proof', at: at(25), runs: new Map([[U, [proven]]]) }
  expect(stepAll(watching(U), [...seen, proof, read(U, 30, {})]).events[1]).toMatchObject({
    ...{ kind: 'crash', requested: true },
  })
})

test('a crash that was not requested counts for flapping, under Upholds= too', () => {
  const crashes = Array.from({ length: 5 }, (_, i) => [
    signal(U, 10 * i + 10, { invocationId: `r${i}`, job: i + 1 }),
    signal(U, 10 * i + 11, { ...RUNNING, invocationId: `r${i}` }),
    signal(U, 10 * i + 12, { ...FAILED, invocationId: `r${i}`, job: i + 2 }),
  ]).flat()
  const { state } = stepAll(watching(U), [read(U, 1, {}, { startedBy: ['holder.target'] }), ...crashes])
  expect(unitNamed(state, U)).toMatchObject({
    flapping: true,
    failures: { 'exit-code': { unrequested: 5, requested: 0 } },
  })
})

test('clear keeps the request and the bad Result of the run that continues', () => {
  const requested = [read(U, 1, RUNNING), signal(U, 10, { ...STOPPING, job: 31 })]
  const clear = { kind: 'clear', via: 'socket', keepEvents: false, at: at(20) } as const
  expect(stepAll(watching(U), [...requested, clear, signal(U, 30, FAILED)]).events.at(-1)).toMatchObject({
    ...{ kind: 'crash', requested: true },
  })
  const bad = [read(U, 1, RUNNING), signal(U, 10, { ...IN_STOP_POST, ...EXIT_4 })]
  const reset = signal(U, 30, { invocationId: 'a1', mainCode: 1, mainStatus: 4 })
  expect(stepAll(watching(U), [...bad, clear, reset]).events.at(-1)).toMatchObject({
    ...{ kind: 'crash', result: 'exit-code' },
  })
})

test('a start under a job that is known to be a start job is not a restart, although the run before it ended under this job', () => {
  const startUnder = (types: readonly string[], jobAtEnd = 31) => {
    const jobTypes = types.map((type, i): Observation => ({ kind: 'job-type', unit: U, at: at(4 + i), job: 31, type }))
    const [crash, next] = [
      signal(U, 7, { ...FAILED, job: jobAtEnd }),
      signal(U, 9, { ...RUNNING, invocationId: 'b2', job: jobAtEnd }),
    ]
    const late: Observation = { kind: 'job-type', unit: U, at: at(8), job: 31, type: 'start' }
    const { events } = stepAll(watching(U), [
      read(U, 1, {}),
      signal(U, 2, { ...RUNNING, job: 7 }),
      signal(U, 3, { ...RUNNING, job: 31 }),
      ...[...jobTypes, crash, late, next],
    ])
    return events.at(-1)?.kind
  }
  expect(startUnder(['start'])).toBe('start')
  expect(startUnder(['restart'])).toBe('restart')
  // A restart was merged into the start job; after the end, systemd calls every restart job a start job.
  expect(startUnder(['start', 'restart'])).toBe('restart')
  expect(startUnder([])).toBe('restart')
  // A restart was merged into the job that started the run, after its type was read.
  const own = { kind: 'job-type', unit: U, at: at(4), job: 7, type: 'start' } as const
  const { events } = stepAll(watching(U), [
    read(U, 1, {}),
    signal(U, 2, { ...RUNNING, activeState: 'activating', job: 7 }),
    own,
    signal(U, 5, { ...FAILED, job: 7 }),
    signal(U, 6, { ...RUNNING, activeState: 'activating', invocationId: 'b2', job: 7 }),
  ])
  expect(events.at(-1)?.kind).toBe('restart')
  // A restart was merged into the queued start job: it stopped the run.
  const stopped = stepAll(watching(U), [
    read(U, 1, {}),
    signal(U, 2, { ...RUNNING, job: 7 }),
    signal(U, 3, RUNNING),
    { kind: 'job-type', unit: U, at: at(4), job: 31, type: 'start' },
    signal(U, 5, { ...STOPPING, job: 31 }),
    signal(U, 6, { ...FAILED, job: 31 }),
    signal(U, 7, { ...RUNNING, invocationId: 'b2', job: 31 }),
  ])
  expect(stopped.events.at(-1)?.kind).toBe('restart')
  // systemd merged its own restart into the queued start job, which then waits for another unit.
  const restarted = stepAll(watching(U), [
    read(U, 1, {}),
    signal(U, 2, { ...RUNNING, job: 7 }),
    signal(U, 3, { ...RUNNING, job: 31 }),
    { kind: 'job-type', unit: U, at: at(4), job: 31, type: 'start' },
    signal(U, 5, { ...FAILED, activeState: 'activating', subState: 'auto-restart', job: 31 }),
    signal(U, 6, { ...FAILED, activeState: 'inactive', subState: 'dead', nRestarts: 1, job: 31 }),
    signal(U, 7, { ...RUNNING, invocationId: 'b2', nRestarts: 1, job: 31 }),
  ])
  expect(restarted.events.at(-1)?.kind).toBe('restart')
  // The start job was canceled before the end.
  expect(startUnder(['start'], 0)).toBe('start')
})
