// The history of a unit: what was counted by day, the latest signatures, and how often a cause occurred.
import { expect, test } from 'vitest'
import type { CrashEvent, Event } from '../../../src/core/event.ts'
import { HISTORIES_AT_MOST } from '../../../src/core/explain/histories.ts'
import { signatureOf } from '../../../src/core/explain/signature.ts'
import type { Instant, Observation } from '../../../src/core/observation.ts'
import type { State } from '../../../src/core/state.ts'
import type { UnitSnapshot } from '../../../src/core/unit.ts'
import { historyJson } from '../../../src/core/views/history-json.ts'
import { IDLE, SETTINGS, stepAll, unitNamed, watching } from '../step-driver.ts'

const U = 'u.service'
const HOUR = 3_600_000
const DAY = 24 * HOUR
/** When the boot began. */
const BOOT_MS = Date.parse('2026-11-30T10:00:00Z')
const EXIT_3 = { result: 'exit-code', mainCode: 1, mainStatus: 3 }
const SEGV = { result: 'core-dump', mainCode: 3, mainStatus: 11 }
const RUNNING = { activeState: 'active', subState: 'running' }
const SYNCED: Observation = { kind: 'clock', at: { monoMs: 0, wallMs: BOOT_MS }, synced: true }

/** `monoMs` after the boot, by a clock that is right, or by one that began in 1970. */
const right = (monoMs: number): Instant => ({ monoMs, wallMs: BOOT_MS + monoMs })
const wrong = (monoMs: number): Instant => ({ monoMs, wallMs: monoMs })

const signal = (at: Instant, snapshot: Partial<UnitSnapshot>, unit = U): Observation => {
  return { kind: 'signal', unit, at, snapshot: { ...IDLE, ...snapshot } }
}
const read = (at: Instant, unit = U, settings = {}): Observation => {
  return { kind: 'read', unit, at, snapshot: IDLE, settings: { ...SETTINGS, ...settings } }
}

let runs = 0
/** A run of 2 s that ends with `end` at `at`. */
function run(at: Instant, end: Partial<UnitSnapshot>, unit = U): Observation[] {
  const began = { monoMs: at.monoMs - 2000, wallMs: at.wallMs - 2000 }
  const invocationId = `run${++runs}`
  return [
    signal(began, { ...RUNNING, invocationId, job: runs }, unit),
    signal(at, { activeState: 'failed', subState: 'failed', invocationId, ...end }, unit),
  ]
}

const begin = (...first: Observation[]): State => stepAll(watching(U), [...first, read(right(1))]).state
const evidenceOf = (events: readonly Event[]) =>
  (events.filter(({ kind }) => kind === 'crash') as CrashEvent[]).map((e) => e.evidence)
const lastEvidence = (events: readonly Event[]) => evidenceOf(events).at(-1)
const historyOf = (state: State, unit = U) => historyJson(unitNamed(state, unit))
const cause = (exitCode: number) => ({ result: 'exit-code', exitCode, signal: null, coreDumped: false })

test('a crash shows at once how long the run lasted, how often its cause occurred, and its signature', () => {
  const { events } = stepAll(begin(SYNCED), [
    ...run(right(10_000), EXIT_3),
    ...run(right(20_000), SEGV),
    ...run(right(30_000), EXIT_3),
  ])
  const signature = signatureOf(U, cause(3))
  expect(evidenceOf(events)).toEqual([
    { ranMs: 2000, sameCause24h: 1, sameCause7d: 1, signature },
    { ranMs: 2000, sameCause24h: 1, sameCause7d: 1, signature: expect.stringMatching(/^[0-9a-f]{12}$/) },
    { ranMs: 2000, sameCause24h: 2, sameCause7d: 2, signature },
  ])
})

test('the length of a run whose start or end was not observed is unknown', () => {
  const met = signal(right(1000), { ...RUNNING, invocationId: 'a' })
  const failed = signal(right(2000), { activeState: 'failed', invocationId: 'a', ...EXIT_3 })
  expect(lastEvidence(stepAll(watching(U), [met, failed]).events)).not.toHaveProperty('ranMs')
  const started = stepAll(begin(), [met]).state
  expect(lastEvidence(stepAll(started, [failed]).events)).toHaveProperty('ranMs', 1000)
  const found = { kind: 'read', unit: U, at: right(2000), settings: SETTINGS } as const
  const snapshot = { ...IDLE, activeState: 'failed', invocationId: 'a', ...EXIT_3 }
  const { events } = stepAll(started, [
    { kind: 'gap', at: right(1500) },
    { ...found, snapshot },
  ])
  expect(events[0]).toMatchObject({ kind: 'crash', source: 'reconcile' })
  expect(lastEvidence(events)).not.toHaveProperty('ranMs')
})

test('the first run of a boot is known of an enabled unit that was not active before', () => {
  const first = (settings: object) =>
    evidenceOf(
      stepAll(stepAll(watching(U), [read(right(1), U, settings)]).state, [
        ...run(right(10_000), EXIT_3),
        ...run(right(20_000), EXIT_3),
      ]).events,
    ).map((evidence) => evidence?.firstRunOfBoot)
  expect(first({ enabled: true, wasActive: false })).toEqual([true, undefined])
  expect(first({ enabled: true, wasActive: true })).toEqual([undefined, undefined])
  expect(first({ enabled: false, wasActive: false })).toEqual([undefined, undefined]) // systemd may have unloaded it
})

test('the day of each count is that of UTC', () => {
  const { state } = stepAll(begin(SYNCED), [
    ...run(right(13 * HOUR), EXIT_3),
    ...run(right(14 * HOUR + 1000), EXIT_3), // it began at 23:59:59
    ...run(right(15 * HOUR), { activeState: 'inactive', subState: 'dead' }),
  ])
  expect(historyOf(state).days).toEqual([
    { day: '2026-11-30', starts: 2, stops: 0, crashes: 1, lost: 0 },
    { day: '2026-12-01', starts: 1, stops: 1, crashes: 1, lost: 0 },
  ])
})

test('the last 30 days are kept', () => {
  const days = Array.from({ length: 40 }, (_, i) => run(right(10_000 + i * DAY), EXIT_3))
  const { state, events } = stepAll(begin(SYNCED), days.flat())
  expect(historyOf(state).days.map(({ day }) => day)).toHaveLength(30)
  expect(historyOf(state).days[0]?.day).toBe('2026-12-10')
  expect(lastEvidence(events)).toMatchObject({ sameCause24h: 1, sameCause7d: 7 })
})

test('24 hours are this hour and the 23 before it; 7 days are this day and the 6 before it', () => {
  const { events } = stepAll(begin(SYNCED), [
    ...run(right(HOUR - 1), EXIT_3), // 10:59
    ...run(right(HOUR), EXIT_3), // 11:00
    ...run(right(DAY - 1), EXIT_3), // 9:59 on the next day
    ...run(right(DAY), EXIT_3), // 10:00
    ...run(right(7 * DAY), EXIT_3),
  ])
  expect(evidenceOf(events).map((e) => [e?.sameCause24h, e?.sameCause7d])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [3, 4],
    [1, 3],
  ])
})

test('while the clock is not synchronised, nothing has a day, and the number of equal crashes is unknown', () => {
  for (const synced of [null, false]) {
    const at = right(1)
    const { state, events } = stepAll(begin({ kind: 'clock', at, synced }), run(right(10_000), EXIT_3))
    expect(lastEvidence(events)).toEqual({ ranMs: 2000, signature: signatureOf(U, cause(3)) })
    expect(historyOf(state).days).toEqual([])
    expect(historyOf(state).signatures).toEqual([
      {
        signature: signatureOf(U, cause(3)),
        count: 1,
        result: 'exit-code',
        exit_code: 3,
        signal: null,
        core_dumped: false,
      },
    ])
  }
})

test('what was counted in 1970 gets its day once the clock is set and synchronised', () => {
  const began = begin({ kind: 'clock', at: wrong(1), synced: false })
  const { state } = stepAll(began, [
    ...run(wrong(10_000), EXIT_3),
    { kind: 'clock-set', at: right(20_000), bootedAtMs: BOOT_MS },
    { ...SYNCED, at: right(20_001) } as Observation,
    ...run(right(30_000), EXIT_3),
  ])
  expect(historyOf(state)).toMatchObject({
    days: [{ day: '2026-11-30', starts: 2, crashes: 2 }],
    signatures: [{ count: 2, first: '2026-11-30T10:00:10.000Z', last: '2026-11-30T10:00:30.000Z' }],
  })
  expect(lastEvidence(stepAll(state, run(right(40_000), EXIT_3)).events)).toMatchObject({
    sameCause24h: 3,
    sameCause7d: 3,
  })
})

test('what was counted just before midnight is not dated later than now', () => {
  const late: Instant = { monoMs: 20_000, wallMs: Date.parse('2026-11-30T23:50:20Z') }
  const began = begin({ kind: 'clock', at: wrong(1), synced: false })
  const { state } = stepAll(began, [...run(wrong(10_000), EXIT_3), { ...SYNCED, at: late } as Observation])
  expect(historyOf(state).days).toMatchObject([{ day: '2026-11-30', crashes: 1 }])
})

test('days without a synchronised clock are distinguished by the hours since boot', () => {
  const began = begin({ kind: 'clock', at: wrong(1), synced: false })
  const { state } = stepAll(began, [
    ...run(wrong(13.2 * HOUR), EXIT_3),
    ...run(wrong(14.2 * HOUR), EXIT_3),
    { ...SYNCED, at: right(2 * DAY) } as Observation,
  ])
  expect(historyOf(state).days).toMatchObject([
    { day: '2026-11-30', crashes: 1 },
    { day: '2026-12-01', crashes: 1 },
  ])
})

test('what an earlier boot counted without a synchronised clock has no day, and equal crashes are unknown for a while', () => {
  const began = begin({ kind: 'clock', at: wrong(1), synced: false })
  const later = (at: Instant): Observation[] => [{ kind: 'boot', at, bootId: 'boot-2' }, read(at)]
  const { state } = stepAll(began, [
    ...run(wrong(10_000), EXIT_3),
    ...later(wrong(5)),
    { ...SYNCED, at: right(20_000) } as Observation,
  ])
  expect(historyOf(state).days).toEqual([])
  expect(historyOf(state).signatures).toMatchObject([{ count: 1 }])
  const { events } = stepAll(state, [
    ...run(right(30_000), EXIT_3),
    ...run(right(DAY), EXIT_3),
    ...run(right(7 * DAY), EXIT_3),
  ])
  expect(evidenceOf(events).map((e) => [e?.sameCause24h, e?.sameCause7d])).toEqual([
    [undefined, undefined],
    [1, undefined],
    [1, 2],
  ])
})

test('a clock that is set back makes nothing later than now, and equal crashes are unknown for a while', () => {
  const { state, events } = stepAll(begin(SYNCED), [
    ...run({ monoMs: 10_000, wallMs: BOOT_MS + 300 * DAY }, EXIT_3),
    ...run(right(20_000), EXIT_3),
    ...run(right(DAY), EXIT_3),
  ])
  expect(historyOf(state).days).toMatchObject([
    { day: '2026-11-30', crashes: 2 },
    { day: '2026-12-01', crashes: 1 },
  ])
  expect(evidenceOf(events).map((e) => [e?.sameCause24h, e?.sameCause7d])).toEqual([
    [1, 1],
    [undefined, undefined],
    [1, undefined],
  ])
})

test('a clock that is corrected by some minutes keeps the numbers', () => {
  const late = { monoMs: 10_000, wallMs: BOOT_MS + HOUR + 1000 }
  const { events } = stepAll(begin(SYNCED), [...run(late, EXIT_3), ...run(right(20_000), EXIT_3)])
  expect(lastEvidence(events)).toMatchObject({ sameCause24h: 2, sameCause7d: 2 })
})

test('of more than a day without a synchronised clock, the last 24 hours are kept, and 7 days are unknown', () => {
  const hours = [1, 2, 30, 40]
  const { state } = stepAll(begin({ kind: 'clock', at: wrong(1), synced: false }), [
    ...hours.flatMap((hour) => run(wrong(hour * HOUR), EXIT_3)),
    { ...SYNCED, at: right(41 * HOUR) } as Observation,
  ])
  expect(lastEvidence(stepAll(state, run(right(41.5 * HOUR), EXIT_3)).events)).toEqual({
    ...{ ranMs: 2000, sameCause24h: 3 },
    signature: signatureOf(U, cause(3)),
  })
})

test('the eight signatures that occurred last are kept, the last one first', () => {
  const exits = Array.from({ length: 10 }, (_, i) => run(right(10_000 * (i + 1)), { ...EXIT_3, mainStatus: i + 1 }))
  const { state, events } = stepAll(begin(SYNCED), [
    ...exits.flat(),
    ...run(right(200_000), { ...EXIT_3, mainStatus: 5 }),
  ])
  const { signatures } = historyOf(state)
  expect(signatures.map(({ exit_code, count }) => [exit_code, count])).toEqual([
    [5, 2],
    ...[10, 9, 8, 7, 6, 4, 3].map((code) => [code, 1]),
  ])
  // Exit code 1 may have been counted before, and was forgotten.
  expect(lastEvidence(events)).not.toHaveProperty('sameCause24h')
})

test('a crash whose signature becomes known later is counted under that one', () => {
  const crashed = stepAll(begin(SYNCED), [...run(right(10_000), EXIT_3), ...run(right(20_000), EXIT_3)])
  const base = signatureOf(U, cause(3))
  const late = (state: State, signature: string, former?: string) =>
    stepAll(state, [
      { kind: 'evidence', unit: U, at: right(21_000), of: 4, evidence: { signature }, ...(former && { former }) },
    ]).state
  const counts = (state: State) => historyOf(state).signatures.map(({ signature, count }) => [signature, count])
  const once = late(crashed.state, 'aaaaaaaaaaaa')
  expect(counts(once)).toEqual([
    ['aaaaaaaaaaaa', 1],
    [base, 1],
  ])
  expect(counts(late(once, 'aaaaaaaaaaaa', base))).toEqual([['aaaaaaaaaaaa', 2]])
  expect(historyOf(late(once, 'aaaaaaaaaaaa')).signatures[0]).toMatchObject({ first: '2026-11-30T10:00:20.000Z' })
  expect(counts(late(once, 'bbbbbbbbbbbb', 'cccccccccccc'))).toEqual(counts(once)) // that crash is not known any more
  expect(counts(late(once, base))).toEqual(counts(once))
  // The cause is the same.
  expect(lastEvidence(stepAll(once, run(right(30_000), EXIT_3)).events)).toMatchObject({ sameCause24h: 3 })
})

test('clear clears the history; an open run is a start of today', () => {
  const started = signal(right(20_000), { ...RUNNING, invocationId: 'open', job: 1 })
  const { state } = stepAll(begin(SYNCED), [
    ...run(right(10_000), EXIT_3),
    started,
    { kind: 'clear', via: 'socket', keepEvents: true, at: right(DAY) },
  ])
  expect(historyOf(state)).toEqual({
    days: [{ day: '2026-12-01', starts: 1, stops: 0, crashes: 0, lost: 0 }],
    signatures: [],
  })
})

test('the history of another machine is not one of this machine', () => {
  const { state } = stepAll(begin(SYNCED, { kind: 'identity', at: right(1), gatewayId: 'gw-7', machineId: 'aa' }), [
    ...run(right(10_000), EXIT_3),
    { kind: 'identity', at: right(20_000), gatewayId: 'gw-7', machineId: 'bb' },
  ])
  expect(historyOf(state)).toEqual({ days: [], signatures: [] })
})

test('an import leaves the history as it is', () => {
  const { state } = stepAll(begin(SYNCED), run(right(10_000), EXIT_3))
  const baselines = new Map([[U, { starts: 9, stops: 0, crashes: 9, restarts: 9, lost: 0 }]])
  expect(historyOf(stepAll(state, [{ kind: 'import', at: right(20_000), baselines }]).state)).toEqual(historyOf(state))
})

test('a crash before the history began makes the number of equal crashes unknown', () => {
  const { state } = stepAll(begin(SYNCED), run(right(10_000), EXIT_3))
  const upgraded = { ...state, units: state.units.map((unit) => ({ ...unit, history: null })) }
  const { events } = stepAll(upgraded, [
    ...run(right(20_000), EXIT_3),
    ...run(right(DAY), EXIT_3),
    ...run(right(8 * DAY), EXIT_3),
  ])
  expect(evidenceOf(events).map((e) => [e?.sameCause24h, e?.sameCause7d])).toEqual([
    [undefined, undefined],
    [1, undefined],
    [1, 1],
  ])
  expect(lastEvidence(stepAll(upgraded, run(right(3 * DAY), EXIT_3)).events)).toEqual({
    ...{ ranMs: 2000, sameCause24h: 1 },
    signature: signatureOf(U, cause(3)),
  })
})

test('only 64 units have a history: those that crashed last, then the first ones', () => {
  const names = Array.from({ length: 70 }, (_, i) => `u${i}.service`)
  const started = (unit: string, i: number) =>
    signal(right(1000 + i), { ...RUNNING, invocationId: `first${i}`, job: 1 }, unit)
  const watched = stepAll(watching(...names), [SYNCED, ...names.map((unit) => read(right(1), unit))]).state
  const withHistory = (state: State) => state.units.flatMap(({ name, history }) => (history === null ? [] : name))
  const all = stepAll(watched, names.map(started)).state
  expect(withHistory(all)).toEqual(names.slice(0, HISTORIES_AT_MOST))
  const crashed = stepAll(all, [
    signal(right(5000), { activeState: 'failed', invocationId: 'first69', ...EXIT_3 }, 'u69.service'),
  ]).state
  expect(withHistory(crashed)).toEqual([...names.slice(0, HISTORIES_AT_MOST - 1), 'u69.service'])
})
