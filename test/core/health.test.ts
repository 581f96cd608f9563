// The list of checks: each check fails once, what blocks readiness, what is reported, and since when.
import { expect, test } from 'vitest'
import {
  blocks,
  CHECK_NAMES,
  createHealth,
  type HealthCheck,
  type HealthFacts,
  reportLines,
} from '../../src/core/health.ts'
import { checkJson } from '../../src/core/views/api-json.ts'
import { testClock } from '../rig/clock.ts'

const HEALTHY: HealthFacts = {
  bus: { problem: null, lostAtMonoMs: null },
  stateFile: { problem: null, note: null, volatile: null },
  configuration: { problems: [], warnings: [], waiting: [] },
  loopLagSeconds: 0.5,
  faults: [],
  mqtt: { problem: null, note: null, lostAtMonoMs: null },
  remoteWrite: { problem: null, note: null },
  logFiles: { problems: [], note: null },
  unwatchable: [],
  clockSynced: true,
  identity: [],
}
/** Nothing that is optional. */
const MINIMAL: HealthFacts = { ...HEALTHY, mqtt: null, remoteWrite: null, logFiles: null, clockSynced: null }

function health(offsetMs = 0) {
  const clock = testClock({ startMs: 10_000, wallOffsetMs: offsetMs })
  const evaluate = createHealth(clock)
  return {
    clock,
    evaluate,
    setClock: clock.setWall,
  }
}

const checksOf = (facts: Partial<HealthFacts>) => health().evaluate({ ...HEALTHY, ...facts })
const names = (checks: readonly HealthCheck[]) => checks.map(({ name }) => name)

test('the list has every check of what is configured, in its order; OK needs no report', () => {
  const checks = checksOf({})
  expect(names(checks)).toEqual(CHECK_NAMES.filter((name) => name !== 'internal'))
  expect(checks.every(({ healthy, message }) => healthy && message === 'OK')).toBe(true)
  expect(reportLines(checks)).toEqual([])
  expect(names(checksOf(MINIMAL))).toEqual(['bus', 'state_file', 'configuration', 'event_loop', 'units', 'identity'])
})

test.each([
  ['bus', true, { bus: { problem: 'no such socket', lostAtMonoMs: 4_000 } }, 'no such socket'],
  ['state_file', true, { stateFile: { problem: 'EROFS', note: 'was empty', volatile: 'is in RAM' } }, 'EROFS'],
  [
    'configuration',
    true,
    { configuration: { problems: ['a: bad', 'b: bad'], warnings: [], waiting: ['bus'] } },
    'a: bad; b: bad',
  ],
  ['event_loop', true, { loopLagSeconds: 1.26 }, 'blocked for 1.3 s'],
  ['internal', true, { faults: ['a.service: cannot process a tick'] }, 'a.service: cannot process a tick'],
  ['mqtt', false, { mqtt: { problem: 'ECONNREFUSED', note: null, lostAtMonoMs: 3000 } }, 'ECONNREFUSED'],
  ['remote_write', false, { remoteWrite: { problem: 'no such host', note: null } }, 'no such host'],
  [
    'log_files',
    false,
    { logFiles: { problems: ['cannot write /a (EIO)', 'cannot write /b (EIO)'], note: '/a lacks 1 line' } },
    'cannot write /a (EIO); cannot write /b (EIO)',
  ],
  ['units', false, { unwatchable: ['a: x', 'b: x', 'c: x', 'd: x', 'e: x'] }, 'a: x; b: x; c: x; and 2 more'],
  ['clock', false, { clockSynced: false }, 'not synchronised; the times of events may be wrong'],
  ['identity', false, { identity: ['/etc/machine-id is empty'] }, '/etc/machine-id is empty'],
] as const)('%s fails alone; it blocks readiness: %s', (name, blocking, facts, message) => {
  const checks = checksOf(facts)
  expect(checks.filter(({ healthy }) => !healthy)).toMatchObject([{ name, message }])
  expect(checks.some(blocks)).toBe(blocking)
  expect(reportLines(checks)).toEqual([`${name}: ${message}`])
})

test('a note on the connection to the broker is shown while it has no problem', () => {
  const checks = checksOf({
    mqtt: { problem: null, note: 'commands are accepted over MQTT 3.1.1', lostAtMonoMs: null },
  })
  expect(checks.every(({ healthy }) => healthy)).toBe(true)
  expect(reportLines(checks)).toEqual(['mqtt: commands are accepted over MQTT 3.1.1'])
})

test('lines that are missing in a log file that can be written again are reported by a check that is healthy', () => {
  const checks = checksOf({ logFiles: { problems: [], note: '/a lacks 3 lines since gatewatch started' } })
  expect(checks.every(({ healthy }) => healthy)).toBe(true)
  expect(reportLines(checks)).toEqual(['log_files: /a lacks 3 lines since gatewatch started'])
})

test.each([
  [['max_units'], 'max_units takes effect after a restart of gatewatch'],
  [['max_units', 'log_file'], 'max_units, log_file take effect after a restart of gatewatch'],
])('keys that wait for a restart (%s) are reported by a check that is healthy', (waiting, message) => {
  const checks = checksOf({ configuration: { problems: [], warnings: [], waiting } })
  expect(checks.every(({ healthy }) => healthy)).toBe(true)
  expect(reportLines(checks)).toEqual([`configuration: ${message}`])
})

test('what happened to the state file at the start, and that it is in RAM, is reported by a check that is healthy', () => {
  const checks = checksOf({ stateFile: { problem: null, note: 'the file was empty', volatile: 'is in RAM' } })
  expect(checks.every(({ healthy }) => healthy)).toBe(true)
  expect(reportLines(checks)).toEqual(['state_file: the file is in RAM; the file was empty'])
})

test('a check is dated when it changes between healthy and unhealthy, not when its message changes', () => {
  const { clock, evaluate } = health()
  const since = (problem: string | null) =>
    evaluate({ ...HEALTHY, stateFile: { problem, note: null, volatile: null } }).find(
      ({ name }) => name === 'state_file',
    )?.sinceMs
  expect(since(null)).toBe(10_000)
  clock.advance(1_000)
  expect(since(null)).toBe(10_000)
  expect(since('EIO')).toBe(11_000)
  clock.advance(1_000)
  expect(since('EROFS')).toBe(11_000)
  expect(since(null)).toBe(12_000)
})

test.each(['bus', 'mqtt'] as const)(
  'a loss of the connection (%s) is dated when it happened, not when it was read',
  (name) => {
    const { clock, evaluate } = health()
    const since = (connection: HealthFacts['bus']) =>
      evaluate({ ...HEALTHY, [name]: { ...connection, note: null } }).find((check) => check.name === name)?.sinceMs
    clock.advance(50_000)
    expect(since({ problem: 'gone', lostAtMonoMs: 45_000 })).toBe(45_000)
    expect(since({ problem: null, lostAtMonoMs: null })).toBe(60_000)
  },
)

test('a check that appears is dated from then on; the dates follow a clock that is set', () => {
  const { clock, evaluate, setClock } = health()
  evaluate(MINIMAL)
  clock.advance(5_000)
  const since = () => Object.fromEntries(evaluate(HEALTHY).map((check) => [check.name, checkJson(check)['since']]))
  expect(since()).toMatchObject({ bus: '1970-01-01T00:00:10.000Z', mqtt: '1970-01-01T00:00:15.000Z' })
  setClock(1_795_169_700_000)
  expect(since()).toMatchObject({ bus: '2026-11-20T10:15:10.000Z', mqtt: '2026-11-20T10:15:15.000Z' })
})

test('as JSON a check has the documented fields', () => {
  const [bus] = checksOf({ bus: { problem: 'gone', lostAtMonoMs: null } })
  expect(bus && checkJson(bus)).toEqual({
    name: 'bus',
    healthy: false,
    message: 'gone',
    since: '1970-01-01T00:00:10.000Z',
  })
})
