// The limits of a scrape, in series and bytes: for 12 units by default, and for the worst case.
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { DEFAULT_UNITS } from '../../src/config/default-units.ts'
import { CHECK_NAMES, type CheckName } from '../../src/core/health.ts'
import { exposition } from '../../src/metrics/exposition.ts'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import { runningUnit, scrapeInput, state } from './scrape-inputs.ts'

const tally = { bounds: [0.01, 0.1], counts: [1_234, 1_240], sum: 2.4567, count: 1_241 }

/** Values as after months of operation, different for each unit: equal values would compress too well. */
const crashedUnits = DEFAULT_UNITS.map((name, i) =>
  runningUnit(name, {
    counters: { starts: 1_201 + 17 * i, stops: 31 + 13 * i, crashes: 1_169 + 4 * i, restarts: 1_168 + 3 * i, lost: i },
    failures: { signal: { unrequested: 1_169 + 4 * i, requested: 0 } },
    lastCrash: {
      cause: { result: 'signal', exitCode: null, signal: i % 2 ? 'SIGKILL' : 'SIGSEGV', coreDumped: false },
      requested: false,
      thisBoot: true,
      atMs: 1_795_169_000_123 - 987_654 * i,
    },
  }),
)
/** Half of them have never crashed, and so lack the two series of a last crash. */
const units = crashedUnits.map((unit, i) => (i % 2 ? unit : { ...unit, lastCrash: null }))
const usage = new Map(
  units.map(({ name }, i) => [
    name,
    { memoryBytes: 4_194_304 + 40_960 * i, cpuSeconds: 12.345678 * (i + 1), tasks: 3 + i },
  ]),
)
const checksOf = (...names: readonly CheckName[]) =>
  names.map((name) => ({ name, healthy: true, message: 'OK', sinceMs: 0 }))
const ALWAYS = ['bus', 'state_file', 'configuration', 'event_loop', 'units', 'clock', 'identity'] as const
const byDefault = scrapeInput(units, {
  checks: checksOf(...ALWAYS),
  atStart: state(units),
  usage,
  bus: { ...scrapeInput([]).bus, callSeconds: { GetAll: tally, other: tally } },
})
const everything = {
  ...byDefault,
  bus: { ...byDefault.bus, callsFailed: { GetAll: 2, GetId: 1 } },
  live: state(crashedUnits),
  committed: state(crashedUnits),
  checks: checksOf(...CHECK_NAMES),
  remoteWrite: {
    problem: null,
    note: null,
    sent: 123_456,
    failed: 120,
    dropped: { overflow: 0, expired: 0, too_old: 0, refused: 0, clock: 0 },
    pending: 60,
    lastSuccessMs: 1_795_169_700_000,
  },
  mqtt: {
    connected: true,
    problem: null,
    lostAtMonoMs: null,
    note: null,
    sharedClientId: null,
    queued: 0,
    published: 81_234,
    eventsPublished: 40_000,
    reconnects: 7,
    dropped: { overflow: 0, forgotten: 0, too_large: 0, refused: 0, cleared: 0 },
    refused: { state: 0, event: 0, agent: 0, discovery: 0, thinedge: 0, subscribe: 0 },
    acknowledged: 12,
    publishSeconds: { ...tally, bounds: [0.01, 0.05, 0.25, 1, 5], counts: [9, 81_000, 81_200, 81_230, 81_234] },
  },
}

test.each([
  ['by default', 'text', byDefault, 350, 5],
  ['by default', 'openmetrics', byDefault, 350, 5],
  ['with everything on', 'openmetrics', everything, 400, 6],
] as const)('12 units %s, as %s: few series, and few bytes when gzipped', async (_, format, input, most, kilobytes) => {
  const text = await exposition(FAMILIES, input, format)
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(series.length).toBeLessThanOrEqual(most)
  expect(gzipSync(text).length).toBeLessThanOrEqual(kilobytes * 1024)
})
