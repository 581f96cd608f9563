// What makes each alert fire: the deed, done to a real agent, a real systemd, a real broker.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Gatewatch, gatewatch, startGatewatch } from '../rig/gatewatch.ts'
import { type Mosquitto, startMosquitto } from '../rig/mosquitto.ts'
import type { Systemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

/** What a deed may be done to. */
export interface Scene {
  readonly systemd: Systemd
  readonly directory: string
  readonly port: number
  agent: Gatewatch
  broker: Mosquitto | null
}

/** The units of the scene; `steady` and `stubborn` run. */
export const UNITS: Readonly<Record<string, string>> = {
  'steady.service': '[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\nRestartSec=100ms\n',
  'loops.service':
    '[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=100ms\n[Unit]\nStartLimitIntervalSec=0\n',
  'exits.service': '[Service]\nExecStart=/bin/sh -c "exit 3"\n',
  'stubborn.service': '[Service]\nExecStart=/bin/sh -c "trap \'exit 9\' TERM; sleep infinity & wait"\n',
  'never.service': '[Service]\nExecStart=/bin/true\n',
  'flood@.service': '[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n[Unit]\nStartLimitIntervalSec=0\n',
}

const FLOODS = [1, 2, 3, 4, 5, 6].map((n) => `flood@${n}.service`)

export async function start(scene: Omit<Scene, 'agent' | 'broker'>, ...args: string[]): Promise<Gatewatch> {
  const { systemd, directory, port } = scene
  return startGatewatch(
    {
      busAddress: systemd.busAddress,
      directory,
      services: ['steady', 'loops', 'exits', 'stubborn', 'never', 'absent', ...FLOODS],
      env: { GATEWATCH_FLUSH_INTERVAL: '1' },
      args: ['--gateway-id', 'gw-7', '--prometheus-port', String(port), ...args],
    },
    false,
  )
}

/** Starts the agent anew, on its port and its state file, with other arguments. */
async function again(scene: Scene, ...args: string[]): Promise<void> {
  await scene.agent.end()
  scene.agent = await start(scene, ...args)
}

/**
 * In an order in which one does not hide another; each leaves what the next can live with. Without GatewatchFlashWorn, which
 * needs an eMMC, and GatewatchAgentLate, which needs a gateway so slow that one turn of the event loop takes a second: those
 * two are held by promtool alone.
 */
export const CAUSES: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  GatewatchUnitCrashed: ({ systemd }) => systemd.kill('steady.service', 'SIGKILL'),
  GatewatchUnitGaveUp: ({ systemd }) => systemd.start('exits.service'),
  GatewatchUnitNeverStarted: async () => {},
  GatewatchUnitCrashLooping: async ({ systemd }) =>
    void (await systemd.systemctl('start', '--no-block', 'loops.service')),
  GatewatchFlashBudget: async ({ agent }) => {
    for (let i = 0; i < 100; i += 1) gatewatch('clear', '--socket', agent.socket)
  },
  async GatewatchConfigRefused(scene) {
    const file = join(scene.directory, 'config.json')
    writeFileSync(file, '{}')
    await again(scene, '--config', file)
    writeFileSync(file, '{"monitored_servces": []}')
    process.kill(scene.agent.pid, 'SIGHUP')
  },
  async GatewatchBrokerDown(scene) {
    scene.broker ??= await startMosquitto()
    await again(scene, '--mqtt', scene.broker.url)
    await until(() => scene.agent.metric('gatewatch_mqtt_connected'), { what: 'the broker', is: (v) => v === 1 })
    await scene.broker.kill()
  },
  async GatewatchEventsDropped({ systemd }) {
    await systemd.systemctl('start', '--no-block', ...FLOODS)
  },
  async GatewatchAgentRestarting(scene) {
    for (let i = 0; i < 5; i += 1) {
      await again(scene)
      // Each start must be scraped to be one.
      await new Promise((resolve) => setTimeout(resolve, 2_500))
    }
  },
  GatewatchStateVolatile: (scene) => again(scene, '-p', join(mkdtempSync('/dev/shm/gw-'), 'state.ring')),
  async GatewatchFlashFailing(scene) {
    writeFileSync(join(scene.directory, 'file'), '')
    await again(scene, '-p', join(scene.directory, 'file', 'state.ring'))
  },
  GatewatchBusDown: (scene) => again(scene, '--bus', `unix:path=${scene.directory}/no-bus`),
  async GatewatchGatewaySilent({ agent }) {
    await agent.end('SIGKILL')
  },
}
