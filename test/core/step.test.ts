// The results of `step` in single situations, with literal observations.
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import type { Observation } from '../../src/core/observation.ts'
import { unitOf } from '../../src/core/state.ts'
import { dueAtMonoMs, step } from '../../src/core/step.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const KILLED = { result: 'signal', mainCode: 2, mainStatus: 9 } as const
const FAILED = { ...KILLED, activeState: 'failed', subState: 'failed' } as const
const kinds = (events: readonly Event[]) => events.map((e) => `${e.kind} ${e.source}`)
const boot = (bootId: string, monoMs: number) => ({ kind: 'boot', at: at(monoMs), bootId }) as const
const tick = (monoMs: number) => ({ kind: 'tick', at: at(monoMs) }) as const

test('a unit that is running when first observed counts as one start', () => {
  const { state, events } = stepAll(watching(U), [read(U, 10, RUNNING)])
  expect(kinds(events)).toEqual(['start reconcile'])
  expect(unitNamed(state, U).counters).toEqual({ starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 })
})

test('a run that ended before the agent started is not counted', () => {
  const { state, events } = stepAll(watching(U), [read(U, 10, { ...FAILED, invocationId: 'a1' }), tick(1000)])
  expect(kinds(events)).toEqual(['gave_up reconcile'])
  expect(unitNamed(state, U).counters.starts).toBe(0)
  expect(unitNamed(state, U).gaveUp).toBe(true)
})

test('an observation that changes nothing returns the very same state', () => {
  const { state } = stepAll(watching(U), [read(U, 10, RUNNING)])
  expect(step(state, signal(U, 20, RUNNING)).state).toBe(state)
  expect(step(state, signal('unwatched.service', 20, RUNNING)).state).toBe(state)
  expect(step(state, tick(1e9)).state).toBe(state)
})

test('the restart forecast comes from the settings; gave_up is reported when no restart follows', () => {
  const crash = (restart: string) =>
    stepAll(watching(U), [
      read(U, 10, RUNNING, { restart }),
      signal(U, 20, { ...FAILED, invocationId: 'a1' }),
      tick(269),
    ])
  expect(crash('no').events).toMatchObject([{}, { kind: 'crash', willRestart: false }, { kind: 'gave_up' }])
  expect(crash('on-failure').events).toMatchObject([{}, { kind: 'crash', willRestart: true }])
  const waiting = crash('on-failure').state
  expect(dueAtMonoMs(unitNamed(waiting, U), waiting)).toBe(270)
  expect(kinds(step(waiting, tick(270)).events)).toEqual(['gave_up signal'])
})

test('a restart that systemd merged into the start job of the run makes its end requested', () => {
  const { events } = stepAll(watching(U), [
    read(U, 10, { activeState: 'inactive', subState: 'dead' }, { restart: 'always' }),
    signal(U, 20, { activeState: 'inactive', subState: 'dead', invocationId: 'a1', job: 7 }),
    signal(U, 21, { activeState: 'activating', subState: 'start', invocationId: 'a1', job: 7 }),
    signal(U, 22, { ...RUNNING, invocationId: 'a1', job: 7 }),
    signal(U, 23, { activeState: 'deactivating', subState: 'stop-sigterm', invocationId: 'a1', job: 7 }),
    signal(U, 24, { activeState: 'inactive', subState: 'dead', invocationId: 'a1', job: 7 }),
    signal(U, 25, { activeState: 'inactive', subState: 'dead', invocationId: 'b2', job: 7 }),
  ])
  expect(events).toMatchObject([{ kind: 'start' }, { kind: 'stop', requested: true }, { kind: 'restart' }])
})

test('an automatic restart whose start waits for another unit is a restart; a start after a stop ended the wait is not', () => {
  const waits = { ...KILLED, activeState: 'activating', subState: 'auto-restart', invocationId: 'a1' }
  const restarts = (...after: Observation[]) =>
    stepAll(watching(U), [
      read(U, 10, RUNNING, { restart: 'always' }),
      signal(U, 20, { ...FAILED, invocationId: 'a1' }),
      signal(U, 21, waits),
      ...after,
    ]).events.map((event) => event.kind)
  const job = { ...KILLED, invocationId: 'a1', job: 322 }
  const start = (id: number) => signal(U, 40, { invocationId: 'b2', job: id, nRestarts: 1 })
  expect(restarts(signal(U, 30, { ...waits, job: 322, nRestarts: 1 }), signal(U, 31, job), start(322))).toEqual([
    ...['start', 'crash', 'restart'],
  ])
  expect(restarts(signal(U, 31, job), start(322))).toEqual(['start', 'crash', 'start'])
  expect(restarts(signal(U, 30, { ...waits, job: 322 }), signal(U, 31, job), start(323))).toEqual([
    ...['start', 'crash', 'start'],
  ])
})

test('a transient unit has not given up just because it had no unit file before', () => {
  const { events } = stepAll(watching(U), [
    read(U, 10, {}, { loadState: 'not-found', restart: null }),
    signal(U, 20, { ...RUNNING, job: 7 }),
    signal(U, 30, { ...FAILED, invocationId: 'a1' }),
    signal(U, 31, { ...KILLED, activeState: 'activating', subState: 'auto-restart', invocationId: 'a1' }),
    read(U, 32, { ...KILLED, activeState: 'activating', subState: 'auto-restart', invocationId: 'a1' }),
  ])
  expect(events.map((e) => e.kind)).toEqual(['start', 'crash', 'unit_appeared'])
  expect(events[1]).toMatchObject({ willRestart: null })
})

test('systemd 254: a failed state before an automatic restart does not mean that systemd gave up', () => {
  const { events } = stepAll(watching(U), [
    read(U, 10, RUNNING, { restart: 'on-failure' }),
    signal(U, 20, { ...FAILED, subState: 'failed-before-auto-restart', invocationId: 'a1' }),
    tick(1000),
    signal(U, 1001, { ...KILLED, activeState: 'activating', subState: 'auto-restart', invocationId: 'a1' }),
    signal(U, 1002, {
      ...KILLED,
      activeState: 'activating',
      subState: 'auto-restart-queued',
      invocationId: 'b2',
      job: 7,
    }),
    signal(U, 1003, { ...RUNNING, invocationId: 'b2', job: 7 }),
    tick(2000),
  ])
  expect(kinds(events)).toEqual(['start reconcile', 'crash signal', 'restart signal'])
  expect(events[1]).toMatchObject({ willRestart: true })
})

test('systemd 254: RestartMode=direct never shows failed', () => {
  const { state } = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 20, { ...KILLED, activeState: 'activating', subState: 'auto-restart', invocationId: 'a1' }),
    signal(U, 21, { ...KILLED, activeState: 'activating', subState: 'auto-restart-queued', invocationId: 'b2' }),
    signal(U, 22, { ...RUNNING, invocationId: 'b2' }),
  ])
  expect(unitNamed(state, U).counters).toEqual({ starts: 2, stops: 0, crashes: 1, restarts: 1, lost: 0 })
})

test('a socket, a timer or a oneshot with RemainAfterExit= restarted by one job is a stop and a restart', () => {
  const events = (unit: string, subState: string, snapshot: object) =>
    stepAll(watching(unit), [
      read(unit, 1, {}),
      signal(unit, 10, { invocationId: 'a1', job: 22, ...snapshot, mainCode: 0 }),
      signal(unit, 11, { invocationId: 'a1', activeState: 'active', subState, job: 0, ...snapshot }),
      signal(unit, 20, { invocationId: 'a1', activeState: 'active', subState, job: 30, ...snapshot }),
      signal(unit, 21, { invocationId: 'b2', job: 30, ...snapshot, mainCode: 0 }),
      signal(unit, 22, { invocationId: 'b2', activeState: 'active', subState, job: 0, ...snapshot }),
    ]).events
  for (const restarted of [
    events('x.socket', 'listening', {}),
    events('x.timer', 'waiting', {}),
    events('x.target', 'active', { result: null }),
    events('x.service', 'exited', { mainCode: 1 }),
  ]) {
    expect(kinds(restarted)).toEqual(['start signal', 'stop signal', 'restart signal'])
    expect(restarted[1]).toMatchObject({ invocationId: 'a1', result: 'success', requested: true, fromState: 'active' })
  }
  expect(kinds(events('x.service', 'running', {}))).toEqual(['start signal', 'lost reconcile', 'start reconcile'])
})

test('an unknown state is passed on unchanged and ends no run', () => {
  const { state, events } = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 20, { ...RUNNING, activeState: 'refreshing', subState: 'whatever' }),
  ])
  expect(events).toHaveLength(1)
  expect(unitNamed(state, U)).toMatchObject({ snapshot: { activeState: 'refreshing' }, run: { id: 'a1' } })
})

test('a late signal of the previous run starts no run', () => {
  const { state } = stepAll(watching(U), [
    read(U, 10, RUNNING),
    read(U, 20, { ...RUNNING, invocationId: 'b2' }),
    signal(U, 21, { ...FAILED, invocationId: 'a1' }),
  ])
  expect(unitNamed(state, U).run?.id).toBe('b2')
  expect(unitNamed(state, U).counters).toMatchObject({ starts: 2, lost: 1 })
})

test('after a power loss open runs are lost and counters continue', () => {
  const before = stepAll(watching(U), [read(U, 10, RUNNING)]).state
  const { state, events } = stepAll(before, [boot('boot-2', 5), read(U, 10, { ...RUNNING, invocationId: 'z9' })])
  expect(kinds(events)).toEqual(['lost reconcile', 'start reconcile'])
  expect(events[0]).toMatchObject({ invocationId: 'a1', bootId: 'boot-2' })
  expect(unitNamed(state, U).counters).toEqual({ starts: 2, stops: 0, crashes: 0, restarts: 0, lost: 1 })
})

test('after a gap in which the start limit refused a start, the run before was a stop or is lost', () => {
  const LIMIT = { activeState: 'failed', subState: 'failed', result: 'start-limit-hit', invocationId: 'a1' } as const
  const away = (snapshot: object) =>
    stepAll(stepAll(watching(U), [read(U, 10, RUNNING)]).state, [
      boot('boot-1', 500),
      read(U, 510, { ...LIMIT, ...snapshot }),
    ])
  const well = away({ mainCode: 1, mainStatus: 0 })
  expect(kinds(well.events)).toEqual(['stop reconcile', 'gave_up reconcile'])
  expect(well.events[0]).toMatchObject({ result: 'success' })
  expect(kinds(away({ mainCode: 2, mainStatus: 9 }).events)).toEqual(['lost reconcile', 'gave_up reconcile'])
})

test('without a bus gave_up is not reported, because a restart could not be observed', () => {
  const { events } = stepAll(watching(U), [
    read(U, 10, RUNNING, { restart: 'on-failure' }),
    signal(U, 20, { ...FAILED, invocationId: 'a1' }),
    { kind: 'gap', at: at(21) },
    tick(200),
    { kind: 'gap', at: at(900) },
    read(U, 910, { ...RUNNING, invocationId: 'b2', nRestarts: 1 }, { restart: 'on-failure' }),
  ])
  expect(kinds(events)).toEqual(['start reconcile', 'crash signal', 'restart reconcile'])
})

test('a tick for the end of a window reports gave_up neither too early, nor twice, nor without a bus', () => {
  const crash = (monoMs: number, invocationId: string) => [
    signal(U, monoMs, { ...RUNNING, invocationId }),
    signal(U, monoMs + 1, { ...FAILED, invocationId }),
  ]
  // The window of the rate limit begins with the first end, at 21 ms, and is due after 60 s.
  const begin = [read(U, 10, {}, { restart: 'always' }), ...crash(20, 'a1')]
  const gaveUp = (...more: Observation[]) =>
    stepAll(watching(U), [...begin, ...more]).events.filter((e) => e.kind === 'gave_up').length
  expect(gaveUp(...crash(59_990, 'b2'), tick(60_030))).toBe(0)
  expect(gaveUp(...crash(59_990, 'b2'), tick(60_030), tick(60_241))).toBe(1)
  expect(gaveUp(tick(300), tick(60_030))).toBe(1)
  expect(gaveUp({ kind: 'gap', at: at(30) }, tick(60_030))).toBe(0)
})

test('observed until the restart was queued: NRestarts already includes it', () => {
  const waits = { ...KILLED, activeState: 'activating', subState: 'auto-restart', invocationId: 'a1' }
  const observed = stepAll(watching(U), [
    read(U, 10, { ...RUNNING, nRestarts: 5 }, { restart: 'on-failure' }),
    signal(U, 20, { ...FAILED, invocationId: 'a1', nRestarts: 5 }),
    signal(U, 21, { ...waits, nRestarts: 5 }),
    signal(U, 22, { ...waits, nRestarts: 6, job: 9 }),
  ]).state
  const { state } = stepAll(observed, [
    boot('boot-1', 500),
    read(U, 510, { ...RUNNING, invocationId: 'b2', nRestarts: 6 }, { restart: 'on-failure' }),
  ])
  expect(unitNamed(state, U).counters).toEqual({ starts: 2, stops: 0, crashes: 1, restarts: 1, lost: 0 })
  const later = stepAll(observed, [
    boot('boot-1', 500),
    read(U, 510, { ...RUNNING, invocationId: 'd4', nRestarts: 8 }, { restart: 'on-failure' }),
  ]).state
  expect(unitNamed(later, U).counters).toEqual({ starts: 4, stops: 0, crashes: 3, restarts: 3, lost: 0 })
})

test('NRestarts proves the smallest number of starts that explains it', () => {
  const away = (before: object, after: object) => {
    const always = { restart: 'always' }
    const { state } = stepAll(stepAll(watching(U), [read(U, 10, { ...RUNNING, ...before }, always)]).state, [
      boot('boot-1', 500),
      read(U, 510, { ...RUNNING, invocationId: 'd4', ...after }, always),
    ])
    const { starts, restarts } = unitNamed(state, U).counters
    return [starts, restarts]
  }
  const waits = { activeState: 'activating', subState: 'auto-restart' }
  expect(away({ nRestarts: 3 }, { nRestarts: 5 })).toEqual([3, 2])
  // reset-failed reset it to 0 while the unit ran; then the unit was restarted three times.
  expect(away({ nRestarts: 3 }, { nRestarts: 2 })).toEqual([3, 2])
  expect(away({ nRestarts: 3 }, { nRestarts: 3 })).toEqual([2, 0])
  // A manual start ended the wait for the restart, and did not reset it.
  expect(away({ ...waits, nRestarts: 1 }, { nRestarts: 1 })).toEqual([1, 0])
  // A manual start was queued before the gap, while systemd waited to restart: the job had not been counted yet.
  expect(away({ ...waits, job: 219, nRestarts: 2 }, { nRestarts: 3 })).toEqual([1, 1])
  // After a requested stop nothing restarts the unit: the first start was manual.
  expect(away({ activeState: 'inactive', invocationId: null }, { nRestarts: 2 })).toEqual([3, 2])
})

test('systemd re-executed during a restart job: the job that ended the run starts the next one', () => {
  const { events } = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 20, { invocationId: 'a1', job: 414, mainCode: 2, mainStatus: 15 }),
    { kind: 'gap', at: at(30) },
    signal(U, 40, { invocationId: 'b2', job: 414 }),
  ])
  expect(kinds(events)).toEqual(['start reconcile', 'stop signal', 'restart reconcile'])
})

test('a start that is already failing when first observed is not a requested end', () => {
  const ends = (result: string) => {
    const ending = {
      activeState: 'deactivating',
      subState: 'stop-sigterm',
      invocationId: 'b2',
      job: 365,
      result,
    } as const
    const { events } = stepAll(stepAll(watching(U), [read(U, 10, {})]).state, [
      boot('boot-1', 500),
      signal(U, 510, ending),
      signal(U, 520, { ...ending, activeState: 'failed', subState: 'failed', result: 'timeout' }),
    ])
    return events[1]
  }
  expect(ends('timeout')).toMatchObject({ kind: 'crash', requested: false })
  expect(ends('success')).toMatchObject({ kind: 'crash', requested: true })
})

test('reset-failed while a restart is pending removes the cause of an unseen crash, not the crash', () => {
  const waits = { activeState: 'activating', subState: 'auto-restart', invocationId: 'a1', mainCode: 2, mainStatus: 15 }
  const away = (restart: string) =>
    stepAll(stepAll(watching(U), [read(U, 10, RUNNING, { restart })]).state, [
      boot('boot-1', 500),
      read(U, 510, waits, { restart }),
    ])
  expect(away('on-failure').events).toMatchObject([{ kind: 'crash', result: 'unknown', invocationId: 'a1' }])
  expect(kinds(away('always').events)).toEqual(['stop reconcile'])
})

test('after a gap, a signal with a new id and an ended main process is not the first one of the run', () => {
  const { events } = stepAll(stepAll(watching(U), [read(U, 10, { invocationId: null })]).state, [
    boot('boot-1', 500),
    signal(U, 510, { invocationId: 'b2', job: 600, mainCode: 1 }),
    signal(U, 511, { invocationId: 'b2', job: 600, mainCode: 1, activeState: 'failed', result: 'start-limit-hit' }),
    signal(U, 512, { invocationId: 'b2', mainCode: 1, activeState: 'failed', result: 'start-limit-hit' }),
    read(U, 520, { invocationId: 'b2', mainCode: 1, activeState: 'failed', result: 'start-limit-hit' }),
    tick(1000),
  ])
  expect(kinds(events)).toEqual(['start reconcile', 'stop reconcile', 'gave_up signal'])
})

test('a crash and restart during a gap are proven if only crashes are restarted', () => {
  const away = (restart: string, snapshot: object) =>
    stepAll(stepAll(watching(U), [read(U, 10, RUNNING, { restart })]).state, [
      boot('boot-1', 500),
      read(U, 510, { ...RUNNING, ...snapshot }, { restart }),
    ])
  const proven = away('on-failure', { invocationId: 'd4', nRestarts: 3 })
  expect(unitNamed(proven.state, U).counters).toEqual({ starts: 4, stops: 0, crashes: 3, restarts: 3, lost: 0 })
  expect(unitNamed(proven.state, U).failures).toEqual({ unknown: { unrequested: 3, requested: 0 } })
  expect(kinds(proven.events)).toEqual(Array(3).fill(['crash reconcile', 'restart reconcile']).flat())

  const unknown = away('always', { invocationId: 'd4', nRestarts: 3 })
  expect(unitNamed(unknown.state, U).counters).toEqual({ starts: 4, stops: 0, crashes: 0, restarts: 3, lost: 3 })

  const byHand = away('on-failure', { invocationId: 'b2', nRestarts: 0 })
  expect(unitNamed(byHand.state, U).counters).toEqual({ starts: 2, stops: 0, crashes: 0, restarts: 0, lost: 1 })

  const gaveUp = away('on-failure', { ...FAILED, invocationId: 'c3', nRestarts: 3 })
  expect(unitNamed(gaveUp.state, U).counters).toEqual({ starts: 3, stops: 0, crashes: 3, restarts: 2, lost: 0 })
})

test('the agent was killed right after a failure: the automatic restarts that followed are counted', () => {
  const failed = stepAll(watching(U), [
    read(U, 10, { ...RUNNING, nRestarts: 100 }, { restart: 'on-failure' }),
    signal(U, 20, { ...FAILED, invocationId: 'a1', nRestarts: 100 }),
  ]).state
  const { state } = stepAll(failed, [
    boot('boot-1', 500),
    read(U, 510, { ...RUNNING, invocationId: 'd4', nRestarts: 103 }, { restart: 'on-failure' }),
  ])
  expect(unitNamed(state, U).counters).toEqual({ starts: 4, stops: 0, crashes: 3, restarts: 3, lost: 0 })
})

test('after a gap, a signal from the middle of a run is not taken for its first one', () => {
  const before = stepAll(watching(U), [read(U, 10, RUNNING, { restart: 'on-failure' })]).state
  const waiting = { ...KILLED, activeState: 'activating', subState: 'auto-restart' }
  const { state } = stepAll(before, [
    boot('boot-1', 500),
    signal(U, 510, { ...waiting, invocationId: 'c3', nRestarts: 3, job: 7 }), // two restarts happened, the third is queued
    signal(U, 520, { invocationId: 'd4', nRestarts: 3, job: 7 }),
    signal(U, 521, { ...RUNNING, invocationId: 'd4', nRestarts: 3, job: 7 }),
    read(U, 530, { ...RUNNING, invocationId: 'd4', nRestarts: 3 }, { restart: 'on-failure' }),
  ])
  expect(unitNamed(state, U).counters).toEqual({ starts: 4, stops: 0, crashes: 3, restarts: 3, lost: 0 })
})

test('after a gap, an old failure is not reported as gave_up', () => {
  const failed = stepAll(watching(U), [
    read(U, 10, RUNNING, { restart: 'on-failure' }),
    signal(U, 20, { ...FAILED, invocationId: 'a1' }),
  ]).state
  const back = stepAll(failed, [boot('boot-1', 5000), tick(5001)])
  expect(back.events).toEqual([])
  const { events } = stepAll(back.state, [
    read(U, 5010, { ...FAILED, invocationId: 'a1' }, { restart: 'on-failure' }),
    tick(5050),
    signal(U, 5060, { ...KILLED, activeState: 'activating', subState: 'auto-restart', invocationId: 'a1' }),
    tick(6000),
  ])
  expect(events).toEqual([])
})

test('settings edited while the agent was away prove nothing', () => {
  const before = stepAll(watching(U), [read(U, 10, RUNNING, { restart: 'always' })]).state
  const { state } = stepAll(before, [
    boot('boot-1', 500),
    read(U, 510, { ...RUNNING, invocationId: 'b2', nRestarts: 1 }, { restart: 'on-failure' }),
  ])
  expect(unitNamed(state, U).counters).toMatchObject({ crashes: 0, lost: 1, restarts: 1 })
})

test('a read shows that the run ended: its cause is counted, unless the unit was unloaded or reset', () => {
  const found = (snapshot: object) =>
    unitNamed(
      stepAll(stepAll(watching(U), [read(U, 10, RUNNING)]).state, [{ kind: 'gap', at: at(20) }, read(U, 30, snapshot)])
        .state,
      U,
    )
  expect(found({ ...FAILED, invocationId: 'a1' })).toMatchObject({
    counters: { crashes: 1 },
    lastCrash: { cause: { signal: 'SIGKILL' } },
  })
  expect(found({ invocationId: 'a1', mainCode: 1, mainStatus: 0 }).counters).toMatchObject({ stops: 1 })
  expect(found({ invocationId: 'a1', mainCode: 2, mainStatus: 15 }).counters).toMatchObject({ stops: 1 })
  expect(found({ invocationId: 'a1', mainCode: 2, mainStatus: 9 }).counters).toMatchObject({ lost: 1, stops: 0 })
  expect(found({ invocationId: null }).counters).toMatchObject({ lost: 1, stops: 0 })
})

test('flapping begins with the fifth crash in the window and ends when the window contains fewer', () => {
  const crashRuns = Array.from({ length: 5 }, (_, i) => [
    signal(U, i * 1000, { invocationId: `r${i}` }),
    signal(U, i * 1000 + 1, { ...FAILED, invocationId: `r${i}` }),
  ]).flat()
  const { state, events } = stepAll(watching(U), [read(U, 0, {}, { restart: 'always' }), ...crashRuns])
  expect(events.at(-1)).toMatchObject({ kind: 'flapping', flapping: true, crashesInWindow: 5, windowSeconds: 300 })
  expect(unitNamed(state, U).flapping).toBe(true)
  const later = stepAll(state, [tick(300_001), tick(300_003)])
  expect(later.events.filter((e) => e.kind === 'flapping')).toMatchObject([{ flapping: false, crashesInWindow: 4 }])
})

test('above 120 ends per minute a summary replaces start and end events; counters stay exact', () => {
  const crashRuns = Array.from({ length: 300 }, (_, i) => [
    signal(U, 1000 + i * 100, { invocationId: `r${i}` }),
    signal(U, 1000 + i * 100 + 50, { ...FAILED, invocationId: `r${i}` }),
  ]).flat()
  const { state, events } = stepAll(watching(U), [
    read(U, 0, {}),
    ...crashRuns,
    tick(61_100),
    tick(121_200),
    tick(181_300),
  ])
  expect(unitNamed(state, U).counters).toMatchObject({ starts: 300, crashes: 300 })
  const summaries = events.filter((e) => e.kind === 'summary')
  expect(summaries).toHaveLength(1)
  const single = events.filter((e) => e.kind === 'crash').length
  expect(single).toBe(120)
  expect(summaries[0]).toMatchObject({ counted: { starts: 179, crashes: 180 }, byResult: { signal: 180 } })
  expect(unitNamed(state, U).burst).toBeNull()
  expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i + 1))
})

test('clear resets the counters; a running unit counts as one start', () => {
  const before = stepAll(watching(U, 'v.service'), [
    read(U, 10, RUNNING),
    signal(U, 20, { ...FAILED, invocationId: 'a1' }),
    signal(U, 30, { invocationId: 'b2' }),
  ]).state
  const { state, events } = stepAll(before, [{ kind: 'clear', via: 'socket', keepEvents: false, at: at(100) }])
  expect(kinds(events)).toEqual(['command signal', 'start reconcile'])
  expect(unitNamed(state, U)).toMatchObject({
    counters: { starts: 1, crashes: 0 },
    failures: {},
    lastCrash: null,
    run: { id: 'b2' },
  })
  expect(state.seq).toBe(before.seq + 2)
})

test('an imported baseline is shown but is not part of the equation', () => {
  const baseline = { starts: 10, stops: 4, crashes: 5, restarts: 3, lost: 0 }
  const { state, events } = stepAll(watching(U), [
    {
      kind: 'import',
      at: at(1),
      baselines: new Map([
        [U, baseline],
        ['other.service', baseline],
      ]),
    },
    read(U, 10, RUNNING),
  ])
  expect(events[0]).toMatchObject({ counters: { starts: 11, crashes: 5 } })
  expect(unitNamed(state, U).counters.starts).toBe(1)
})

test('units come and go with the configuration; units that a pattern matched stay', () => {
  let state = stepAll(watching(U), [
    { kind: 'discovered', at: at(1), unit: 'sink@1.service' },
    read(U, 10, RUNNING),
  ]).state
  state = stepAll(state, [{ kind: 'watch', at: at(2), units: ['n.service', U], patterns: ['sink@*.service'] }]).state
  expect(state.units.map((u) => u.name)).toEqual(['n.service', U, 'sink@1.service'])
  expect(unitNamed(state, U).counters.starts).toBe(1)
  state = stepAll(state, [{ kind: 'watch', at: at(3), units: ['n.service'], patterns: [] }]).state
  expect(unitOf(state, U)).toBeUndefined()
})

test('a unit file that appears or vanishes is an event; a unit that only a pattern matched is forgotten a day later', () => {
  const gone = { loadState: 'not-found' }
  const { state, events } = stepAll(watching(U), [
    read(U, 1, {}, gone),
    read(U, 2, {}),
    read(U, 3, {}, { loadState: 'masked' }),
    { kind: 'discovered', at: at(4), unit: 'sink@1.service' },
    read('sink@1.service', 5, {}),
    read('sink@1.service', 6, {}, gone),
    tick(6 + 24 * 3600_000),
  ])
  expect(events.map((e) => `${e.kind} ${e.unit}`)).toEqual([
    'unit_appeared u.service',
    'unit_vanished u.service',
    'unit_appeared sink@1.service',
    'unit_vanished sink@1.service',
  ])
  expect(state.units.map((u) => u.name)).toEqual([U])
})

test('the first event after an unclean start has the number of skipped sequence numbers', () => {
  const { events } = stepAll({ ...watching(U), seq: 1000, seqGap: 40 }, [
    read(U, 10, RUNNING),
    signal(U, 20, { ...FAILED, invocationId: 'a1' }),
  ])
  expect(events).toMatchObject([{ seq: 1001, seqGap: 40 }, { seq: 1002 }, { seq: 1003 }])
  expect(events[1]).not.toHaveProperty('seqGap')
})
