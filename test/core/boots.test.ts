// Boots and clocks: what survives a reboot, and what a clock step must not change.
import { expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import { dueAtMonoMs, step } from '../../src/core/step.ts'
import { missingReason } from '../../src/core/unit-facts.ts'
import { read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' } as const
const FAILED = { activeState: 'failed', subState: 'failed', result: 'signal', mainCode: 2, mainStatus: 9 } as const
const IN_1970 = 12_000
const TODAY = 1_795_000_000_000

const boot = (bootId: string, monoMs: number, wallMs = TODAY): Observation => ({
  ...{ kind: 'boot', at: { monoMs, wallMs }, bootId },
})
/** The same observation on another wall clock. */
const on = (wallMs: number, o: Observation): Observation => ({ ...o, at: { ...o.at, wallMs } })

test('after a reboot every open run is lost at once, before any unit is read', () => {
  const { state, events } = stepAll(stepAll(watching(U), [read(U, 10, RUNNING)]).state, [boot('boot-2', 5)])
  expect(events).toMatchObject([{ kind: 'lost', invocationId: 'a1', source: 'reconcile', bootId: 'boot-2' }])
  expect(unitNamed(state, U)).toMatchObject({ run: null, snapshot: null, tracking: 'interrupted' })
})

test('after a reboot a unit without an open run loses nothing', () => {
  const { events } = stepAll(stepAll(watching(U), [read(U, 10, {})]).state, [boot('boot-2', 5), read(U, 6, {})])
  expect(events).toEqual([])
})

test('failures, jobs, crash times and summaries of another boot are discarded', () => {
  const crashes = Array.from({ length: 5 }, (_, i) => [
    signal(U, 100 + i, { invocationId: `r${i}`, job: 7 }),
    signal(U, 100 + i, { ...FAILED, invocationId: `r${i}`, job: 7 }),
  ]).flat()
  const before = stepAll(watching(U), [read(U, 10, {}, { restart: 'no' }), ...crashes]).state
  expect(unitNamed(before, U)).toMatchObject({ gaveUp: true, flapping: true, endJob: 7, burst: { ends: 5 } })
  const { state, events } = stepAll(before, [boot('boot-2', 5)])
  expect(events).toEqual([])
  expect(unitNamed(state, U)).toMatchObject({ snapshot: null, endJob: 0, failed: null, gaveUp: false, flapping: false })
  expect(unitNamed(state, U)).toMatchObject({ crashTimesMonoMs: [], burst: null, counters: { crashes: 5 } })
  expect(dueAtMonoMs(unitNamed(state, U), state)).toBe(Infinity)
})

test('the same job number after a reboot does not make a start a restart', () => {
  const before = stepAll(watching(U), [
    read(U, 10, RUNNING),
    signal(U, 20, { invocationId: 'a1', job: 7, mainCode: 2, mainStatus: 15 }),
  ]).state
  const { events } = stepAll(before, [boot('boot-2', 5), signal(U, 6, { invocationId: 'b2', job: 7 })])
  expect(events.map((e) => e.kind)).toEqual(['start'])
})

test('after a reboot all restarts in NRestarts are new', () => {
  const before = stepAll(watching(U), [read(U, 10, { ...RUNNING, nRestarts: 5 })]).state
  const { state } = stepAll(before, [boot('boot-2', 5), read(U, 6, { ...RUNNING, invocationId: 'x', nRestarts: 2 })])
  expect(unitNamed(state, U).counters).toMatchObject({ starts: 4, restarts: 2 })
})

test('a unit that was never observed remains so after a gap', () => {
  const { state, events } = stepAll(watching(U), [
    { kind: 'gap', at: { monoMs: 5, wallMs: TODAY } },
    read(U, 10, { ...FAILED, invocationId: 'a1' }),
  ])
  expect(unitNamed(state, U).counters.starts).toBe(0)
  expect(events.map((e) => e.kind)).toEqual(['gave_up'])
})

test('a clock that jumps from 1970 to today and back changes neither the order nor waits nor flapping', () => {
  const crashesWithClock = (wall: (i: number) => number) => {
    const crashes = Array.from({ length: 6 }, (_, i) => [
      on(wall(2 * i), signal(U, 1000 * i, { invocationId: `r${i}` })),
      on(wall(2 * i + 1), signal(U, 1000 * i + 1, { ...FAILED, invocationId: `r${i}` })),
    ]).flat()
    const start = on(wall(0), read(U, 0, {}, { restart: 'always' }))
    const late = (monoMs: number): Observation => ({ kind: 'tick', at: { monoMs, wallMs: wall(monoMs) } })
    return stepAll(watching(U), [start, ...crashes, late(5200), late(310_000)])
  }
  const steady = crashesWithClock(() => TODAY)
  const jumping = crashesWithClock((i) => (i % 2 === 0 ? IN_1970 : TODAY))
  const stripped = ({ events }: typeof steady) => events.map(({ atMs: _, ...rest }) => rest)
  expect(stripped(jumping)).toEqual(stripped(steady))
  expect(jumping.events.map((e) => e.seq)).toEqual(jumping.events.map((_, i) => i + 1))
  expect(jumping.events.map((e) => e.kind)).toEqual(
    [
      ...Array(4).fill(['start', 'crash']),
      'start',
      'crash',
      'flapping',
      'start',
      'crash',
      'gave_up',
      'flapping',
    ].flat(),
  )
})

test('each event has the wall time, and whether the clock was synchronised', () => {
  const clock = (synced: boolean | null, wallMs: number): Observation => ({
    ...{ kind: 'clock', at: { monoMs: 15, wallMs }, synced },
  })
  const { events } = stepAll(watching(U), [
    on(IN_1970, read(U, 10, RUNNING)),
    clock(false, IN_1970),
    on(IN_1970, signal(U, 20, { ...FAILED, invocationId: 'a1' })),
    clock(true, TODAY),
    on(TODAY, signal(U, 30, { invocationId: 'b2' })),
  ])
  expect(events.filter((e) => e.kind !== 'gave_up').map(({ atMs, clockSynced }) => [atMs, clockSynced])).toEqual([
    [IN_1970, null],
    [IN_1970, false],
    [TODAY, true],
  ])
})

/** The wall clock is set, so that this boot began at `bootedAtMs`. */
const clockSet = (bootedAtMs: number): Observation => ({
  ...{ kind: 'clock-set', at: { monoMs: 50_000, wallMs: bootedAtMs + 50_000 }, bootedAtMs },
})
const [BOOTED_1970, BOOTED_TODAY] = [2_000, TODAY - 50_000]
const booted1970 = () => stepAll(watching(U), [boot('boot-1', 1, BOOTED_1970), clockSet(BOOTED_1970)]).state
const at1970 = (o: Observation) => on(BOOTED_1970 + o.at.monoMs, o)
const crashed1970 = (...more: Observation[]) =>
  stepAll(booted1970(), [
    at1970(read(U, 10_000, { ...RUNNING, changedAtMonoMs: 4_000 })),
    at1970(signal(U, 20_000, { ...FAILED, invocationId: 'a1', changedAtMonoMs: 20_000 })),
    at1970(signal(U, 21_000, { ...RUNNING, invocationId: 'b2', changedAtMonoMs: 21_000 })),
    ...more,
  ])

test('when the clock is set, the times of this boot are right: last change, last crash, start of the run', () => {
  const { state, events } = crashed1970(clockSet(BOOTED_TODAY))
  expect(unitNamed(state, U)).toMatchObject({
    changedAtMs: BOOTED_TODAY + 21_000,
    lastCrash: { atMs: BOOTED_TODAY + 20_000 },
    run: { openedAtMs: BOOTED_TODAY + 21_000, openedAtMonoMs: 21_000 },
  })
  // What was emitted keeps its time.
  expect(events.filter((e) => e.kind !== 'gave_up').map(({ atMs }) => atMs)).toEqual(
    [10_000, 20_000, 21_000].map((ms) => BOOTED_1970 + ms),
  )
  // Set back, or set twice, it is right again.
  const back = step(step(state, clockSet(BOOTED_TODAY + 7_200_000)).state, clockSet(BOOTED_TODAY)).state
  expect(unitNamed(back, U)).toEqual(unitNamed(state, U))
})

test('the inaccuracy of reading two clocks changes no time', () => {
  const { state } = crashed1970()
  for (const jitter of [-500, -3, 0, 12, 500]) expect(step(state, clockSet(BOOTED_1970 + jitter)).state).toBe(state)
})

test('a unit that was unloaded after its last change keeps the right time, too', () => {
  const { state } = crashed1970(
    at1970(signal(U, 30_000, { activeState: 'inactive', invocationId: 'b2', mainCode: 1, changedAtMonoMs: 30_000 })),
    at1970(read(U, 31_000, { changedAtMonoMs: 0 })),
    clockSet(BOOTED_TODAY),
  )
  expect(unitNamed(state, U).changedAtMs).toBe(BOOTED_TODAY + 30_000)
})

test('the clock is set while the agent does not run: its next run corrects the times', () => {
  const { state } = crashed1970({ kind: 'gap', at: { monoMs: 40_000, wallMs: 0 } })
  const restarted = stepAll(state, [boot('boot-1', 49_000), clockSet(BOOTED_TODAY)]).state
  expect(unitNamed(restarted, U)).toMatchObject({
    changedAtMs: BOOTED_TODAY + 21_000,
    lastCrash: { atMs: BOOTED_TODAY + 20_000 },
  })
})

test('times of earlier boots keep what they had', () => {
  // Another boot began at another time, which does not mean that the clock was set.
  expect(step(crashed1970().state, boot('boot-2', 5, 7_000)).state.bootedAtMs).toBeNull()
  const rebooted = stepAll(crashed1970().state, [boot('boot-2', 5, 7_000), clockSet(1_000)]).state
  const before = unitNamed(rebooted, U)
  expect(before).toMatchObject({
    changedAtMs: BOOTED_1970 + 21_000,
    lastCrash: { atMs: BOOTED_1970 + 20_000, thisBoot: false },
  })
  expect(unitNamed(step(rebooted, clockSet(BOOTED_TODAY)).state, U)).toEqual(before)
})

test('the first reading of the clock moves nothing, as after an upgrade from an agent that did not store it', () => {
  const upgraded = { ...crashed1970().state, bootedAtMs: null }
  const { state } = stepAll(upgraded, [boot('boot-1', 49_000), clockSet(BOOTED_TODAY)])
  expect(state.bootedAtMs).toBe(BOOTED_TODAY)
  expect(unitNamed(state, U)).toMatchObject({ lastCrash: { atMs: BOOTED_1970 + 20_000 } })
})

test('a summary that is not reported yet has the right times, too', () => {
  const ends = Array.from({ length: 121 }, (_, i) => [
    at1970(signal(U, 10_000 + 2 * i, { invocationId: `r${i}` })),
    at1970(signal(U, 10_001 + 2 * i, { ...FAILED, invocationId: `r${i}` })),
  ]).flat()
  const { state } = stepAll(booted1970(), [at1970(read(U, 5_000, {}, { restart: 'always' })), ...ends])
  const summary = unitNamed(state, U).burst?.summary
  const byMs = BOOTED_TODAY - BOOTED_1970
  expect(unitNamed(step(state, clockSet(BOOTED_TODAY)).state, U).burst?.summary).toEqual({
    ...summary,
    firstMs: (summary?.firstMs ?? 0) + byMs,
    lastMs: (summary?.lastMs ?? 0) + byMs,
  })
})

test('an enabled unit that was not started in this boot is missing, and so is one that cannot be loaded', () => {
  const snapshot = (settings: object, ...more: Observation[]) =>
    missingReason(unitNamed(stepAll(watching(U), [read(U, 10, {}, settings), ...more]).state, U))
  expect(missingReason(unitNamed(watching(U), U))).toBeNull()
  expect(snapshot({ enabled: true, wasActive: false })).toBe('never-started')
  expect(snapshot({ enabled: false, wasActive: false })).toBeNull()
  for (const loadState of ['not-found', 'masked', 'error', 'bad-setting'])
    expect(snapshot({ enabled: true, loadState })).toBe(loadState)
  const again = read(U, 40, {}, { enabled: true, wasActive: false })
  const ran = [signal(U, 20, { invocationId: 'a1' }), signal(U, 30, { invocationId: 'a1', mainCode: 1 }), again]
  expect(snapshot({ enabled: true, wasActive: false }, ...ran)).toBeNull()
  expect(snapshot({ enabled: true, wasActive: true })).toBeNull()
  expect(snapshot({ enabled: true }, ...ran, boot('boot-2', 5))).toBeNull()
  expect(
    snapshot({ enabled: true }, ...ran, boot('boot-2', 5), read(U, 6, {}, { enabled: true, wasActive: false })),
  ).toBe('never-started')
})
