// A gateway with its agent, the site's Prometheus as shipped, and its Alertmanager: where alerts are made to fire.
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { freePort } from '../rig/mosquitto.ts'
import { type Alertmanager, type Prometheus, startAlertmanager, startPrometheusWith } from '../rig/prometheus.ts'
import { startSystemd } from '../rig/systemd.ts'
import { type Scene, start, UNITS } from './causes.ts'
import { hurriedAlertmanager, hurriedSite } from './shipped.ts'

export interface AlertingSite extends AsyncDisposable {
  readonly scene: Scene
  readonly prometheus: Prometheus
  readonly alertmanager: Alertmanager
  /** Names of the alerts that fire, of this unit where one is named. */
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
  const scene: Scene = { systemd, directory, port, broker: null, agent: await start({ systemd, directory, port }) }
  ends.push(() => scene.broker?.[Symbol.asyncDispose]())
  ends.push(() => scene.agent.end('SIGKILL'))
  const alertmanager = await startAlertmanager(hurriedAlertmanager())
  ends.push(() => alertmanager[Symbol.asyncDispose]())
  const targets = JSON.stringify([{ targets: [`127.0.0.1:${port}`], labels: { gateway: 'gw-7' } }])
  const prometheus = await startPrometheusWith(hurriedSite(targets, new URL(alertmanager.url).port))
  ends.push(() => prometheus[Symbol.asyncDispose]())
  return {
    scene,
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
