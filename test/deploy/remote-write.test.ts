// The shipped Prometheus in agent mode, for a gateway that cannot be scraped from outside, writes to the Prometheus of a site.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SimulatedGateways, startGateways } from '../fleet/simulated.ts'
import { type Prometheus, startPrometheusAgent, startPrometheusWith } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { changed, fastSite, shipped } from './shipped.ts'

describeUnless(missingPrograms('prometheus'), 'remote write', () => {
  let gateway: SimulatedGateways
  let site: Prometheus
  let agent: AsyncDisposable

  beforeAll(async () => {
    gateway = await startGateways(1)
    site = await startPrometheusWith(fastSite('[]', '9'), '--web.enable-remote-write-receiver')
    const config = changed(shipped('prometheus/agent/prometheus.yml'), {
      'scrape_interval: 60s': 'scrape_interval: 1s\n  scrape_timeout: 1s',
      '127.0.0.1:9100': gateway.addressOf(0),
      'https://SITE': site.url,
      '    basic_auth: { username: GATEWAY_ID, password_file: /etc/prometheus/site.password }\n': '',
      GATEWAY_ID: 'gw-7',
    })
    agent = await startPrometheusAgent(config)
  }, 120_000)
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await site[Symbol.asyncDispose]()
    await gateway[Symbol.asyncDispose]()
  })

  test('its series arrive and the rules evaluate them; dropped series do not arrive', async () => {
    const rule = 'unit:gatewatch_crashes:known{gateway="gw-7"}'
    await until(() => site.query(rule), { what: rule, is: ({ length }) => length === 12, timeoutMs: 60_000 })
    expect(await site.query('count(systemd_service_state{gateway="gw-7", job="gatewatch"})')).toHaveLength(1)
    expect(await site.query('gatewatch_flash_commits_total')).toHaveLength(1)
    expect(await site.query('{__name__=~".+_historical|gatewatch_flash_commit_seconds.*"}')).toEqual([])
  })
})
