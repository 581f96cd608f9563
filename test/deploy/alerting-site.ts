// A gateway with its agent, the shipped Prometheus of a site, and its Alertmanager, to test alerts with real causes.
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { freePort } from '../rig/mosquitto.ts'
import { type Alertmanager, type Prometheus, startAlertmanager, startPrometheusWith } from '../rig/prometheus.ts'
import { startSystemd } from '../rig/systemd.ts'
import { type AlertingGateway, startAgent, UNITS } from './causes.ts'
import { fastAlertmanager, fastSite } from './shipped.ts'

export interface AlertingSite extends AsyncDisposable {
  readonly gateway: AlertingGateway
  readonly prometheus: Prometheus
  readonly alertmanager: Alertmanager
  /** Names of the firing alerts, of all units or of one. */
  firing(service?: string): Promise<readonly string[]>
}

export async function startAlertingSite(): Promise<AlertingSite> {
  const ends: (() => unknown)[] = []
  const dispose = async () => {
    for (const end of ends.reverse()) await end()
  }
  try {
    return await build(ends, dispose)
  } catch (error) {
    await dispose()
    throw error
  }
}

async function build(ends: (() => unknown)[], dispose: () => Promise<void>): Promise<AlertingSite> {
  const directory = temporaryDirectory()
  ends.push(() => removeDirectory(directory))
  const systemd = await startSystemd()
  ends.push(() => systemd.stop())
  for (const [name, text] of Object.entries(UNITS)) systemd.writeUnit(name, text)
  await systemd.daemonReload()
  for (const unit of ['steady.service', 'stubborn.service']) await systemd.start(unit)
  const port = await freePort()
  const gateway: AlertingGateway = {
    systemd,
    directory,
    port,
    broker: null,
    agent: await startAgent({ systemd, directory, port }),
  }
  ends.push(() => gateway.broker?.[Symbol.asyncDispose]())
  ends.push(() => gateway.agent.end('SIGKILL'))
  const alertmanager = await startAlertmanager(fastAlertmanager())
  ends.push(() => alertmanager[Symbol.asyncDispose]())
  const targets = JSON.stringify([{ targets: [`127.0.0.1:${port}`], labels: { gateway: 'gw-7' } }])
  const prometheus = await startPrometheusWith(fastSite(targets, new URL(alertmanager.url).port))
  ends.push(() => prometheus[Symbol.asyncDispose]())
  return {
    gateway,
    prometheus,
    alertmanager,
    async firing(service) {
      const of = service === undefined ? '' : `, service="${service}"`
      const samples = await prometheus.query(`ALERTS{alertstate="firing"${of}}`)
      return samples.map(({ metric }) => metric['alertname'] ?? '')
    },
    [Symbol.asyncDispose]: dispose,
  }
}
