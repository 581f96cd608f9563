// Every query of the Grafana dashboards returns data from the Prometheus of a site or of a fleet.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SimulatedGateways, startGateways } from '../fleet/simulated.ts'
import { type Prometheus, startPrometheusWith } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { changed, fastSite, shipped } from './shipped.ts'

interface Dashboard {
  readonly uid: string
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[]
  }
}

const read = (name: string) => JSON.parse(shipped(`grafana/dashboards/${name}.json`)) as Dashboard
const FLEET = read('fleet')
const GATEWAY = read('gateway')

const queriesOf = (dashboard: Dashboard) =>
  dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const))
const variablesOf = (dashboard: Dashboard) =>
  dashboard.templating.list.filter(({ type }) => type === 'query').map(({ name, query }) => [name, query] as const)

/** Replaces variables as Grafana does, and shortens offsets of an hour or a day, because the data is only seconds old. */
function expanded(expr: string): string {
  return expr
    .replaceAll('$gateway', 'gw-1')
    .replaceAll(/\$(site|service)/g, '.*')
    .replaceAll('$__rate_interval', '1m')
    .replaceAll(/offset 1[hd]/g, 'offset 5s')
}

/** `label_values(series, label)` as a PromQL query. */
function labelValuesQuery(query: string): string {
  const [, series, label] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? []
  return expanded(`count by (${label}) (${series})`)
}

describeUnless(missingPrograms('prometheus'), 'the Grafana dashboards', () => {
  let gateways: SimulatedGateways
  let site: Prometheus
  let fleet: Prometheus

  beforeAll(async () => {
    gateways = await startGateways(3)
    site = await startPrometheusWith(fastSite(gateways.targets(), '9'))
    const config = changed(shipped('prometheus/fleet/prometheus.yml'), {
      'scrape_interval: 60s': 'scrape_interval: 1s',
      'scrape_timeout: 30s': 'scrape_timeout: 1s',
      'evaluation_interval: 60s': 'evaluation_interval: 1s',
    })
    fleet = await startPrometheusWith({
      'prometheus.yml': config,
      'records.yml': shipped('prometheus/fleet/records.yml').replaceAll('offset 1h', 'offset 5s'),
      'sites/simulated.json': JSON.stringify([{ targets: [new URL(site.url).host] }]),
    })
  }, 120_000)
  afterAll(async () => {
    await gateways[Symbol.asyncDispose]()
    await site[Symbol.asyncDispose]()
    await fleet[Symbol.asyncDispose]()
  })

  async function returnsData(prometheus: Prometheus, query: string): Promise<void> {
    const hasData = ({ length }: { length: number }) => length > 0
    await until(() => prometheus.query(query), { what: query, is: hasData, timeoutMs: 90_000, everyMs: 250 })
  }

  test.each(queriesOf(FLEET))('fleet: %s: %s', (_, expr) => returnsData(fleet, expanded(expr)))
  test.each(queriesOf(GATEWAY))('gateway: %s: %s', (_, expr) => returnsData(site, expanded(expr)))
  test.each(variablesOf(FLEET))('fleet: the variable %s', (_, query) => returnsData(fleet, labelValuesQuery(query)))
  test.each(variablesOf(GATEWAY))('gateway: the variable %s', (_, query) => returnsData(site, labelValuesQuery(query)))

  test('provisioning defines the data sources of the dashboards', () => {
    const sources = shipped('grafana/provisioning/datasources/gatewatch.yml')
    for (const { uid } of [FLEET, GATEWAY])
      expect(sources).toContain(`uid: ${uid === 'gatewatch-fleet' ? uid : 'gatewatch-site'}`)
    expect(shipped('grafana/provisioning/dashboards/gatewatch.yml')).toContain('/var/lib/grafana/dashboards/gatewatch')
  })
})
