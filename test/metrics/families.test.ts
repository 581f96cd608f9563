// The samples of each metric family: state numbers, committed counters, and what is absent until known.
import { expect, test } from 'vitest'
import type { Histogram } from '../../src/core/histogram.ts'
import { type Settings, type Unit, ZERO } from '../../src/core/unit.ts'
import { systemClock } from '../../src/host/clock.ts'
import { formatFor } from '../../src/metrics/content-type.ts'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import type { ScrapeInput } from '../../src/metrics/scrape-input.ts'
import { LOADED, NOW, RUNNING, runningUnit, scrapeInput, state, unit } from './scrape-inputs.ts'

/** The values of a family by its labels, joined. */
function values(name: string, input: ScrapeInput): Record<string, number> {
  const family = FAMILIES.find((f) => f.name === name)
  if (family === undefined) throw new Error(`no family ${name}`)
  return Object.fromEntries(family.samples(input).map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

const A = 'a.service'
const INACTIVE = { ...RUNNING, activeState: 'inactive', subState: 'dead', invocationId: null }
const only = (name: string, input: ScrapeInput) => values(name, input)[A]

test.each([
  ['active', 1],
  ['inactive', 0],
  ['activating', 2],
  ['deactivating', 3],
  ['failed', -1],
  ['reloading', 4],
  ['maintenance', 5],
  ['refreshing', 6],
  ['a-state-of-the-future', -99],
])('a unit that is %s has state %i', (activeState, number) => {
  expect(only('systemd_service_state', scrapeInput([unit(A, { snapshot: { ...RUNNING, activeState } })]))).toBe(number)
})

test.each([
  ['loaded', 0, 1],
  ['not-found', -2, 0],
  ['masked', -2, 0],
  ['error', -2, 0],
  ['bad-setting', -2, 0],
])('a unit whose load state is %s has state %i and loaded %i', (loadState, number, loaded) => {
  const input = scrapeInput([unit(A, { snapshot: INACTIVE, settings: { ...LOADED, loadState } })])
  expect(only('systemd_service_state', input)).toBe(number)
  expect(only('gatewatch_unit_loaded', input)).toBe(loaded)
})

test('a call of systemd has a series once it has failed, and publishing has six buckets unless the QoS is 0', () => {
  const input = scrapeInput([])
  const failed = 'gatewatch_bus_calls_failed_total'
  expect(values(failed, input)).toEqual({})
  expect(values(failed, { ...input, bus: { ...input.bus, callsFailed: { GetAll: 2 } } })).toEqual({ GetAll: 2 })
  const bounds = [0.01, 0.05, 0.25, 1, 5]
  const mqtt = (publishSeconds: Histogram | null) => ({ mqtt: { publishSeconds } }) as unknown as ScrapeInput
  const name = 'gatewatch_mqtt_publish_seconds'
  expect(values(name, mqtt(null))).toEqual({})
  expect(new Set(Object.keys(values(name, mqtt({ bounds, counts: [0, 0, 0, 0, 0], sum: 0, count: 0 }))))).toEqual(
    new Set([
      ...['0.01', '0.05', '0.25', '1', '5', '+Inf'],
      '', // sum and count
    ]),
  )
  expect(values(name, input)).toEqual({})
})

test('a unit that was masked while it runs is active, and not loaded', () => {
  const input = scrapeInput([runningUnit(A, { settings: { ...LOADED, loadState: 'masked' } })])
  expect(only('systemd_service_state', input)).toBe(1)
  expect(only('gatewatch_unit_loaded', input)).toBe(0)
  expect(only('gatewatch_unit_running', input)).toBe(1)
  expect(values('gatewatch_unit_missing', input)).toEqual({})
})

test('without contact to systemd a unit has state -99, its counters, and no other series about its state', () => {
  const gone = { connected: false, lostAtMonoMs: NOW.monoMs - 30_000, problem: 'gone' }
  const input = (outOfContact: boolean) =>
    scrapeInput([runningUnit(A, { outOfContact, settings: { ...LOADED, loadState: 'masked' } })], {
      bus: { ...scrapeInput([]).bus, ...gone },
    })
  expect(only('systemd_service_state', input(false))).toBe(1)
  expect(only('systemd_service_state', input(true))).toBe(-99)
  expect(only('systemd_service_starts_total', input(true))).toBe(1)
  for (const name of ['running', 'flapping', 'gave_up', 'loaded', 'missing', 'active_since_timestamp_seconds'])
    expect([name, values(`gatewatch_unit_${name}`, input(true))]).toEqual([name, {}])
  expect(values('gatewatch_bus_connected', input(true))).toEqual({ '': 0 })
})

test('a unit that was not read yet is unknown; a collected unit is inactive', () => {
  const unread = scrapeInput([unit(A, { settings: null, tracking: 'unseen' })])
  expect(only('systemd_service_state', unread)).toBe(-99)
  expect(only('gatewatch_unit_loaded', unread)).toBeUndefined()
  expect(only('gatewatch_unit_running', unread)).toBeUndefined()
  expect(only('systemd_service_state', scrapeInput([unit(A, { snapshot: INACTIVE })]))).toBe(0)
})

test('a unit found through a signal and not read yet is running; whether it is loaded is unknown', () => {
  const found = scrapeInput([runningUnit(A, { settings: null, discovered: true })])
  expect(only('systemd_service_state', found)).toBe(1)
  expect(only('gatewatch_unit_running', found)).toBe(1)
  expect(only('gatewatch_unit_loaded', found)).toBeUndefined()
  expect(values('gatewatch_unit_missing', found)).toEqual({})
})

test('a frozen unit has a series, any other has none', () => {
  const units = [runningUnit(A, { snapshot: { ...RUNNING, frozen: true } }), runningUnit('b.service')]
  expect(values('gatewatch_unit_frozen', scrapeInput(units))).toEqual({ [A]: 1 })
})

test('a unit that ran in an earlier boot and was not active in this one has a series, unless another unit starts it', () => {
  const name = 'gatewatch_unit_not_started'
  const ran = { counters: { starts: 3, stops: 2, crashes: 0, restarts: 0, lost: 1 }, snapshot: INACTIVE, runIds: [] }
  const settings = { ...runningUnit(A).settings, wasActive: false, startedBy: [] } as Settings
  const of = (more: Partial<Unit>) => values(name, scrapeInput([unit(A, { ...ran, settings, ...more })]))
  expect(of({})).toEqual({ [A]: 1 })
  expect(of({ baseline: ran.counters, counters: ZERO })).toEqual({ [A]: 1 })
  expect(of({ counters: ZERO })).toEqual({})
  expect(of({ settings: { ...settings, wasActive: true } })).toEqual({})
  expect(of({ settings: { ...settings, startedBy: ['a.timer'] } })).toEqual({})
  expect(of({ settings: { ...settings, loadState: 'not-found' } })).toEqual({})
  expect(of({ runIds: ['1'] })).toEqual({})
  expect(of({ outOfContact: true })).toEqual({})
  expect(values(name, scrapeInput([runningUnit(A)]))).toEqual({})
})

test('failed start jobs: dependency exists from the start, other results once they happen, as committed', () => {
  const family = 'gatewatch_unit_start_jobs_failed_total'
  expect(values(family, scrapeInput([unit(A)]))).toEqual({ 'a.service dependency': 0 })
  const live = unit(A, { startJobsFailed: { dependency: 3, 'start-limit-hit': 1 } })
  expect(values(family, scrapeInput([live]))).toEqual({ 'a.service dependency': 3, 'a.service start-limit-hit': 1 })
  const kept = unit(A, { startJobsFailed: { dependency: 2 } })
  expect(values(family, scrapeInput([live], { committed: state([kept]) }))).toEqual({ 'a.service dependency': 2 })
})

test('counters are those on flash, not the live ones; a unit that is not on flash yet has 0', () => {
  const live = runningUnit(A, { counters: { starts: 9, stops: 2, crashes: 6, restarts: 5, lost: 0 } })
  const kept = runningUnit(A, { counters: { starts: 8, stops: 2, crashes: 5, restarts: 4, lost: 0 } })
  const input = scrapeInput([live, runningUnit('b.service')], { committed: state([kept]) })
  expect(values('systemd_service_starts_total', input)).toEqual({ [A]: 8, 'b.service': 0 })
  expect(values('systemd_service_crashes_total', input)).toEqual({ [A]: 5, 'b.service': 0 })
  expect(values('gatewatch_unit_running', input)).toEqual({ [A]: 1, 'b.service': 1 })
})

test('historical is the count at the start, including the baseline, and never exceeds the total', () => {
  const baseline = { starts: 100, stops: 90, crashes: 10, restarts: 9, lost: 0 }
  const now = runningUnit(A, { counters: { starts: 9, stops: 2, crashes: 6, restarts: 5, lost: 0 }, baseline })
  const then = runningUnit(A, { counters: { starts: 7, stops: 2, crashes: 4, restarts: 3, lost: 0 } })
  const input = scrapeInput([now, runningUnit('b.service')], { atStart: state([then]) })
  expect(values('systemd_service_starts_historical', input)).toEqual({ [A]: 107, 'b.service': 0 })
  expect(values('systemd_service_crashes_historical', input)).toEqual({ [A]: 14, 'b.service': 0 })
  const cleared = scrapeInput([runningUnit(A)], { atStart: state([then]) })
  expect(only('systemd_service_crashes_historical', cleared)).toBe(0)
})

test('failures: two results exist from the start, the others once they happen, requested ones separately', () => {
  expect(values('gatewatch_unit_failures_total', scrapeInput([unit(A)]))).toEqual({
    'a.service exit-code false': 0,
    'a.service signal false': 0,
  })
  const failures = { signal: { unrequested: 2, requested: 1 }, timeout: { unrequested: 0, requested: 3 } }
  expect(values('gatewatch_unit_failures_total', scrapeInput([unit(A, { failures })]))).toEqual({
    'a.service exit-code false': 0,
    'a.service signal false': 2,
    'a.service signal true': 1,
    'a.service timeout true': 3,
  })
})

test('values that are not known yet are absent', () => {
  const input = scrapeInput([unit(A)])
  for (const name of [
    'systemd_service_last_change_timestamp',
    'gatewatch_unit_last_crash_timestamp_seconds',
    'gatewatch_unit_active_since_timestamp_seconds',
    'gatewatch_unit_last_exit_status',
    'gatewatch_unit_last_signal',
  ]) {
    expect([name, values(name, input)]).toEqual([name, {}])
  }
  const fresh = scrapeInput([], { store: { ...input.store, lastCommitMs: null } })
  expect(values('gatewatch_flash_last_commit_timestamp_seconds', fresh)).toEqual({})
})

test.each([
  [{ exitCode: 3, signal: null }, 3, undefined],
  [{ exitCode: 0, signal: null }, 0, undefined],
  [{ exitCode: null, signal: 'SIGKILL' }, undefined, 9],
  [{ exitCode: null, signal: 'SIGRTMIN+3' }, undefined, 37],
  [{ exitCode: null, signal: null }, undefined, undefined],
])('a last crash by %j has exit status %s and signal %s', (how, status, signal) => {
  const cause = { result: 'exit-code', coreDumped: false, ...how }
  const input = scrapeInput([
    unit(A, { lastCrash: { cause, requested: false, thisBoot: true, atMs: 1_795_169_000_000 } }),
  ])
  expect(only('gatewatch_unit_last_exit_status', input)).toBe(status)
  expect(only('gatewatch_unit_last_signal', input)).toBe(signal)
})

test('active_since is the start of the run, even after a reload, and absent while the unit is not active', () => {
  const since = (more: Partial<Unit>) => {
    const input = scrapeInput([runningUnit(A, more)])
    return only('gatewatch_unit_active_since_timestamp_seconds', input)
  }
  expect(since({})).toBe(1_795_087_322.912)
  expect(since({ changedAtMs: 1_795_133_323_412 })).toBe(1_795_087_322.912)
  expect(since({ changedAtMs: 1_795_084_323_412 })).toBe(1_795_084_323.412)
  expect(since({ snapshot: { ...RUNNING, activeState: 'failed' } })).toBeUndefined()
})

test.each([
  ['', 'text'],
  ['*/*', 'text'],
  ['text/plain;version=0.0.4', 'text'],
  ['application/openmetrics-text', 'openmetrics'],
  ['application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'openmetrics'],
  ['application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'openmetrics'],
  ['application/openmetrics-text;version=2.0.0,text/plain;q=0.1', 'text'],
  ['application/openmetrics-text;q=0', 'text'],
  ['application/openmetrics-text;q=0.1, text/plain', 'text'],
  ['application/vnd.google.protobuf;q=0.7,text/plain;version=0.0.4;q=0.3', 'text'],
  ['application/openmetrics-text;q=0.5, */*', 'text'],
  ['application/openmetrics-text;q=0.5, text/*', 'text'],
  ['application/openmetrics-text, */*', 'openmetrics'],
  ['application/*, text/*;q=0.9', 'openmetrics'],
  ['text/plain;q=0.1, */*;q=0.5', 'openmetrics'],
  // Prometheus 3
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  [';;;,q=,', 'text'],
])('Accept %j gets %s', (accept, format) => {
  expect(formatFor(accept)).toBe(format)
})

test('a scrape has the values of the process, and its start time does not change', async () => {
  const { process: _, ...facts } = scrapeInput([runningUnit(A)])
  const { scrape } = createMetrics(async () => facts, systemClock)
  const first = await scrape('')
  const firstText = String(first.body)
  expect(first.type).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(firstText).toMatch(/^process_open_fds [1-9]/m)
  expect(firstText).toMatch(/^process_resident_memory_bytes \d{8,}$/m)
  const secondText = String((await scrape('application/openmetrics-text')).body)
  expect(secondText.endsWith('# EOF\n')).toBe(true)
  const startOf = (body: string) => /^process_start_time_seconds .*$/m.exec(body)?.[0]
  expect(startOf(secondText)).toBe(startOf(firstText))
})

test('each check of the agent is 1 while it is healthy, else 0', () => {
  const check = { message: 'x', sinceMs: 0 }
  const checks = [
    { ...check, name: 'bus', healthy: false },
    { ...check, name: 'mqtt', healthy: true },
  ] as const
  expect(values('gatewatch_health', scrapeInput([], { checks }))).toEqual({ bus: 0, mqtt: 1 })
})

test('shows how full the list of units is', () => {
  const live = { ...state([unit(A), unit('b.service')]), policy: { ...state([]).policy, maxUnits: 50 } }
  const input = scrapeInput([], { live })
  expect(values('gatewatch_units_watched', input)).toEqual({ '': 2 })
  expect(values('gatewatch_units_limit', input)).toEqual({ '': 50 })
})

test('shows what forgotten units had counted, by template, as of the last commit', () => {
  const sum = { starts: 9, stops: 5, crashes: 3, restarts: 2, lost: 1 }
  const committed = { ...state([]), forgotten: new Map([['conn@.service', sum]]) }
  expect(values('gatewatch_forgotten_runs_total', scrapeInput([], { committed }))).toEqual({
    ...{ 'conn@.service starts': 9, 'conn@.service stops': 5 },
    ...{ 'conn@.service crashes': 3, 'conn@.service lost': 1 },
  })
  const live = committed
  expect(values('gatewatch_forgotten_runs_total', scrapeInput([], { live }))).toEqual({})
})

test('systemd_monitor_info has the configured names, joined by commas and cut after a whole name at 1 KiB', () => {
  const names = Array.from({ length: 100 }, (_, i) => `service-${i}.service`)
  const { agent, ...rest } = scrapeInput([])
  const shown = (monitoredServices: readonly string[]) => {
    const family = FAMILIES.find(({ name }) => name === 'systemd_monitor_info')
    const [sample] = family?.samples({ ...rest, agent: { ...agent, monitoredServices } }) ?? []
    return sample?.labels['monitored_services'] ?? ''
  }
  expect(shown(names.slice(0, 3))).toBe('service-0.service,service-1.service,service-2.service')
  const cut = shown(names)
  expect(names.join(',').startsWith(`${cut},`)).toBe(true)
  expect(cut.length).toBeGreaterThan(1000)
  expect(cut.length).toBeLessThanOrEqual(1024)
})

test.each([
  [true, 1],
  [false, 0],
  [null, undefined],
])('clockSynced %s is %s; the gauge is absent while that is unknown', (clockSynced, value) => {
  const input = scrapeInput([])
  expect(values('gatewatch_clock_synced', { ...input, live: { ...input.live, clockSynced } })['']).toBe(value)
})
