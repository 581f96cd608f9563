// The text of a scrape, compared with golden files and checked by promtool and by Prometheus' parsers for Python.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { FAMILIES as CENTRE_FAMILIES } from '../../deploy/centre/families.ts'
import { exposition } from '../../src/metrics/exposition.ts'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import type { Family } from '../../src/metrics/family.ts'
import type { ScrapeInput } from '../../src/metrics/scrape-input.ts'
import { RUNNING, runningUnit, scrapeInput, state, unit } from './scrape-inputs.ts'

const GOLDEN = new URL('./golden.prom', import.meta.url)
const GOLDEN_OPENMETRICS = new URL('./golden.openmetrics', import.meta.url)
const PARSE = fileURLToPath(new URL('./parse.py', import.meta.url))

const DEFAULT_UNITS = [
  'wirepas-gateway',
  'wirepas-sink-ttys1',
  'wirepas-sink-ttys2',
  'edger.connecteddev',
  'edger.endries',
  'devmgmt',
  'hwcheck',
  'provisioning',
  'Node-Configuration',
  'setup_cell_connect',
  'mosquitto',
  'wps_button_monitor',
].map((name) => `${name}.service`)

const killed = { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false }

/** One unit that crashed and runs, one that was stopped, one that systemd cannot load. */
function threeUnits(): ScrapeInput {
  const mosquitto = runningUnit('mosquitto.service', {
    counters: { starts: 5, stops: 1, crashes: 3, restarts: 3, lost: 0 },
    baseline: { starts: 100, stops: 90, crashes: 10, restarts: 9, lost: 0 },
    failures: { signal: { unrequested: 2, requested: 0 }, timeout: { unrequested: 0, requested: 1 } },
    lastCrash: { cause: killed, requested: false, thisBoot: true, atMs: 1_795_087_322_000 },
  })
  const inactive = { ...RUNNING, activeState: 'inactive', subState: 'dead', invocationId: null, changedAtMonoMs: 0 }
  const escaped = unit('dev-disk-by\\x2dlabel-data.mount', { snapshot: inactive, changedAtMs: 1_795_083_000_000 })
  const masked = unit('wps_button_monitor.service', {
    snapshot: inactive,
    settings: {
      loadState: 'masked',
      restart: null,
      enabled: false,
      restartForced: false,
      restartPrevented: false,
      wasActive: true,
      startedBy: [],
    },
  })
  const before = state([{ ...mosquitto, counters: { starts: 4, stops: 1, crashes: 2, restarts: 2, lost: 0 } }])
  return scrapeInput([mosquitto, escaped, masked], { atStart: before })
}

/** The largest usual scrape: every default unit runs and has crashed. */
function twelveUnits(crashed: boolean): ScrapeInput {
  const units = DEFAULT_UNITS.map((name, i) => {
    const monoMs = 4_000_000 + i * 7_919_333
    const cause = i % 2 === 0 ? killed : { result: 'exit-code', exitCode: i, signal: null, coreDumped: false }
    const quiet = runningUnit(name, {
      counters: { starts: 37 + i * 3, stops: 12 + i, crashes: 24 + i, restarts: 20 + i, lost: i },
    })
    return {
      ...quiet,
      snapshot: quiet.snapshot && { ...quiet.snapshot, changedAtMonoMs: monoMs },
      run: quiet.run && { ...quiet.run, openedAtMonoMs: monoMs - 311 },
      ...(crashed
        ? { lastCrash: { cause, requested: false, thisBoot: true, atMs: 1_795_087_322_000 + i * 654_321 } }
        : {}),
    }
  })
  return scrapeInput(units)
}

function seriesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

/** `GOLDEN=write` replaces the golden file; review the change before committing it. */
function matchesGolden(text: string, golden: URL): void {
  if (process.env['GOLDEN'] === 'write') writeFileSync(golden, text)
  expect(text).toBe(readFileSync(golden, 'utf8'))
}

test('the text of a scrape equals the golden file', async () => {
  matchesGolden(await exposition(FAMILIES, threeUnits(), 'text'), GOLDEN)
})

test('the OpenMetrics text equals its golden file: families without _total, and # EOF', async () => {
  matchesGolden(await exposition(FAMILIES, threeUnits(), 'openmetrics'), GOLDEN_OPENMETRICS)
})

test('promtool reports no problem in a scrape', async (context) => {
  const promtool = (text: string) => spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  if (promtool('').error) context.skip('promtool is not installed (package prometheus of Debian)')
  const checked = promtool(await exposition(FAMILIES, threeUnits(), 'text'))
  expect(checked.stderr + checked.stdout).toBe('')
  expect(checked.status).toBe(0)
})

test('both parsers of prometheus_client read the same families, samples and HELP texts as we have', (context) => {
  const python = (...args: string[]) => spawnSync('/usr/bin/python3', args, { encoding: 'utf8' })
  if (python('-c', 'import prometheus_client').status !== 0) context.skip('python3-prometheus-client is not installed')
  const parsed = (format: string, golden: URL) => {
    const { status, stdout, stderr } = python(PARSE, format, fileURLToPath(golden))
    expect([status, stderr]).toEqual([0, ''])
    return JSON.parse(stdout)
  }
  const input = threeUnits()
  const own = FAMILIES.map(({ name, type, help, samples }) => {
    const values = samples(input).map((sample) => [name + (sample.suffix ?? ''), sample.labels, sample.value])
    return [type === 'counter' ? name.replace(/_total$/, '') : name, type, help, values]
  })
  const withSamples = own.filter(([, , , values]) => values?.length !== 0)
  expect(parsed('text', GOLDEN)).toEqual(withSamples)
  expect(parsed('openmetrics', GOLDEN_OPENMETRICS)).toEqual(withSamples)
})

const BOTH = ['text', 'openmetrics'] as const

test.each(BOTH)(
  '%s: NaN and the infinities are written as Prometheus does, and a family without samples is left out',
  async (format) => {
    const values: readonly Family[] = [
      { name: 'none', type: 'gauge', help: 'Never.', samples: () => [] },
      {
        name: 'values',
        type: 'gauge',
        help: 'Not Nan',
        samples: () =>
          [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 0.1].map((value) => {
            return { labels: { as: `${value} Nan` }, value }
          }),
      },
    ]
    expect(await exposition(values, scrapeInput([]), format)).toBe(
      `# HELP values Not Nan
# TYPE values gauge
values{as="NaN Nan"} NaN
values{as="Infinity Nan"} +Inf
values{as="-Infinity Nan"} -Inf
values{as="1e+21 Nan"} 1e+21
values{as="0.1 Nan"} 0.1
${format === 'openmetrics' ? '# EOF\n' : ''}`,
    )
  },
)

test.each(BOTH)('%s: a large family has its HELP and TYPE once, and no line is lost or empty', async (format) => {
  const units = Array.from({ length: 1_001 }, (_, i) => runningUnit(`u${i}.service`))
  const text = await exposition(FAMILIES, scrapeInput(units), format)
  const starts = text.split('\n').filter((line) => /^(# [A-Z]+ )?systemd_service_starts(_total)?[ {]/.test(line))
  const name = format === 'text' ? 'systemd_service_starts_total' : 'systemd_service_starts'
  expect(starts).toEqual([
    `# HELP ${name} Runs started since the state file was created.`,
    `# TYPE ${name} counter`,
    ...units.map((unit) => `systemd_service_starts_total{service="${unit.name}"} 1`),
  ])
  expect(text).not.toContain('\n\n')
  expect(text.endsWith('\n')).toBe(true)
})

test('no HELP text contains a quote or a backslash, which the two formats escape differently', () => {
  const texts = [...FAMILIES, ...CENTRE_FAMILIES].map(({ help }) => help)
  expect(texts.filter((help) => /["\\\n]/.test(help) || help === '')).toEqual([])
})

test('a backslash, a quote and a line feed in a unit name are escaped', async () => {
  const family = FAMILIES.filter((f) => f.name === 'gatewatch_unit_running')
  const text = await exposition(family, scrapeInput([runningUnit('a\\x2db"c\nd.service')]), 'text')
  expect(seriesOf(text)).toEqual(['gatewatch_unit_running{service="a\\\\x2db\\"c\\nd.service"} 1'])
})

test('an empty label value is left out', async () => {
  const family = FAMILIES.filter((f) => f.name === 'gatewatch_build_info')
  const given = scrapeInput([])
  const text = await exposition(family, { ...given, agent: { ...given.agent, revision: '' } }, 'text')
  expect(seriesOf(text)).toEqual([
    'gatewatch_build_info{version="0.1.0",node_version="20.11.0",target="linux-arm64"} 1',
  ])
})

test('no series appears twice, and each has its HELP and TYPE before it', async () => {
  const text = await exposition(FAMILIES, twelveUnits(true), 'text')
  const names = seriesOf(text).map((line) => line.replace(/ [^ ]*$/, ''))
  expect(new Set(names).size).toBe(names.length)
  expect(new Set(FAMILIES.map((f) => f.name)).size).toBe(FAMILIES.length)
})
