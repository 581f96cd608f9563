// `npm run bench:fire [-- STARTS]`: a unit that fails at once, over and over, beside eleven quiet ones, before the built agent.
// Its start limit ends each fire after exactly so many starts: what was counted is held against that. The second fire
// burns while the agent is stopped (SIGSTOP): how fast it then takes what waits is its own speed, not systemd's.
import { fileURLToPath } from 'node:url'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'
import { cpuMs, rssAnonMb } from './process.ts'

const STARTS = Number(process.argv[2] ?? 5000)
/** The bus keeps what waits for a stopped agent: below its limit, and over before anyone misses the agent. */
const STARTS_WHILE_STOPPED = 500
const PROBE = fileURLToPath(new URL('longest-pause.cjs', import.meta.url))
const QUIET = Array.from({ length: 11 }, (_, i) => `quiet${i}.service`)

interface Counted {
  readonly gave_up: boolean
  readonly counters: { readonly starts: number; readonly crashes: number }
}

process.exitCode = (await bench()) ? 0 : 1

async function bench(): Promise<boolean> {
  await using systemd = await startSystemd()
  const fires = { 'fire.service': STARTS, 'waiting.service': STARTS_WHILE_STOPPED }
  for (const [unit, starts] of Object.entries(fires)) {
    const limit = `[Unit]\nStartLimitIntervalSec=1d\nStartLimitBurst=${starts}\n`
    systemd.writeUnit(unit, `${limit}[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n`)
  }
  for (const unit of QUIET) systemd.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  for (const unit of QUIET) await systemd.start(unit)

  const directory = temporaryDirectory()
  const services = [...Object.keys(fires), ...QUIET]
  const nodeArgs = ['--require', PROBE]
  const agent = await startGatewatch({ busAddress: systemd.busAddress, services, directory, nodeArgs })
  const live = await burn(agent, systemd, 'fire.service', STARTS, 250, (start) => start())
  const waited = await burn(agent, systemd, 'waiting.service', STARTS_WHILE_STOPPED, 20, async (start) => {
    process.kill(agent.pid, 'SIGSTOP')
    await start()
    const failed = async () => (await systemd.show('waiting.service', 'SubState'))['SubState'] === 'failed'
    const over = async () => (await failed()) && (await failed())
    await until(over, { what: 'the fire to end', timeoutMs: 60_000, everyMs: 500 })
    process.kill(agent.pid, 'SIGCONT')
    await longestPause(agent) // that was ours
  })
  for (const unit of QUIET) if ((await counted(agent, unit)).counters.starts !== 1) console.log(`WRONG: ${unit}`)
  await agent.end()
  removeDirectory(directory)
  return live && waited
}

/** `how` starts the unit; the time runs from its end until all is counted, which is asked every so often. True where all was exact. */
async function burn(
  agent: Gatewatch,
  systemd: Systemd,
  unit: string,
  starts: number,
  everyMs: number,
  how: (start: () => Promise<unknown>) => Promise<unknown>,
): Promise<boolean> {
  await longestPause(agent)
  const signalsBefore = (await agent.metric('gatewatch_bus_signals_total')) ?? Number.NaN
  const rssBefore = rssAnonMb(agent.pid)
  await how(() => systemd.systemctl('start', '--no-block', unit))
  const cpuBefore = cpuMs(agent.pid)
  const began = performance.now()
  const end = { what: `the end of ${unit}`, is: ({ gave_up }: Counted) => gave_up, timeoutMs: 600_000, everyMs }
  const { counters } = await until(() => counted(agent, unit), end)
  const seconds = (performance.now() - began) / 1000
  const cpu = cpuMs(agent.pid) - cpuBefore
  const pause = await longestPause(agent)
  const signals = ((await agent.metric('gatewatch_bus_signals_total')) ?? Number.NaN) - signalsBefore
  const wanted = { starts, stops: 0, crashes: starts, restarts: starts - 1, lost: 0 }
  const exact = JSON.stringify(counters) === JSON.stringify(wanted)
  console.log(
    `${unit}: ${starts} starts and crashes, ${signals} signals in ${seconds.toFixed(1)} s: ${(signals / seconds).toFixed(0)} a second`,
  )
  console.log(`  counters: ${exact ? 'exact' : `WRONG: ${JSON.stringify(counters)}`}`)
  console.log(`  CPU of the agent: ${((1000 * cpu) / signals).toFixed(0)} us a signal, asking it included`)
  console.log(`  event loop: ${pause}`)
  console.log(`  RssAnon: ${rssBefore.toFixed(1)} MB before, ${rssAnonMb(agent.pid).toFixed(1)} MB after`)
  return exact
}

async function counted(agent: Gatewatch, unit: string): Promise<Counted> {
  return (await agent.ask(`/api/v1/units/${unit}`)) as unknown as Counted
}

/** Since it was asked last. */
async function longestPause(agent: Gatewatch): Promise<string> {
  const said = () => agent.stderr().match(/longest pause: .*/g) ?? []
  const before = said().length
  process.kill(agent.pid, 'SIGUSR2')
  return (await until(() => said()[before], { what: 'the agent to tell its longest pause' })) ?? ''
}
