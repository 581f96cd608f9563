// The limits of a scrape, in series and bytes: for 12 units with every kind of failure.
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { DEFAULT_UNITS } from '../../src/config/default-units.ts'
import { exposition, type Format } from '../../src/metrics/exposition.ts'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import { runningUnit, scrapeInput, state } from './scrape-inputs.ts'

const tally = { bounds: [0.01, 0.1], counts: [1_234, 1_240], sum: 2.4567, count: 1_241 }

/** Values as after months of operation, different for each unit: equal values would compress too well. */
const units = DEFAULT_UNITS.map((name, i) =>
  runningUnit(name, {
    counters: { starts: 1_201 + 17 * i, stops: 31 + 13 * i, crashes: 1_169 + 4 * i, restarts: 1_168 + 3 * i, lost: i },
    failures: { signal: { unrequested: 1_169 + 4 * i, requested: 0 } },
    lastCrash: {
      cause: { result: 'signal', exitCode: null, signal: i % 2 ? 'SIGKILL' : 'SIGSEGV', coreDumped: false },
      requested: false,
      atMs: 1_795_169_000_123 - 987_654 * i,
    },
  }),
)
const usage = new Map(
  units.map(({ name }, i) => [
    name,
    { memoryBytes: 4_194_304 + 40_960 * i, cpuSeconds: 12.345678 * (i + 1), tasks: 3 + i },
  ]),
)
const input = scrapeInput(units, {
  atStart: state(units),
  usage,
  bus: { ...scrapeInput([]).bus, callSeconds: { GetAll: tally, other: tally } },
  mqtt: {
    connected: true,
    problem: null,
    queued: 0,
    published: 81_234,
    eventsPublished: 40_000,
    reconnects: 7,
    dropped: { overflow: 0, forgotten: 0, too_large: 0 },
    acknowledged: 12,
  },
})

test.each(['text', 'openmetrics'] as Format[])(
  '12 units: at most 350 series and 5 KB gzipped, as %s',
  async (format) => {
    const text = await exposition(FAMILIES, input, format)
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(series.length).toBeLessThanOrEqual(350)
    expect(gzipSync(text).length).toBeLessThanOrEqual(5 * 1024)
  },
)
