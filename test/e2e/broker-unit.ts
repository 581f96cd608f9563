// A real mosquitto as a unit of a real systemd, watched by the built agent that publishes to it.
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
  /** Hears everything; what comes while it is away is kept for it, also over the broker's death. */
  readonly subscriber: QuickSubscriber
}

export const UNIT = 'mosquitto.service'

/** `restartSeconds`: how long systemd leaves it dead. */
export async function startBrokerUnit(
  restartSeconds: number,
  env: Readonly<Record<string, string>> = {},
): Promise<BrokerUnit> {
  const systemd = await startSystemd()
  const port = await freePort()
  const url = `mqtt://127.0.0.1:${port}`
  const place = systemd.shareDir
  const kept = join(place, 'mosquitto.db')
  const lines = [
    ...['user root', `listener ${port} 127.0.0.1`, 'allow_anonymous true', 'set_tcp_nodelay true'],
    ...['persistence true', `persistence_location ${place}/`, 'autosave_on_changes true', 'autosave_interval 1'],
  ]
  writeFileSync(join(place, 'mosquitto.conf'), `${lines.join('\n')}\n`)
  const restart = `Restart=on-failure\nRestartSec=${restartSeconds}\n`
  const service = `[Service]\nType=notify\nExecStart=/usr/sbin/mosquitto -c ${place}/mosquitto.conf\n${restart}`
  systemd.writeUnit(UNIT, `[Unit]\nStartLimitIntervalSec=0\n${service}`)
  systemd.writeUnit('a.service', '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  await systemd.start(UNIT)
  await systemd.start('a.service')
  const subscriber = await subscribeQuickly(url, 'gatewatch/#', 'rig')
  await until(() => existsSync(kept) && readFileSync(kept).includes('rig'), { what: 'the session to be kept' })
  const directory = temporaryDirectory()
  const agent = await startGatewatch({
    ...{ busAddress: systemd.busAddress, services: [UNIT, 'a.service'], directory, env },
    args: ['--mqtt', url, '--gateway-id', 'gw-7'],
  })
  await until(() => agent.metric('gatewatch_mqtt_connected'), { what: 'the connection' })
  return {
    ...{ systemd, agent, url, subscriber },
    async [Symbol.asyncDispose]() {
      await agent.end('SIGKILL')
      await subscriber[Symbol.asyncDispose]()
      await systemd.stop()
      removeDirectory(directory)
    },
  }
}

/** Kills it; resolves with when it was back (as systemd saw it), how long after that the subscriber had its crash, and that. */
export async function killBrokerUnit({ systemd, subscriber }: BrokerUnit) {
  const told = () => subscriber.received.filter(({ topic }) => topic === 'gatewatch/gw-7/event/crash')
  const before = told().length
  await systemd.kill(UNIT)
  await until(() => told().length > before, { what: 'its crash', timeoutMs: 60_000, everyMs: 2 })
  const heard = { wallMs: Date.now(), monoMs: Number(process.hrtime.bigint() / 1000n) / 1000 } // the clock of systemd
  const { ActiveEnterTimestampMonotonic: backAtUs } = await systemd.show(UNIT, 'ActiveEnterTimestampMonotonic')
  const afterMs = heard.monoMs - Number(backAtUs) / 1000
  return { backAtMs: heard.wallMs - afterMs, afterMs, crash: JSON.parse(told().at(-1)?.payload ?? '{}') }
}
