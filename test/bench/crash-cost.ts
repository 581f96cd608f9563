// `npm run bench:crash [-- --against BUNDLE] [CRASHES]`: what a crash and restart costs the agent, at the pace of a real unit
// (4 a second, with pauses, so that its caches are as cold as on a gateway). Two builds watch the same units at the same time,
// so their ratio does not depend on what else the machine does.
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Mosquitto, startMosquitto } from '../rig/mosquitto.ts'
import { cpuMs, rssAnonMb, wakeUps } from '../rig/process-usage.ts'
import { startSystemd } from '../rig/systemd.ts'
import { type Build, builds, operands } from './builds.ts'
import { crashesCounted, killAtPace } from './kill-repeatedly.ts'

const CRASHES = Number(operands[0] ?? 200)
const IDLE_MS = 30_000
/** Covers every periodic timer of the agent but the reconciliation. */
const WAKE_UPS_MS = 120_000
const WATCHED = Array.from({ length: 12 }, (_, i) => `u${i + 1}.service`)
const UNWATCHED = 'stranger.service'

interface Measured {
  readonly build: Build
  readonly agent: Gatewatch
  readonly broker: Mosquitto | undefined
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

await using systemd = await startSystemd()
for (const unit of [...WATCHED, UNWATCHED]) {
  const restart = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=10ms\n'
  systemd.writeUnit(unit, `${restart}ExecStart=/bin/sleep infinity\n`)
}
await systemd.daemonReload()
for (const unit of [...WATCHED, UNWATCHED]) await systemd.start(unit)

for (const mqtt of [false, true]) await measure(mqtt)

async function measure(mqtt: boolean): Promise<void> {
  const measured: Measured[] = []
  for (const build of builds) measured.push(await start(build, mqtt))
  console.log(mqtt ? 'with MQTT' : 'without MQTT')
  await sleep(IDLE_MS)
  print(`RssAnon after ${IDLE_MS / 1000} s idle, 12 units, MB`, measured, (one) => rssAnonMb(one.agent.pid))
  await measureWakeUps(measured)
  await measureCrashes(measured, 'a watched unit', WATCHED[0] ?? '')
  await measureCrashes(measured, 'an unwatched unit', UNWATCHED)
  print('RssAnon after that, MB', measured, (one) => rssAnonMb(one.agent.pid))
  for (const { agent, broker } of measured) {
    await agent.end()
    removeDirectory(agent.directory)
    await broker?.[Symbol.asyncDispose]()
  }
}

async function start(build: Build, mqtt: boolean): Promise<Measured> {
  const broker = mqtt ? await startMosquitto() : undefined
  const args = broker ? ['--mqtt', broker.url] : []
  const directory = temporaryDirectory()
  const { busAddress } = systemd
  const agent = await startGatewatch({ busAddress, services: WATCHED, directory, binary: build.binary, args })
  return { build, agent, broker }
}

async function measureWakeUps(measured: readonly Measured[]): Promise<void> {
  const before = new Map(measured.map(({ agent }) => [agent, wakeUps(agent.pid)]))
  await sleep(WAKE_UPS_MS)
  print(`wake-ups per second of all threads, ${WAKE_UPS_MS / 1000} s idle`, measured, ({ agent }) => {
    return (wakeUps(agent.pid) - (before.get(agent) ?? 0)) / (WAKE_UPS_MS / 1000)
  })
}

async function measureCrashes(measured: readonly Measured[], what: string, unit: string): Promise<void> {
  const before = new Map(measured.map(({ agent }) => [agent, cpuMs(agent.pid)]))
  await killAtPace(systemd, unit, CRASHES)
  if (unit !== UNWATCHED) for (const { agent } of measured) await crashesCounted(agent, unit, CRASHES)
  print(`CPU per crash and restart of ${what}, ${CRASHES} crashes, ms`, measured, ({ agent }) => {
    return (cpuMs(agent.pid) - (before.get(agent) ?? 0)) / CRASHES
  })
}

function print(what: string, measured: readonly Measured[], value: (one: Measured) => number): void {
  const values = measured.map(value)
  const [here = 0, other] = values
  const ratio = other === undefined ? '' : `  ratio ${(here / other).toFixed(2)}`
  const columns = measured.map(({ build }, i) => `${build.name} ${values[i]?.toFixed(2)}`).join(', ')
  console.log(`  ${what.padEnd(64)} ${columns}${ratio}`)
}
