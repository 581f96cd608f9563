// A gateway with its agent, the shipped Prometheus of a site, and its Alertmanager, to test alerts with real causes.
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { freePort } from '../rig/mosquitto.ts'
import { type Alertmanager, type Queryable, startAlertmanager, startPrometheusWith } from '../rig/prometheus.ts'
import { startSystemd } from '../rig/systemd.ts'
import { startVictoriaMetrics, startVmalert } from '../rig/victoria-metrics.ts'
import { type AlertingGateway, startAgent, UNITS } from './causes.ts'
import { startForwarder } from './forwarder.ts'
import { MATCH_FOR_ALL_ALERTS } from './pushed-families.ts'
import { fastAlertmanager, fastRuleFiles, fastSite, VICTORIA_OFFSET } from './shipped.ts'

/** Prometheus scrapes the gateway, or the gateway pushes to Prometheus, or to VictoriaMetrics, where vmalert evaluates the rules. */
export type AlertingPath = 'scraped' | 'pushed' | 'victoria-metrics'

export interface AlertingSite extends AsyncDisposable {
  readonly gateway: AlertingGateway
  readonly prometheus: Queryable
  readonly alertmanager: Alertmanager
  /** True once crash alerts have an earlier count to compare with. */
  canCompare(service?: string): Promise<boolean>
  /** Names of the firing alerts, of all units or of one. */
  firing(service?: string): Promise<readonly string[]>
}

export async function startAlertingSite(path: AlertingPath = 'scraped'): Promise<AlertingSite> {
  const ends: (() => unknown)[] = []
  const dispose = async () => {
    for (const end of ends.reverse()) await end()
  }
  try {
    return await build(path, ends, dispose)
  } catch (error) {
    await dispose()
    throw error
  }
}

async function build(path: AlertingPath, ends: (() => unknown)[], dispose: () => Promise<void>): Promise<AlertingSite> {
  const directory = temporaryDirectory()
  ends.push(() => removeDirectory(directory))
  const systemd = await startSystemd()
  ends.push(() => systemd.stop())
  for (const [name, text] of Object.entries(UNITS)) systemd.writeUnit(name, text)
  await systemd.daemonReload()
  for (const unit of ['steady.service', 'stubborn.service']) await systemd.start(unit)
  const port = await freePort()
  const receiver = path === 'scraped' ? null : await startForwarder()
  ends.push(() => receiver?.close())
  const gateway: AlertingGateway = {
    systemd,
    directory,
    port,
    env: receiver === null ? {} : pushTo(receiver.url),
    broker: null,
    receiver,
    agent: null as never,
  }
  gateway.agent = await startAgent(gateway)
  ends.push(() => gateway.broker?.[Symbol.asyncDispose]())
  ends.push(() => gateway.agent.end('SIGKILL'))
  const alertmanager = await startAlertmanager(fastAlertmanager())
  ends.push(() => alertmanager[Symbol.asyncDispose]())
  const prometheus = await startEngine(path, port, alertmanager, ends)
  receiver?.forwardTo(`${prometheus.url}/api/v1/write`)
  return {
    gateway,
    prometheus,
    alertmanager,
    async canCompare(service = '.*') {
      const offset = path === 'victoria-metrics' ? VICTORIA_OFFSET : '8s'
      const past = `last_over_time(unit:gatewatch_crashes:known{service=~"${service}"}[1h] offset ${offset})`
      return (await prometheus.query(past)).length > 0
    },
    async firing(service) {
      const of = service === undefined ? '' : `, service="${service}"`
      const samples = await prometheus.query(`ALERTS{alertstate="firing"${of}}`)
      return samples.map(({ metric }) => metric['alertname'] ?? '')
    },
    [Symbol.asyncDispose]: dispose,
  }
}

async function startEngine(
  path: AlertingPath,
  port: number,
  alertmanager: Alertmanager,
  ends: (() => unknown)[],
): Promise<Queryable> {
  const started = <T extends AsyncDisposable>(server: T): T => {
    ends.push(() => server[Symbol.asyncDispose]())
    return server
  }
  if (path === 'victoria-metrics') {
    const victoria = started(await startVictoriaMetrics(`-search.maxStalenessInterval=${SILENT_AFTER}`))
    const args = ['-evaluationInterval=1s', `-notifier.url=${alertmanager.url}`]
    started(await startVmalert(fastRuleFiles(VICTORIA_OFFSET), victoria, ...args, '-remoteWrite.flushInterval=200ms'))
    return victoria
  }
  const targets = [{ targets: [`127.0.0.1:${port}`], labels: { gateway: 'gw-7' } }]
  const site = fastSite(JSON.stringify(path === 'scraped' ? targets : []), new URL(alertmanager.url).port)
  const args =
    path === 'scraped' ? [] : ['--web.enable-remote-write-receiver', `--query.lookback-delta=${SILENT_AFTER}`]
  return started(await startPrometheusWith(site, ...args))
}

/** How long the last sample of a series counts. */
const SILENT_AFTER = '10s'

function pushTo(url: string): Record<string, string> {
  return {
    GATEWATCH_REMOTE_WRITE_URL: url,
    GATEWATCH_REMOTE_WRITE_INTERVAL: '1',
    GATEWATCH_REMOTE_WRITE_MATCH: MATCH_FOR_ALL_ALERTS.join(','),
  }
}
