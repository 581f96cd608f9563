// Runs mosquitto as a unit of a real systemd, watched by the built agent that publishes to it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type QuickSubscriber, subscribeQuickly } from '../mqtt/quick-subscriber.ts'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { freePort } from '../rig/mosquitto.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

export interface BrokerUnit extends AsyncDisposable {
  readonly systemd: Systemd
  readonly agent: Gatewatch
  readonly url: string
  /** Receives everything; its session is persistent, also over a crash of the broker. */
  readonly subscriber: QuickSubscriber
}

export const UNIT = 'mosquitto.service'

/** `restartSeconds`: RestartSec= of the broker. */
export async function startBrokerUnit(
  restartSeconds: number,
  env: Readonly<Record<string, string>> = {},
): Promise<BrokerUnit> {
  const systemd = await startSystemd()
  const port = await freePort()
  const url = `mqtt://127.0.0.1:${port}`
  const directory = systemd.shareDir
  const database = join(directory, 'mosquitto.db')
  const lines = [
    ...['user root', `listener ${port} 127.0.0.1`, 'allow_anonymous true', 'set_tcp_nodelay true'],
    ...['persistence true', `persistence_location ${directory}/`, 'autosave_on_changes true', 'autosave_interval 1'],
  ]
  writeFileSync(join(directory, 'mosquitto.conf'), `${lines.join('\n')}\n`)
  const restart = `Restart=on-failure\nRestartSec=${restartSeconds}\n`
  const service = `[Service]\nType=notify\nExecStart=/usr/sbin/mosquitto -c ${directory}/mosquitto.conf\n${restart}`
  systemd.writeUnit(UNIT, `[Unit]\nStartLimitIntervalSec=0\n${service}`)
  systemd.writeUnit('a.service', '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  await systemd.start(UNIT)
  await systemd.start('a.service')
  const subscriber = await subscribeQuickly(url, 'gatewatch/#', 'rig')
  await until(() => existsSync(database) && readFileSync(database).includes('rig'), {
    what: 'the session to be stored',
  })
  const agentDirectory = temporaryDirectory()
  const agent = await startGatewatch({
    busAddress: systemd.busAddress,
    services: [UNIT, 'a.service'],
    directory: agentDirectory,
    env,
    args: ['--mqtt', url, '--gateway-id', 'gw-7'],
  })
  await until(() => agent.metric('gatewatch_mqtt_connected'), { what: 'the connection' })
  return {
    systemd,
    agent,
    url,
    subscriber,
    async [Symbol.asyncDispose]() {
      await agent.end('SIGKILL')
      await subscriber[Symbol.asyncDispose]()
      await systemd.stop()
      removeDirectory(agentDirectory)
    },
  }
}

/** Kills the broker; resolves with the time of its restart according to systemd, the delay until its crash event arrived, and that event. */
export async function killBrokerUnit({ systemd, subscriber }: BrokerUnit) {
  const crashes = () => subscriber.received.filter(({ topic }) => topic === 'gatewatch/gw-7/event/crash')
  const before = crashes().length
  await systemd.kill(UNIT)
  await until(() => crashes().length > before, { what: 'its crash event', timeoutMs: 60_000, everyMs: 2 })
  const received = { wallMs: Date.now(), monoMs: Number(process.hrtime.bigint() / 1000n) / 1000 } // CLOCK_MONOTONIC, as used by systemd
  const { ActiveEnterTimestampMonotonic: backAtUs } = await systemd.show(UNIT, 'ActiveEnterTimestampMonotonic')
  const afterMs = received.monoMs - Number(backAtUs) / 1000
  return { backAtMs: received.wallMs - afterMs, afterMs, crash: JSON.parse(crashes().at(-1)?.payload ?? '{}') }
}
