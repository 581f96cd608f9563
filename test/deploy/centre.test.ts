// gatewatch-centre between a real broker and a real Prometheus with the shipped rules: gateways that cannot be scraped.
// Beside it, Debian's prometheus-mqtt-exporter on the same topics: what it cannot do is why there is gatewatch-centre.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../mqtt/gateway.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { freePort, MOSQUITTO, type Mosquitto, startMosquitto } from '../rig/mosquitto.ts'
import { type Prometheus, startPrometheusWith } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { changed, fastSite, shipped } from './shipped.ts'

const ROOT = join(import.meta.dirname, '../..')
const WITHIN = { timeoutMs: 60_000, everyMs: 100 }

/** The most that its configuration can express: the state of a unit on each topic, and its labels within one. */
const exporterConfig = (brokerUrl: string) => {
  const metric = { help: 'From a unit state.', omit_timestamp: true }
  const states = { active: 1, inactive: 0, activating: 2, deactivating: 3, failed: -1, unloaded: -2, unknown: -99 }
  return JSON.stringify({
    mqtt: {
      server: brokerUrl.replace('mqtt:', 'tcp:'),
      topic_path: 'gatewatch/+/unit/+/state',
      device_id_regex: '^gatewatch/(?P<deviceid>.+)/state$',
      qos: 1,
    },
    cache: { timeout: -1 }, // a unit that does not change for days publishes nothing
    metrics: [
      {
        ...metric,
        ...{ prom_name: 'systemd_service_state', mqtt_name: 'active_state', type: 'gauge' },
        string_value_mapping: { map: states },
      },
      { ...metric, prom_name: 'gatewatch_unit_running', mqtt_name: 'running', type: 'gauge' },
      {
        ...metric,
        ...{ prom_name: 'gatewatch_unit_failures_total', mqtt_name: 'failures.signal.unrequested', type: 'counter' },
        const_labels: { result: 'signal', requested: 'false' },
      },
    ],
  })
}

describeUnless(missingPrograms('prometheus', 'prometheus-mqtt-exporter', ...MOSQUITTO), 'gatewatch-centre', () => {
  const directory = temporaryDirectory()
  let broker: Mosquitto
  let gateway: Gateway
  let centre: ChildProcess
  let exporter: ChildProcess
  let exporterPort = 0
  let prometheus: Prometheus
  let port = 0

  beforeAll(async () => {
    const script = join(directory, 'centre.cjs')
    const build = ['build/bundle.mjs', '--quiet', '--entry', 'deploy/centre/centre.ts', '--out', script]
    expect(spawnSync(process.execPath, build, { cwd: ROOT, encoding: 'utf8' }).stderr).toBe('')
    broker = await startMosquitto()
    gateway = await startGateway({ config: { url: broker.url }, units: ['a.service', 'b.service'] })
    gateway.start('a.service')
    gateway.start('b.service')
    port = await freePort()
    centre = spawn(process.execPath, [script, '--mqtt', broker.url, '--listen', `127.0.0.1:${port}`])
    const exporterFile = join(directory, 'exporter.yml')
    writeFileSync(exporterFile, exporterConfig(broker.url))
    exporterPort = await freePort()
    const address = ['-listen-address', '127.0.0.1', '-listen-port', String(exporterPort)]
    exporter = spawn('prometheus-mqtt-exporter', ['-config', exporterFile, ...address], { stdio: 'ignore' })
    const site = fastSite('[]', '9')
    const config = changed(shipped('centre/prometheus.yml'), {
      'scrape_interval: 30s': 'scrape_interval: 1s\n  scrape_timeout: 1s',
      'evaluation_interval: 30s': 'evaluation_interval: 1s',
      '127.0.0.1:9130': `127.0.0.1:${port}`,
    })
    prometheus = await startPrometheusWith({ ...site, 'prometheus.yml': config })
  }, 120_000)
  afterAll(async () => {
    centre.kill('SIGKILL')
    exporter.kill('SIGKILL')
    await gateway[Symbol.asyncDispose]()
    await broker[Symbol.asyncDispose]()
    await prometheus[Symbol.asyncDispose]()
    removeDirectory(directory)
  })

  const is = (query: string, value: string) =>
    until(() => prometheus.query(query), { what: query, is: (found) => found[0]?.value[1] === value, ...WITHIN })
  const fires = (alertname: string, service = '') =>
    is(`count(ALERTS{alertstate="firing", alertname="${alertname}", gateway="gw-7", service=~"${service}.*"})`, '1')

  /** The values of a unit's series as the exporter has them: `name value`. */
  const exported = async (unit: string) => {
    const text = await (await fetch(`http://127.0.0.1:${exporterPort}/metrics`)).text()
    const lines = text.split('\n').filter((line) => line.includes(`sensor="gw-7/unit/${unit}"`))
    return lines.map((line) => line.replace(/\{.*\}/, ''))
  }
  const exports = (unit: string, ...lines: string[]) =>
    until(() => exported(unit), {
      what: `the exporter's series of ${unit}`,
      is: (found) => lines.length === found.length && lines.every((line) => found.includes(line)),
      ...WITHIN,
    })

  test('a gateway has the series of its own /metrics, and its crash alerts', async () => {
    await is('systemd_service_starts_total{gateway="gw-7", service="a.service"}', '1')
    await is('gatewatch_unit_running{gateway="gw-7", service="b.service"}', '1')
    await is('gatewatch_gateway_up{gateway="gw-7"}', '1')
    await is('gatewatch_unit_loaded{gateway="gw-7", service="a.service"}', '1')
    await is('gatewatch_unit_start_jobs_failed_total{gateway="gw-7", service="a.service", result="dependency"}', '0')
    expect(await prometheus.query('gatewatch_unit_frozen')).toEqual([])
    await is('gatewatch_unit_failures_total{gateway="gw-7", service="b.service", result="signal"}', '0')
    // Without a series at 0, no increase is seen when the unit crashes for the first time.
    await exports('b.service', 'systemd_service_state 1', 'gatewatch_unit_running 1')
    const earlier = 'count(last_over_time(unit:gatewatch_crashes:known{gateway="gw-7"}[1h] offset 8s))'
    await is(earlier, '2')
    gateway.crash('b.service')
    await is('systemd_service_crashes_total{gateway="gw-7", service="b.service"}', '1')
    await fires('GatewatchUnitCrashed', 'b')
  })

  test('while the gateway has no contact to systemd, its units have no state, but their counts', async () => {
    gateway.observe({ kind: 'contact-lost', at: { monoMs: performance.now(), wallMs: Date.now() } })
    await is('count(systemd_service_state{gateway="gw-7"} == -99)', '2')
    for (const family of ['running', 'flapping', 'gave_up', 'loaded'])
      expect(await prometheus.query(`gatewatch_unit_${family}`)).toEqual([])
    await is('systemd_service_crashes_total{gateway="gw-7", service="b.service"}', '1')
    // A value that is null leaves the last one as it is.
    await exports('a.service', 'systemd_service_state -99', 'gatewatch_unit_running 1')
  })

  test('a unit that is no longer watched disappears', async () => {
    broker.publish('gatewatch/gw-7/unit/a.service/state', '', '--retain')
    await is('count(systemd_service_state{gateway="gw-7"})', '1')
    expect(await exported('a.service')).toContain('gatewatch_unit_running 1')
  })

  test('invalid messages are refused and counted', async () => {
    for (const payload of ['{', '7', '{"counters":{"starts":"x"}}'])
      broker.publish('gatewatch/gw-7/unit/x/state', payload)
    await is('gatewatch_centre_refused_messages_total', '3')
    expect(await prometheus.query('systemd_service_state{service="x"}')).toEqual([])
  })

  test('a gateway whose bridge is disconnected is down; without its broker the centre responds with 503', async () => {
    broker.publish('gatewatch/gw-7/bridge', '0')
    await is('gatewatch_gateway_up{gateway="gw-7"}', '0')
    await fires('GatewatchGatewaySilent')
    await broker.kill()
    await is('up', '0')
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(503)
    expect(await exported('a.service')).toContain('gatewatch_unit_running 1')
  })
})
