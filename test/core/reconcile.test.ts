// Reconciliation after a gap, case by case: what is proven, what is only possible, and what is not counted.
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import type { Observation } from '../../src/core/observation.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const FAILED = { activeState: 'failed', subState: 'failed', result: 'signal', mainCode: 2, mainStatus: 9 } as const
const WAITS = { ...FAILED, activeState: 'activating', subState: 'auto-restart' } as const
const GAP: Observation = { kind: 'gap', at: at(400) }
const kinds = (events: readonly Event[]) =>
  events.map((e) => `${e.kind}${'invocationId' in e ? ` ${e.invocationId}` : ''}`)
const eventsOf = (...observations: Observation[]) => kinds(stepAll(watching(U), observations).events)

test('the first observation after a gap has the source reconcile, even if it is a signal', () => {
  const { events } = stepAll(watching(U), [
    read(U, 10, RUNNING),
    GAP,
    signal(U, 500, { ...FAILED, invocationId: 'a1' }),
  ])
  expect(events[1]).toMatchObject({ kind: 'crash', source: 'reconcile', result: 'signal' })
  expect(unitNamed(stepAll(watching(U), [read(U, 10, RUNNING)]).state, U).snapshot?.nRestarts).toBe(0)
})

test('events with the source reconcile, and only those, are corrections', () => {
  const observed = [signal(U, 20, { ...FAILED, invocationId: 'a1' }), signal(U, 30, { invocationId: 'b2' })]
  expect(stepAll(watching(U), [read(U, 10, RUNNING), ...observed]).state.corrections).toBe(1)
  expect(stepAll(watching(U), [read(U, 10, RUNNING), GAP, read(U, 500, {})]).state.corrections).toBe(2)
})

test('a read that is ahead of the signals can show a run that has already ended', () => {
  expect(eventsOf(read(U, 10, {}), read(U, 20, { ...FAILED, invocationId: 'a1' }))).toEqual([
    'start a1',
    'crash a1',
    'gave_up',
  ])
})

test('systemd gave up again on a unit that failed again during the gap', () => {
  const failed = { ...FAILED, invocationId: 'a1' }
  expect(
    eventsOf(read(U, 10, RUNNING), signal(U, 20, failed), GAP, read(U, 500, { ...failed, invocationId: 'b2' })),
  ).toEqual(['start a1', 'crash a1', 'gave_up', 'start b2', 'crash b2', 'gave_up'])
})

test('after a gap it is not certain that a timer was restarted by one job', () => {
  const T = 'x.timer'
  const active = { activeState: 'active', subState: 'waiting', invocationId: 'a1' }
  const events = (...since: Observation[]) =>
    kinds(stepAll(watching(T), [read(T, 10, active), ...since]).events).slice(1)
  const next = (more: object = {}) => signal(T, 500, { ...active, invocationId: 'b2', job: 30, ...more })
  expect(events(next())).toEqual(['stop a1', 'restart b2'])
  expect(events(GAP, next())).toEqual(['lost a1', 'start b2'])
  expect(events(next({ job: 0 }))).toEqual(['lost a1', 'start b2'])
  // Its end had already been signalled by a state of its own.
  expect(events(signal(T, 20, { ...active, activeState: 'deactivating', job: 30 }), next())).toEqual([
    'lost a1',
    'start b2',
  ])
})

test('a oneshot with RemainAfterExit= that was restarted automatically was not restarted by one job', () => {
  const exited = { activeState: 'active', subState: 'exited', invocationId: 'a1', mainCode: 1 }
  const automatic = signal(U, 20, { invocationId: 'b2', job: 30, nRestarts: 1 })
  expect(eventsOf(read(U, 10, exited, { restart: 'on-failure' }), automatic)).toEqual([
    'start a1',
    'crash a1',
    'restart b2',
  ])
})

test('a first signal that shows an ended unit without a job belongs to a run from before the agent started', () => {
  expect(eventsOf(signal(U, 10, { invocationId: 'a1' }))).toEqual([])
  expect(eventsOf(signal(U, 10, { invocationId: 'a1', job: 7 }))).toEqual(['start a1'])
})

test('from systemd 254 on the restart may first be visible in the new run itself', () => {
  expect(
    eventsOf(
      read(U, 10, RUNNING, { restart: 'on-failure' }),
      signal(U, 20, { ...FAILED, subState: 'failed-before-auto-restart', invocationId: 'a1' }),
      signal(U, 21, { ...WAITS, subState: 'auto-restart-queued', invocationId: 'b2', job: 7, nRestarts: 1 }),
    ),
  ).toEqual(['start a1', 'crash a1', 'restart b2'])
})

test('NRestarts that a queued restart has already increased is corrected only for the observed run', () => {
  const counted = (...observations: Observation[]) =>
    unitNamed(stepAll(watching(U), observations).state, U).snapshot?.nRestarts
  const waits = (id: string) => signal(U, 500, { ...WAITS, invocationId: id, job: 9, nRestarts: 6 })
  const runs = read(U, 10, { ...RUNNING, nRestarts: 5 })
  expect(counted(runs, waits('a1'))).toBe(5)
  expect(counted(runs, GAP, waits('a1'))).toBe(6)
  expect(counted(runs, waits('b2'))).toBe(6)
})

test('signals that the bus dropped are detected by the number of restarts, without a gap', () => {
  const failed = (id: string, nRestarts: number) => signal(U, 20, { ...FAILED, invocationId: id, nRestarts })
  const opens = (id: string, nRestarts: number) => signal(U, 30, { invocationId: id, job: 7, nRestarts })
  const begin = read(U, 10, { ...RUNNING, nRestarts: 5 }, { restart: 'on-failure' })
  const { state, events } = stepAll(watching(U), [begin, failed('a1', 5), opens('z9', 90)])
  expect(unitNamed(state, U).counters).toEqual({ starts: 86, stops: 0, crashes: 85, restarts: 85, lost: 0 })
  expect(events.at(-1)).toMatchObject({ kind: 'restart', source: 'reconcile', invocationId: 'z9' })
  expect(stepAll(state, [failed('z9', 90)]).events).toMatchObject([{ kind: 'crash', source: 'signal' }])
  // The next number, or the same one again, means that no signal was dropped.
  expect(stepAll(watching(U), [begin, failed('a1', 5), opens('b2', 6)]).events.at(-1)?.source).toBe('signal')
  // The restart as b2 was announced, but c3 started.
  const queued = signal(U, 25, { ...WAITS, invocationId: 'a1', job: 7, nRestarts: 6 })
  expect(eventsOf(begin, failed('a1', 5), queued, opens('c3', 7)).slice(2)).toEqual([
    'restart null',
    'crash null',
    'restart c3',
  ])
  // A reload may queue a restart twice: both numbers were reported.
  const twice = [6, 7].map((n) => signal(U, 25, { ...WAITS, invocationId: 'a1', job: 7, nRestarts: n }))
  expect(eventsOf(begin, failed('a1', 5), ...twice, opens('b2', 7))).toEqual(['start a1', 'crash a1', 'restart b2'])
})

test('a requested crash is counted separately, and causes neither flapping nor gave_up', () => {
  const stops = Array.from({ length: 6 }, (_, i) => [
    signal(U, 100 + 10 * i, { invocationId: `r${i}` }),
    signal(U, 103 + 10 * i, { ...RUNNING, invocationId: `r${i}` }),
    signal(U, 104 + 10 * i, { activeState: 'deactivating', invocationId: `r${i}`, job: 7 + i }),
    signal(U, 105 + 10 * i, { ...FAILED, invocationId: `r${i}`, job: 7 + i }),
  ]).flat()
  const { state, events } = stepAll(watching(U), [read(U, 10, {}, { restart: 'no' }), ...stops])
  expect(unitNamed(state, U)).toMatchObject({
    failures: { signal: { requested: 6, unrequested: 0 } },
    flapping: false,
    gaveUp: false,
  })
  expect(new Set(events.map((e) => e.kind))).toEqual(new Set(['start', 'crash']))
  // An earlier requested crash does not make a later failure requested.
  const today = [signal(U, 200, {}), signal(U, 210, { activeState: 'failed', result: 'start-limit-hit' })]
  expect(stepAll(state, today).events.map((e) => e.kind)).toEqual(['gave_up'])
})

test('the job of an unobserved end does not make the next start a restart', () => {
  const { state } = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 20, { invocationId: 'a1', job: 7, mainCode: 1 }),
    signal(U, 21, { invocationId: 'b2', job: 7 }),
    GAP,
    read(U, 500, {}),
  ])
  expect(unitNamed(state, U)).toMatchObject({ endJob: 0, counters: { lost: 1, restarts: 1 } })
})

test('a start job that was queued after an end in the gap does not make the start a restart', () => {
  const crashed = {
    ...RUNNING,
    activeState: 'failed',
    subState: 'failed',
    result: 'signal',
    mainCode: 2,
    mainStatus: 6,
  } as const
  const { state, events } = stepAll(watching(U), [
    read(U, 10, RUNNING),
    GAP,
    signal(U, 500, { ...crashed, job: 9 }),
    signal(U, 510, { activeState: 'activating', subState: 'start', invocationId: 'b2', job: 9 }),
  ])
  expect(events.map((e) => e.kind)).toEqual(['start', 'crash', 'start'])
  expect(unitNamed(state, U).counters).toMatchObject({ starts: 2, crashes: 1, restarts: 0 })
})

test('the job of an end that was requested before the gap makes the next start a restart', () => {
  const { events } = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 20, { ...RUNNING, activeState: 'deactivating', subState: 'stop-sigterm', job: 7 }),
    GAP,
    signal(U, 500, { ...RUNNING, activeState: 'inactive', subState: 'dead', job: 7, mainCode: 1 }),
    signal(U, 510, { activeState: 'activating', subState: 'start', invocationId: 'b2', job: 7 }),
  ])
  expect(events.map((e) => e.kind)).toEqual(['start', 'stop', 'restart'])
})

test('a clean end may have been followed by an automatic restart that was not announced before the gap', () => {
  /** The run a1 ended cleanly before the gap; then these settings and this unit were read. */
  const counted = (end: object, restart: [string, string], after: object) => {
    const { state } = stepAll(watching(U), [
      read(U, 10, RUNNING, { restart: restart[0] }),
      signal(U, 15, { ...RUNNING, invocationId: 'a1', job: 0, ...end, activeState: 'deactivating' }),
      signal(U, 20, { invocationId: 'a1', mainCode: 1, ...end }),
      GAP,
      read(U, 500, { ...RUNNING, invocationId: 'b2', nRestarts: 1, ...after }, { restart: restart[1] }),
    ])
    const { starts, restarts, lost } = unitNamed(state, U).counters
    return [starts, restarts, lost]
  }
  expect(counted({}, ['always', 'always'], {})).toEqual([2, 1, 0])
  expect(counted({}, ['on-success', 'on-success'], {})).toEqual([2, 1, 0])
  // One of both restarts it: which of them was in effect is unknown.
  expect(counted({}, ['always', 'on-failure'], {})).toEqual([2, 1, 0])
  expect(counted({}, ['on-failure', 'always'], {})).toEqual([2, 1, 0])
  // A manual start that was restarted after it failed.
  expect(counted({}, ['on-failure', 'on-failure'], {})).toEqual([3, 1, 0])
  expect(counted({}, ['always', 'always'], { nRestarts: 0 })).toEqual([2, 0, 0])
  // Requested: nothing restarts the unit by itself.
  expect(counted({ job: 7 }, ['always', 'always'], {})).toEqual([3, 1, 1])
  expect(counted({ invocationId: null }, ['always', 'always'], {})).toEqual([3, 1, 2]) // unloaded: nothing restarts it
  // The restart was refused by the start limit after one more run.
  const refused = { activeState: 'failed', subState: 'failed', result: 'start-limit-hit', mainCode: 1, nRestarts: 2 }
  expect(counted({}, ['on-success', 'on-success'], refused)).toEqual([2, 1, 0])
})

test('another read does not change since when a unit is not loaded', () => {
  const gone = { loadState: 'not-found' }
  const { state } = stepAll(watching(U), [read(U, 10, {}, gone), read(U, 20, {}, gone)])
  expect(unitNamed(state, U).goneSinceMonoMs).toBe(10)
})

test('after a requested stop the first unseen start was manual, and only the last one has an id', () => {
  const idle = read(U, 10, { invocationId: null }, { restart: 'always' })
  const back = read(U, 500, { ...RUNNING, invocationId: 'd4', nRestarts: 2 }, { restart: 'always' })
  const { events } = stepAll(watching(U), [idle, GAP, back])
  expect(kinds(events)).toEqual(['start null', 'lost null', 'restart null', 'lost null', 'restart d4'])
  expect([events[0], events[4]]).toMatchObject([{ toState: 'activating' }, { toState: 'active' }])
})

test('a job that ended an earlier run does not make a later start a restart', () => {
  expect(
    eventsOf(
      read(U, 10, RUNNING),
      signal(U, 20, { invocationId: 'a1', job: 8, mainCode: 1 }),
      signal(U, 21, { ...RUNNING, invocationId: 'b2', job: 8 }),
      GAP,
      signal(U, 500, { invocationId: 'c3', job: 8 }),
    ),
  ).toEqual(['start a1', 'stop a1', 'restart b2', 'lost b2', 'start c3'])
})

test('a job that was queued while systemd waited to restart is that restart', () => {
  expect(
    eventsOf(
      read(U, 10, { ...RUNNING, nRestarts: 2 }, { restart: 'always' }),
      signal(U, 20, { ...WAITS, invocationId: 'a1', nRestarts: 2 }),
      signal(U, 21, { ...WAITS, invocationId: 'a1', nRestarts: 2, job: 219 }),
      GAP,
      signal(U, 500, { invocationId: 'b2', nRestarts: 2, job: 219 }),
    ),
  ).toEqual(['start a1', 'crash a1', 'restart b2'])
})

test('a signal with failed may precede a restart, a read with failed does not', () => {
  const failed = { ...FAILED, invocationId: 'c3', nRestarts: 3 }
  const starts = (back: Observation, restart = 'on-failure') =>
    unitNamed(stepAll(watching(U), [read(U, 10, RUNNING, { restart }), GAP, back]).state, U).counters.starts
  expect(starts(signal(U, 500, failed))).toBe(4)
  expect(starts(read(U, 500, failed, { restart: 'on-failure' }))).toBe(3)
  // Restart= was removed from the file since: the settings keep it failed, not the start limit.
  expect(starts(read(U, 500, failed, { restart: 'no' }))).toBe(4)
})

test('a run that was skipped by its condition during the gap is a stop', () => {
  const skipped = { invocationId: 'a1', result: 'exec-condition', mainCode: 1, mainStatus: 1 }
  expect(eventsOf(read(U, 10, RUNNING), GAP, read(U, 500, skipped))).toEqual(['start a1', 'stop a1'])
})

test('flapping is reported once, and only for crashes within the window', () => {
  const flaps = (everyMs: number, crashes: number) => {
    const crashRuns = Array.from({ length: crashes }, (_, i) => [
      signal(U, i * everyMs, { invocationId: `r${i}` }),
      signal(U, i * everyMs + 1, { ...FAILED, invocationId: `r${i}` }),
    ]).flat()
    const { events } = stepAll(watching(U), [read(U, 0, {}, { restart: 'always' }), ...crashRuns])
    return events.filter((e) => e.kind === 'flapping').length
  }
  expect(flaps(1000, 4)).toBe(0)
  expect(flaps(1000, 9)).toBe(1)
  expect(flaps(75_000, 5)).toBe(1)
  expect(flaps(75_001, 5)).toBe(0)
})

test('a summary has the restarts and its first and last time; the next one begins where it ended', () => {
  const crashRuns = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => [
      signal(U, from + i * 100, { invocationId: `r${from + i}` }),
      signal(U, from + i * 100 + 50, { ...WAITS, invocationId: `r${from + i}` }),
    ]).flat()
  const ticks = [61_050, 121_050, 181_050].map((ms): Observation => ({ kind: 'tick', at: at(ms) }))
  const begin = read(U, 0, {}, { restart: 'always' })
  const { events } = stepAll(watching(U), [
    begin,
    ...crashRuns(1000, 200),
    ...ticks.slice(0, 1),
    ...crashRuns(70_000, 10),
    ...ticks.slice(1),
  ])
  const summaries = events.filter((e) => e.kind === 'summary')
  expect(summaries.map(({ counted, firstMs, lastMs }) => ({ ...counted, firstMs, lastMs }))).toEqual([
    { starts: 79, stops: 0, crashes: 80, restarts: 79, lost: 0, firstMs: at(13_050).wallMs, lastMs: at(20_950).wallMs },
    { starts: 10, stops: 0, crashes: 10, restarts: 10, lost: 0, firstMs: at(70_000).wallMs, lastMs: at(70_950).wallMs },
  ])
})

test('clear: the continuing run is not counted again at the next snapshot, and the baseline is gone', () => {
  const baseline = { starts: 9, stops: 9, crashes: 9, restarts: 9, lost: 9 }
  const { state, events } = stepAll(watching(U), [
    { kind: 'import', at: at(1), baselines: new Map([[U, baseline]]) },
    read(U, 10, RUNNING),
    { kind: 'clear', via: 'socket', keepEvents: false, at: at(20) },
    signal(U, 30, { ...RUNNING, job: 7 }),
  ])
  expect(kinds(events)).toEqual(['start a1', 'command', 'start a1'])
  expect(unitNamed(state, U)).toMatchObject({ baseline: { starts: 0 }, counters: { starts: 1 } })
})

test('a restart that waits for another unit, or was canceled meanwhile, has not happened', () => {
  const crashed = { ...FAILED, activeState: 'inactive', subState: 'dead', invocationId: 'b2', nRestarts: 1 } as const
  const unseen = (snapshot: object) => eventsOf(read(U, 10, {}), GAP, read(U, 500, snapshot, { restart: 'always' }))
  expect(unseen({ ...crashed, job: 364 })).toEqual(['start b2', 'crash b2'])
  expect(unseen(crashed)).toEqual(['start b2', 'crash b2'])
  const finished = { ...crashed, result: 'success', mainCode: 1, mainStatus: 0 }
  expect(unseen({ ...finished, job: 364 })).toEqual(['start b2', 'stop b2'])
  // A unit that was restarted, and then stopped.
  expect(unseen(finished)).toEqual(['start null', 'lost null', 'restart b2', 'stop b2'])
})

test('a run that exited cleanly before a restart that systemd could not queue was not proven to crash', () => {
  const failed = { activeState: 'failed', subState: 'failed', invocationId: 'a1', result: 'resources' } as const
  const afterGap = (end: object) => eventsOf(read(U, 10, RUNNING), GAP, read(U, 500, { ...failed, ...end }))
  expect(afterGap({ mainCode: 2, mainStatus: 15 })).toEqual(['start a1', 'lost a1', 'gave_up'])
  expect(afterGap({ mainCode: 1, mainStatus: 3 })).toEqual(['start a1', 'crash a1', 'gave_up'])
  // Without a main process, systemd could not start one.
  expect(afterGap({})).toEqual(['start a1', 'crash a1', 'gave_up'])
  const timeout = { ...RUNNING, activeState: 'deactivating', result: 'timeout' }
  const clean = { ...failed, mainCode: 2, mainStatus: 15 }
  expect(eventsOf(read(U, 10, RUNNING), signal(U, 20, timeout), GAP, read(U, 500, clean))).toEqual([
    ...['start a1', 'crash a1', 'gave_up'],
  ])
})

test('a restart after a clean Result proves a crash only with settings that are still valid', () => {
  const waits = { ...WAITS, result: 'success', mainCode: 1, mainStatus: 3, invocationId: 'a1' } as const
  const running = read(U, 10, RUNNING, { restart: 'on-failure' })
  expect(eventsOf(running, GAP, read(U, 500, waits, { restart: 'on-failure' }))).toEqual(['start a1', 'crash a1'])
  expect(eventsOf(running, GAP, read(U, 500, waits, { restart: 'on-success' }))).toEqual(['start a1', 'lost a1'])
  // The settings were not read since the gap.
  expect(eventsOf(running, GAP, signal(U, 500, waits))).toEqual(['start a1', 'lost a1'])
  const edited = read(U, 500, waits, { restart: 'on-failure' })
  expect(eventsOf(read(U, 10, RUNNING, { restart: 'on-success' }), GAP, edited)).toEqual(['start a1', 'lost a1'])
})
