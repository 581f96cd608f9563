// The cause of each alert, as an action on a real agent, systemd or broker.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { brokerConfig } from '../mqtt/broker-config.ts'
import { type Gatewatch, gatewatch, startGatewatch } from '../rig/gatewatch.ts'
import { type Mosquitto, startMosquitto } from '../rig/mosquitto.ts'
import type { Systemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'
import type { Forwarder } from './forwarder.ts'

/** The gateway on which the causes act. */
export interface AlertingGateway {
  readonly systemd: Systemd
  readonly directory: string
  readonly port: number
  /** For each start of the agent. */
  readonly env: Readonly<Record<string, string>>
  /** To which the gateway pushes; null if it is scraped. */
  readonly receiver: Forwarder | null
  agent: Gatewatch
  broker: Mosquitto | null
}

/** The units of the gateway; `steady` and `stubborn` are running. */
export const UNITS: Readonly<Record<string, string>> = {
  'steady.service': '[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\nRestartSec=100ms\n',
  'loops.service':
    '[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=100ms\n[Unit]\nStartLimitIntervalSec=0\n',
  'exits.service': '[Service]\nExecStart=/bin/sh -c "exit 3"\n',
  'stubborn.service': '[Service]\nExecStart=/bin/sh -c "trap \'exit 9\' TERM; sleep infinity & wait"\n',
  'never.service': '[Service]\nExecStart=/bin/true\n',
  'needed.service': '[Service]\nType=oneshot\nExecStart=/bin/false\n',
  'needs.service': '[Unit]\nRequires=needed.service\nAfter=needed.service\n[Service]\nExecStart=/bin/sleep infinity\n',
  'hangs.service': '[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n',
  'earlier.service': '[Service]\nExecStart=/bin/sleep infinity\n',
  'storm@.service': '[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n[Unit]\nStartLimitIntervalSec=0\n',
}

const CRASH_STORMS = [1, 2, 3, 4, 5, 6].map((n) => `storm@${n}.service`)
const SERVICES = [
  ...['steady', 'loops', 'exits', 'stubborn', 'never', 'needs', 'hangs', 'earlier', 'absent'].map(
    (n) => `${n}.service`,
  ),
  ...CRASH_STORMS,
]
/** Enters a mount namespace in which the kernel reports another boot. */
const IN_ANOTHER_BOOT = [
  ...['unshare', '--mount', 'sh', '-c'],
  'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"',
]

export async function startAgent(
  gateway: Omit<AlertingGateway, 'agent' | 'broker' | 'receiver'>,
  args: readonly string[] = [],
  commandPrefix: readonly string[] = [],
): Promise<Gatewatch> {
  const { systemd, directory, port, env } = gateway
  return startGatewatch(
    {
      busAddress: systemd.busAddress,
      directory,
      services: SERVICES,
      commandPrefix,
      env: { GATEWATCH_FLUSH_INTERVAL: '1', ...env },
      args: ['--gateway-id', 'gw-7', '--prometheus-port', String(port), ...args],
    },
    false,
  )
}

/** `steady.service` crashes, for the second time, while no agent runs; resolves when it runs again. */
export async function crashUnobserved(
  { systemd }: Pick<AlertingGateway, 'systemd'>,
  within: { readonly timeoutMs: number; readonly everyMs: number },
): Promise<void> {
  await systemd.kill('steady.service', 'SIGKILL')
  await until(() => systemd.show('steady.service', 'NRestarts', 'ActiveState'), {
    what: 'the restart',
    is: (now) => now['NRestarts'] === '2' && now['ActiveState'] === 'active',
    ...within,
  })
}

/** Restarts the agent with the same port and state file, and with other arguments. */
async function restartAgent(gateway: AlertingGateway, ...args: string[]): Promise<void> {
  await gateway.agent.end()
  gateway.agent = await startAgent(gateway, args)
}

/**
 * In an order in which no alert suppresses a later one, and no cause prevents a later one. Only promtool tests
 * GatewatchFlashWorn, which requires an eMMC.
 */
export const CAUSES: Readonly<Record<string, (gateway: AlertingGateway) => Promise<void>>> = {
  GatewatchUnitCrashed: ({ systemd }) => systemd.kill('steady.service', 'SIGKILL'),
  GatewatchUnitGaveUp: ({ systemd }) => systemd.start('exits.service'),
  GatewatchUnitNeverStarted: async () => {},
  GatewatchUnitNotLoaded: async () => {},
  GatewatchUnitStuck: async ({ systemd }) => void (await systemd.systemctl('start', '--no-block', 'hangs.service')),
  async GatewatchUnitNotStarted(gateway) {
    await gateway.systemd.start('earlier.service')
    await until(() => gateway.agent.metric('systemd_service_starts_total{service="earlier.service"}'), {
      what: 'the start',
      is: (starts) => starts === 1,
    })
    await gateway.systemd.stop('earlier.service') // systemd unloads it: nothing remains of this run, as after a boot
    await gateway.agent.end()
    const bootId = join(gateway.directory, 'boot-id')
    writeFileSync(bootId, `${randomUUID()}\n`)
    gateway.agent = await startAgent(gateway, [], [...IN_ANOTHER_BOOT, bootId])
  },
  GatewatchUnitStartRefused: async ({ systemd }) => void (await systemd.systemctl('start', 'needs.service')),
  GatewatchUnitCrashLooping: async ({ systemd }) =>
    void (await systemd.systemctl('start', '--no-block', 'loops.service')),
  // loops.service causes events.
  async GatewatchUnhealthy(gateway) {
    const file = join(gateway.directory, 'no-events-file.json')
    writeFileSync(file, JSON.stringify({ events_file: join(gateway.directory, 'none', 'events.jsonl') }))
    await restartAgent(gateway, '--config', file)
  },
  async GatewatchSamplesDropped(gateway) {
    if (gateway.receiver !== null) {
      gateway.receiver.refuse = true
      await setTimeout(5_000)
      gateway.receiver.refuse = false
      return
    }
    const receiver = createServer((_request, response) => response.writeHead(400).end('out of bounds'))
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    receiver.unref()
    const { port } = receiver.address() as AddressInfo
    const file = join(gateway.directory, 'remote-write.json')
    writeFileSync(file, JSON.stringify({ remote_write: { url: `http://127.0.0.1:${port}/`, interval: 1 } }))
    await restartAgent(gateway, '--config', file)
  },
  async GatewatchUnitsFull(gateway) {
    const file = join(gateway.directory, 'full.json')
    writeFileSync(file, JSON.stringify({ max_units: SERVICES.length }))
    await restartAgent(gateway, '--config', file)
  },
  async GatewatchConfigRefused(gateway) {
    const file = join(gateway.directory, 'config.json')
    writeFileSync(file, '{}')
    await restartAgent(gateway, '--config', file)
    writeFileSync(file, '{"monitored_servces": []}')
    process.kill(gateway.agent.pid, 'SIGHUP')
  },
  /** An ACL that grants nothing. */
  async GatewatchMessagesRefused(gateway) {
    gateway.broker ??= await startMosquitto({ config: brokerConfig('no-rights') })
    await restartAgent(gateway, '--mqtt', gateway.broker.url)
  },
  async GatewatchBrokerDown(gateway) {
    gateway.broker ??= await startMosquitto()
    await restartAgent(gateway, '--mqtt', gateway.broker.url)
    await until(() => gateway.agent.metric('gatewatch_mqtt_connected'), { what: 'the broker', is: (v) => v === 1 })
    await gateway.broker.kill()
  },
  async GatewatchEventsDropped({ systemd }) {
    await systemd.systemctl('start', '--no-block', ...CRASH_STORMS)
  },
  /** A process that gets CPU time only now and then. */
  async GatewatchAgentLate({ agent }) {
    const lag = async () => {
      process.kill(agent.pid, 'SIGSTOP')
      await setTimeout(4_000)
      process.kill(agent.pid, 'SIGCONT')
      return agent.metric('gatewatch_event_loop_lag_seconds')
    }
    await until(lag, { what: 'a late timer', is: (seconds) => Number(seconds) > 1, timeoutMs: 120_000, everyMs: 1_000 })
  },
  async GatewatchAgentRestarting(gateway) {
    for (let i = 0; i < 5; i += 1) {
      await restartAgent(gateway)
      // Its series must arrive between two starts.
      await setTimeout(2_500)
    }
  },
  /** The start of the agent and two commits cost more than this. */
  async GatewatchFlashBudget(gateway) {
    const file = join(gateway.directory, 'small-budget.json')
    writeFileSync(file, JSON.stringify({ flash_bytes_per_day: 100_000 }))
    await restartAgent(gateway, '--config', file)
    for (let i = 0; i < 2; i += 1) gatewatch('clear', '--socket', gateway.agent.socket)
  },
  GatewatchStateVolatile: (gateway) => restartAgent(gateway, '-p', join(mkdtempSync('/dev/shm/gw-'), 'state.ring')),
  async GatewatchFlashFailing(gateway) {
    writeFileSync(join(gateway.directory, 'file'), '')
    await restartAgent(gateway, '-p', join(gateway.directory, 'file', 'state.ring'))
  },
  GatewatchBusDown: (gateway) => restartAgent(gateway, '--bus', `unix:path=${gateway.directory}/no-bus`),
  async GatewatchGatewaySilent({ agent }) {
    await agent.end('SIGKILL')
  },
}
