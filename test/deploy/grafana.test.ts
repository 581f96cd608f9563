// Every query of the Grafana dashboards returns data: from a Prometheus that scrapes, from one to which gateways push, and
// from VictoriaMetrics. Grafana itself is not run.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SimulatedGateways, startGateways } from '../fleet/simulated.ts'
import { type Queryable, startPrometheusWith } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { startVictoriaMetrics, startVmalert } from '../rig/victoria-metrics.ts'
import { DEFAULT_MATCH } from './pushed-families.ts'
import { pushFrom } from './pushing.ts'
import { changed, fastRuleFiles, fastSite, shipped, VICTORIA_OFFSET } from './shipped.ts'

interface Dashboard {
  readonly uid: string
  readonly __inputs: readonly { readonly name: string }[]
  readonly panels: readonly {
    readonly title: string
    readonly type: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[]
  }
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] }
}

const read = (name: string) => JSON.parse(shipped(`grafana/dashboards/${name}.json`)) as Dashboard
const FLEET = read('fleet')
const GATEWAY = read('gateway')

/** Of panels, annotations and variables, by their titles. */
function queriesOf({ panels, annotations, templating }: Dashboard): (readonly [string, string])[] {
  const variables = templating.list.filter(({ type }) => type === 'query')
  return [
    ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
    ...annotations.list.flatMap(({ name, expr }) =>
      expr === undefined ? [] : [[`annotation ${name}`, expr] as const],
    ),
    ...variables.map(({ name, query }) => [`variable ${name}`, labelValuesQuery(query)] as const),
  ]
}

/** `label_values(series, label)` as a PromQL query. */
function labelValuesQuery(query: string): string {
  const [, series, label] = /^label_values\((.+), (\$?\w+)\)$/.exec(query) ?? []
  return `count by (${label}) (${series})`
}

/**
 * Replaces variables as Grafana does, and shortens offsets, because the data is only seconds old. A simulated gateway has a
 * crash in each 20 s.
 */
function expanded(expr: string, label: 'gateway' | 'instance', gateway: string): string {
  return expr
    .replaceAll('$label', label)
    .replaceAll('$gateway', gateway)
    .replaceAll(/\$(site|service)/g, '.*')
    .replaceAll('$__rate_interval', '1m')
    .replaceAll(/offset 1[hd]/g, 'offset 5s')
    .replaceAll('offset 1m', 'offset 25s')
}

interface Stores {
  readonly site: Queryable
  readonly fleet: Queryable
  /** The label `instance` of gw-1. */
  readonly instance: string
}

const FLEET_RECORDS = shipped('prometheus/fleet/records.yml').replaceAll('offset 1h', 'offset 5s')

/** A site that scrapes, and a fleet that federates from it. */
async function scraped(gateways: SimulatedGateways, keep: <T extends AsyncDisposable>(one: T) => T): Promise<Stores> {
  const site = keep(await startPrometheusWith(fastSite(gateways.targets(), '9')))
  const config = changed(shipped('prometheus/fleet/prometheus.yml'), {
    'scrape_interval: 60s': 'scrape_interval: 1s',
    'scrape_timeout: 30s': 'scrape_timeout: 1s',
    'evaluation_interval: 60s': 'evaluation_interval: 1s',
  })
  const targets = JSON.stringify([{ targets: [new URL(site.url).host] }])
  const files = { 'prometheus.yml': config, 'records.yml': FLEET_RECORDS, 'sites/simulated.json': targets }
  return { site, fleet: keep(await startPrometheusWith(files)), instance: gateways.addressOf(1) }
}

/** One store to which gateways push, with the rules of a site and of a fleet. gw-2 pushes only the default selection. */
async function pushed(store: Queryable, gateways: SimulatedGateways, keep: <T extends AsyncDisposable>(one: T) => T) {
  for (const [number, families] of [null, null, DEFAULT_MATCH].entries())
    keep(pushFrom(`http://${gateways.addressOf(number)}/metrics`, store.url, `gw-${number}`, families))
  return { site: store, fleet: store, instance: 'gw-1' }
}

const PATHS = {
  'a Prometheus that scrapes': scraped,
  async 'a Prometheus that receives'(gateways, keep) {
    const site = fastSite('[]', '9')
    const config = changed(site['prometheus.yml'] ?? '', { '  - records.yml': '  - records.yml\n  - fleet.yml' })
    const files = { ...site, 'prometheus.yml': config, 'fleet.yml': FLEET_RECORDS }
    return pushed(keep(await startPrometheusWith(files, '--web.enable-remote-write-receiver')), gateways, keep)
  },
  async VictoriaMetrics(gateways, keep) {
    const victoria = keep(await startVictoriaMetrics())
    const rules = { ...fastRuleFiles(VICTORIA_OFFSET), 'fleet.yml': FLEET_RECORDS }
    const args = ['-evaluationInterval=1s', '-notifier.url=http://127.0.0.1:9', '-remoteWrite.flushInterval=200ms']
    keep(await startVmalert(rules, victoria, ...args))
    return pushed(victoria, gateways, keep)
  },
} satisfies Record<
  string,
  (gateways: SimulatedGateways, keep: <T extends AsyncDisposable>(one: T) => T) => Promise<Stores>
>

describeUnless(missingPrograms('prometheus', 'victoria-metrics', 'vmalert'), 'the Grafana dashboards', () => {
  describe.each(Object.entries(PATHS))('on %s', (path, start) => {
    const started: AsyncDisposable[] = []
    let stores: Stores
    beforeAll(async () => {
      const keep = <T extends AsyncDisposable>(one: T): T => {
        started.push(one)
        return one
      }
      stores = await start(keep(await startGateways(3)), keep)
    }, 120_000)
    afterAll(async () => {
      for (const one of started.reverse()) await one[Symbol.asyncDispose]()
    })

    async function returnsData(store: Queryable, query: string): Promise<void> {
      const hasData = ({ length }: { length: number }) => length > 0
      await until(() => store.query(query), { what: query, is: hasData, timeoutMs: 90_000, everyMs: 250 })
    }

    test.each(queriesOf(FLEET))('fleet: %s: %s', async (title, expr) => {
      // The store itself has the label `site` only where the gateways push it.
      if (path !== 'a Prometheus that scrapes' && title === 'variable site') return
      await returnsData(stores.fleet, expanded(expr, 'gateway', 'gw-1'))
    })
    test.each(queriesOf(GATEWAY))('gateway: %s: %s', async (_, expr) => {
      await returnsData(stores.site, expanded(expr, 'gateway', 'gw-1'))
      await returnsData(stores.site, expanded(expr, 'instance', stores.instance))
    })

    test('a gateway that pushes only the default selection has no data for some panels', async () => {
      if (path === 'a Prometheus that scrapes') return
      await returnsData(stores.site, 'ALERTS{alertstate="firing", gateway="gw-2"}')
      const without = new Set<string>()
      for (const [title, expr] of queriesOf(GATEWAY).filter(([one]) => !one.startsWith('annotation'))) {
        const result = await stores.site.query(expanded(expr, 'gateway', 'gw-2'))
        if (result.length === 0) without.add(title)
      }
      expect([...without].sort()).toEqual([
        'Agent',
        'Agent uptime',
        'Bytes written to flash per day',
        'CPU by unit',
        'Flash lifetime used',
        'Gateway',
        'Last crash',
        'MQTT broker',
        'Memory by unit',
      ])
    })
  })
})

test.each([FLEET, GATEWAY])(
  '$uid can be imported: it asks for the data source, and has no fixed one and no fixed job',
  (it) => {
    expect(it.__inputs.map(({ name }) => name)).toEqual(['DS_PROMETHEUS'])
    const text = JSON.stringify(it)
    const sources = [...text.matchAll(/"uid":"([^"]+)"/g)].map(([, uid]) => uid)
    expect(new Set(sources)).toEqual(new Set([`\${datasource}`, '-- Grafana --', it.uid]))
    expect(text).not.toMatch(/job=/)
  },
)

/** Grafana 9.0 has schema version 36; these panel types and references to data sources exist since 8.3. */
test.each([FLEET, GATEWAY])('$uid uses only what Grafana 9.0 has', (it) => {
  expect(it).toMatchObject({ schemaVersion: 36 })
  expect(JSON.stringify(it)).not.toMatch(/"(cellHeight|cellOptions)":/) // of newer tables
  const types = new Set(it.panels.map(({ type }) => type))
  expect([...types].filter((type) => !['stat', 'table', 'timeseries', 'state-timeline'].includes(type))).toEqual([])
})

test('deploy/README.md replaces the input of each dashboard with a provisioned data source', () => {
  const sources = shipped('grafana/provisioning/datasources/gatewatch.yml')
  for (const [name, uid] of [
    ['gateway', 'gatewatch-site'],
    ['fleet', 'gatewatch-fleet'],
  ]) {
    expect(sources).toContain(`uid: ${uid}`)
    expect(shipped('README.md')).toContain(`sed 's/\${DS_PROMETHEUS}/${uid}/' grafana/dashboards/${name}.json`)
  }
  expect(shipped('grafana/provisioning/dashboards/gatewatch.yml')).toContain('/var/lib/grafana/dashboards/gatewatch')
})
