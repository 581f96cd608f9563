// `npm run bench:fire [-- STARTS]`: a crash storm, that is, a unit that fails immediately and is restarted over and over,
// beside eleven quiet units. Its start limit ends the storm after a known number of starts, which the counters must match.
// A second storm takes place while the agent is stopped (SIGSTOP): processing that backlog shows the agent's own speed
// rather than systemd's.
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { cpuMs, rssAnonMb } from '../rig/process-usage.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'
import { longestPause, WITH_PROBE } from './longest-pause.ts'

const STARTS = Number(process.argv[2] ?? 5000)
/** Few enough for the bus daemon's queue, and for the storm to end before systemd misses the agent's keep-alive. */
const STARTS_WHILE_STOPPED = 500
const QUIET = Array.from({ length: 11 }, (_, i) => `quiet${i}.service`)

interface UnitCounts {
  readonly gave_up: boolean
  readonly counters: { readonly starts: number; readonly crashes: number }
}

process.exitCode = (await bench()) ? 0 : 1

async function bench(): Promise<boolean> {
  await using systemd = await startSystemd()
  const storms = { 'live.service': STARTS, 'backlog.service': STARTS_WHILE_STOPPED }
  for (const [unit, starts] of Object.entries(storms)) {
    const limit = `[Unit]\nStartLimitIntervalSec=1d\nStartLimitBurst=${starts}\n`
    systemd.writeUnit(unit, `${limit}[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n`)
  }
  for (const unit of QUIET) systemd.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  for (const unit of QUIET) await systemd.start(unit)

  const directory = temporaryDirectory()
  const services = [...Object.keys(storms), ...QUIET]
  const agent = await startGatewatch({ busAddress: systemd.busAddress, services, directory, nodeArgs: WITH_PROBE })
  const live = await measureStorm(agent, systemd, 'live.service', STARTS, 250, (start) => start())
  const backlog = await measureStorm(agent, systemd, 'backlog.service', STARTS_WHILE_STOPPED, 20, async (start) => {
    process.kill(agent.pid, 'SIGSTOP')
    await start()
    const failed = async () => (await systemd.show('backlog.service', 'SubState'))['SubState'] === 'failed'
    const over = async () => (await failed()) && (await failed())
    await until(over, { what: 'the storm to end', timeoutMs: 60_000, everyMs: 500 })
    process.kill(agent.pid, 'SIGCONT')
    await longestPause(agent) // discards the pause that SIGSTOP caused
  })
  for (const unit of QUIET) if ((await counted(agent, unit)).counters.starts !== 1) console.log(`WRONG: ${unit}`)
  await agent.end()
  removeDirectory(directory)
  return live && backlog
}

/** `trigger` starts the unit; the time is measured from its end until everything is counted. Resolves with whether all counters are exact. */
async function measureStorm(
  agent: Gatewatch,
  systemd: Systemd,
  unit: string,
  starts: number,
  everyMs: number,
  trigger: (start: () => Promise<unknown>) => Promise<unknown>,
): Promise<boolean> {
  await longestPause(agent)
  const signalsBefore = (await agent.metric('gatewatch_bus_signals_total')) ?? Number.NaN
  const rssBefore = rssAnonMb(agent.pid)
  await trigger(() => systemd.systemctl('start', '--no-block', unit))
  const cpuBefore = cpuMs(agent.pid)
  const began = performance.now()
  const end = { what: `${unit} to give up`, is: ({ gave_up }: UnitCounts) => gave_up, timeoutMs: 600_000, everyMs }
  const { counters } = await until(() => counted(agent, unit), end)
  const seconds = (performance.now() - began) / 1000
  const cpu = cpuMs(agent.pid) - cpuBefore
  const pause = await longestPause(agent)
  const signals = ((await agent.metric('gatewatch_bus_signals_total')) ?? Number.NaN) - signalsBefore
  const expected = { starts, stops: 0, crashes: starts, restarts: starts - 1, lost: 0 }
  const exact = JSON.stringify(counters) === JSON.stringify(expected)
  console.log(
    `${unit}: ${starts} starts and crashes, ${signals} signals in ${seconds.toFixed(1)} s: ${(signals / seconds).toFixed(0)} per second`,
  )
  console.log(`  counters: ${exact ? 'exact' : `WRONG: ${JSON.stringify(counters)}`}`)
  console.log(
    `  CPU of the agent: ${((1000 * cpu) / signals).toFixed(0)} us per signal, including these status requests`,
  )
  console.log(`  event loop: ${pause}`)
  console.log(`  RssAnon: ${rssBefore.toFixed(1)} MB before, ${rssAnonMb(agent.pid).toFixed(1)} MB after`)
  return exact
}

async function counted(agent: Gatewatch, unit: string): Promise<UnitCounts> {
  return (await agent.getJson(`/api/v1/units/${unit}`)) as unknown as UnitCounts
}
