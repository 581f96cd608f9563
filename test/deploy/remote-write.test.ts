// A Prometheus in agent mode, as shipped for a gateway that nobody reaches, writes to one that takes it.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addressOf } from '../fleet/addresses.ts'
import { freePort } from '../rig/mosquitto.ts'
import { type Prometheus, startPrometheusAgent, startPrometheusWith } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { changed, hurriedSite, shipped } from './shipped.ts'

describeUnless(missingPrograms('prometheus'), 'remote write', () => {
  let gateway: ChildProcess
  let site: Prometheus
  let agent: AsyncDisposable

  beforeAll(async () => {
    const port = await freePort()
    const program = join(import.meta.dirname, '../fleet/gateways.ts')
    gateway = spawn(process.execPath, ['--import', 'tsx', program, '1', String(port)], { stdio: 'ignore' })
    site = await startPrometheusWith(hurriedSite('[]', '9'), '--web.enable-remote-write-receiver')
    const config = changed(shipped('prometheus/agent/prometheus.yml'), {
      'scrape_interval: 60s': 'scrape_interval: 1s\n  scrape_timeout: 1s',
      '127.0.0.1:9100': `${addressOf(0)}:${port}`,
      'https://SITE': site.url,
      '    basic_auth: { username: GATEWAY_ID, password_file: /etc/prometheus/site.password }\n': '',
      GATEWAY_ID: 'gw-7',
    })
    agent = await startPrometheusAgent(config)
  }, 120_000)
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await site[Symbol.asyncDispose]()
    gateway.kill('SIGKILL')
  })

  test('its series arrive, the rules see them, and what nobody alerts on stays where it is', async () => {
    const rule = 'unit:gatewatch_crashes:known{gateway="gw-7"}'
    await until(() => site.query(rule), { what: rule, is: ({ length }) => length === 12, timeoutMs: 60_000 })
    expect(await site.query('count(systemd_service_state{gateway="gw-7", job="gatewatch"})')).toHaveLength(1)
    expect(await site.query('gatewatch_flash_commits_total')).toHaveLength(1)
    expect(await site.query('{__name__=~".+_historical|gatewatch_flash_commit_seconds.*"}')).toEqual([])
  })
})
