// A real Prometheus scrapes and federates the agent, and both /federate endpoints return the same series.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/host/clock.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { type Prometheus, startPrometheus } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { runningUnit, scrapeInput, unit } from './scrape-inputs.ts'

const { process: _, ...facts } = scrapeInput([
  runningUnit('a.service'),
  unit('dev-disk-by\\x2dlabel-data.mount'),
  runningUnit('ä.service'),
])

/** Selectors that Prometheus accepts, and some that it refuses. */
const SELECTORS = [
  'systemd_service_state',
  'systemd_service_state{service="a.service"}',
  '{__name__=~"systemd_.*"}',
  '{__name__=~"systemd_.*",service!~"a.*"}',
  '{service=~"(?i)A\\\\.SERVICE"}',
  '{service=~"a|dev.+"}',
  '{service="dev-disk-by\\\\x2dlabel-data.mount"}',
  '{service=`dev-disk-by\\x2dlabel-data.mount`}',
  "{service='\\u00e4.service'}",
  '{service="\\xc3\\xa4.service", }',
  '{service=~"\\\\pL\\\\.service"}',
  'gatewatch_unit_failures_total{result!="signal"}',
  'gatewatch_flash_commit_seconds_bucket{le="0.1"}',
  '{le!=""}',
  '{service=~".+",result=""} # with a comment',
  'no_such_metric',
  ...[
    '{',
    '{}',
    '{service=""}',
    '{service=~"("}',
    '{service=~"(?!a)"}',
    'a b',
    'up{a="\\q"}',
    'up[5m]',
    '{service=~".*"}',
    '',
  ],
  ...['{a="b" c="d"}', '{,}', 'up{__name__="x"}', '{service!="a"}', 'up{a=~"b**"}', "{a='b\\\"'}"],
]

/** Series as `name{labels}` with their values, without the labels and series that Prometheus adds. */
function series(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !/^(up|scrape_|process_)/.test(line))
    .map((line) => {
      const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?$/.exec(line) ?? []
      const own = labels.match(/\w+="(?:[^"\\]|\\.)*"/g)?.filter((label) => !/^(job|instance)=/.test(label)) ?? []
      return `${name}{${own.join(',')}} ${Number(value)}`
    })
    .sort()
}

describeUnless(missingPrograms('prometheus'), 'a real Prometheus', () => {
  const { scrape, federate } = createMetrics(
    async () => ({ ...facts, now: { monoMs: facts.now.monoMs + performance.now(), wallMs: Date.now() } }),
    systemClock,
  )
  const accepted: string[] = []
  const target = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://target')
    if (url.pathname === '/metrics') accepted.push(request.headers.accept ?? '')
    const accept = request.headers.accept ?? ''
    const result =
      url.pathname === '/federate' ? await federate(url.searchParams.getAll('match[]'), '') : await scrape(accept)
    if ('body' in result) response.setHeader('content-type', result.type).end(result.body)
    else response.writeHead(400).end(JSON.stringify(result))
  })
  let targets: readonly object[]
  let prometheus: Prometheus

  beforeAll(async () => {
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
    targets = [{ targets: [`127.0.0.1:${(target.address() as AddressInfo).port}`] }]
    prometheus = await startPrometheus({ static_configs: targets })
    await until(() => prometheus.query('up == 1'), {
      what: 'a scrape',
      is: ({ length }) => length === 1,
      timeoutMs: 60_000,
    })
  }, 130_000)
  afterAll(async () => {
    await prometheus[Symbol.asyncDispose]()
    target.close()
  })

  test('scrapes every series, in OpenMetrics, which it prefers', async () => {
    expect(accepted[0]).toContain('application/openmetrics-text')
    const scraped = Number((await prometheus.query('scrape_samples_scraped'))[0]?.value[1])
    expect(scraped).toBe(
      String((await scrape('')).body)
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#')).length,
    )
    const starts = (await prometheus.query('systemd_service_starts_total')).map(({ metric, value }) => [
      metric['service'],
      value[1],
    ])
    expect(starts).toEqual(
      expect.arrayContaining([
        ['a.service', '1'],
        ['dev-disk-by\\x2dlabel-data.mount', '0'],
      ]),
    )
  })

  test.each(SELECTORS)('responds to /federate with %j as the agent does', async (selector) => {
    const theirs = await fetch(`${prometheus.url}/federate?match[]=${encodeURIComponent(selector)}`)
    const ours = await federate([selector], '')
    if (theirs.ok && 'body' in ours) expect(series(ours.body)).toEqual(series(await theirs.text()))
    else expect([theirs.status, 'problem' in ours]).toEqual([400, true])
  })

  test('accepts types and order of /federate as its own', async () => {
    const query = 'match[]=systemd_service_state&match[]=systemd_monitor_info'
    const lines = (text: string) => text.split('\n').map((line) => line.replace(/\{.*/, ''))
    const ours = await federate(['systemd_service_state', 'systemd_monitor_info'], '')
    expect(lines('body' in ours ? ours.body : '')).toEqual(
      lines(await (await fetch(`${prometheus.url}/federate?${query}`)).text()),
    )
  })

  test('federates the agent: it gets the requested series and no others', async () => {
    await using fleet = await startPrometheus({
      metrics_path: '/federate',
      params: { 'match[]': ['{__name__=~"systemd_service_(starts|crashes)_total"}', 'gatewatch_bus_connected'] },
      honor_labels: true,
      static_configs: targets,
    })
    const got = await until(() => fleet.query('{__name__=~"(systemd|gatewatch).*"}'), {
      what: 'series',
      is: ({ length }) => length > 0,
      timeoutMs: 60_000,
    })
    const names = got.map(({ metric }) => `${metric['__name__']} ${metric['service'] ?? ''}`).sort()
    expect(names).toEqual([
      'gatewatch_bus_connected ',
      ...['starts', 'crashes']
        .sort()
        .flatMap((what) =>
          ['a.service', 'dev-disk-by\\x2dlabel-data.mount', 'ä.service'].map(
            (name) => `systemd_service_${what}_total ${name}`,
          ),
        ),
    ])
    expect(new Set(got.map(({ metric }) => metric['instance']))).toEqual(
      new Set([String((targets[0] as { targets: string[] }).targets[0])]),
    )
  }, 130_000)
})

test('timestamps are sent only while the clock is synchronised', async () => {
  const at = async (clockSynced: boolean | null) => {
    const { federate } = createMetrics(async () => ({ ...facts, live: { ...facts.live, clockSynced } }), systemClock)
    const response = await federate(['gatewatch_bus_connected'], '')
    return 'body' in response ? response.body.split('\n')[1] : response
  }
  expect(await at(null)).toBe('gatewatch_bus_connected 1')
  expect(await at(false)).toBe('gatewatch_bus_connected 1')
  expect(await at(true)).toBe('gatewatch_bus_connected 1 1795169723412')
})

test('without a selector there are no series', async () => {
  const { federate } = createMetrics(async () => facts, systemClock)
  expect(await federate([], '')).toEqual({ type: 'text/plain; version=0.0.4; charset=utf-8', body: '' })
})
