// Benchmark of the latency from the SIGKILL of a unit's process to the crash message at a subscriber, with real systemd and mosquitto.
import { existsSync, readFileSync } from 'node:fs'
import { connectBus } from '../../src/dbus/connection.ts'
import { systemClock as clock } from '../../src/host/clock.ts'
import { subscribeQuickly } from '../mqtt/quick-subscriber.ts'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { startMosquitto } from '../rig/mosquitto.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

/** For each kill, ms in total; until another client of the bus had systemd's signal; and from then until the subscriber had the message. */
export interface Latencies {
  readonly total: readonly number[]
  readonly toBus: readonly number[]
  readonly fromBus: readonly number[]
}

const UNITS = Array.from({ length: 12 }, (_, i) => ({ name: `u${i}.service`, argument: String(9_000_000 + i) }))

export async function measureLatency(kills: number): Promise<Latencies> {
  await using systemd = await startSystemd()
  await using broker = await startMosquitto({ config: 'set_tcp_nodelay true' })
  for (const { name, argument } of UNITS) {
    const restart = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=10ms\n'
    systemd.writeUnit(name, `${restart}ExecStart=/bin/sleep ${argument}\n`)
  }
  await systemd.daemonReload()
  for (const { name } of UNITS) await systemd.start(name)
  await using subscriber = await subscribeQuickly(broker.url, 'gatewatch/+/event/crash')
  const directory = temporaryDirectory()
  const services = UNITS.map(({ name }) => name)
  const agent = await startGatewatch({
    ...{ busAddress: systemd.busAddress, services, directory },
    args: ['--mqtt', broker.url],
  })
  const bus = await connectBus(systemd.busAddress, { after: clock.after })
  await bus.addMatch("type='signal',member='PropertiesChanged',path_namespace='/org/freedesktop/systemd1/unit'")
  let seenAtMs: number | null = null
  let path = ''
  // only the header is examined: decoding would take CPU from the agent
  const look = (head: { readonly path: string }) => {
    if (head.path === path) seenAtMs ??= performance.now()
    return false
  }
  bus.onSignal(() => {}, look)
  const total: number[] = []
  const toBus: number[] = []
  try {
    await until(() => agent.metric('gatewatch_mqtt_connected'), { what: 'the connection' })
    for (let kill = 0; kill < kills; kill++) {
      const unit = UNITS[kill % UNITS.length] ?? { name: '', argument: '' }
      const pid = await until(() => childOf(systemd.pid, unit.argument), { what: `${unit.name} to run`, everyMs: 5 })
      const received = new Promise<void>((resolve) => subscriber.once(resolve))
      path = `/org/freedesktop/systemd1/unit/${unit.name.replace('.', '_2e')}`
      seenAtMs = null
      const killedAtMs = performance.now()
      process.kill(pid, 'SIGKILL')
      await received
      const receivedAtMs = performance.now()
      total.push(receivedAtMs - killedAtMs)
      toBus.push((seenAtMs ?? receivedAtMs) - killedAtMs)
      const { service } = JSON.parse(subscriber.received.at(-1)?.payload ?? '{}')
      if (service !== unit.name) throw new Error(`killed ${unit.name}, but received the crash of ${service}`)
    }
  } finally {
    bus.close()
    await agent.end()
    removeDirectory(directory)
  }
  return { total, toBus, fromBus: total.map((ms, i) => ms - (toBus[i] ?? Number.NaN)) }
}

/** The host's pid of the child of the rig's systemd that was started with this argument. */
function childOf(systemdPid: number, argument: string): number {
  const children = readFileSync(`/proc/${systemdPid}/task/${systemdPid}/children`, 'utf8').trim().split(' ')
  const pid = children.map(Number).find((child) => {
    const file = `/proc/${child}/cmdline`
    return existsSync(file) && readFileSync(file, 'utf8').split('\0')[1] === argument
  })
  return pid ?? 0
}
