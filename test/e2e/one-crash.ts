// A unit that crashes when a test wants it, and how many crashes an agent has counted.
import type { Gatewatch } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

/** A systemd with this unit, which restarts at once however often it is killed. */
export async function startSystemdWith(unit: string): Promise<Systemd> {
  const systemd = await startSystemd()
  const restart = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=10ms\n'
  systemd.writeUnit(unit, `${restart}ExecStart=/bin/sleep infinity\n`)
  await systemd.daemonReload()
  await systemd.start(unit)
  return systemd
}

/** Kills the unit, and waits until it runs again. */
export async function crashOnce(systemd: Systemd, unit: string): Promise<void> {
  const pid = async () => (await systemd.exec('systemctl', 'show', '-P', 'MainPID', unit)).stdout.trim()
  const before = await pid()
  await systemd.exec('kill', '-9', before)
  await until(pid, { what: `${unit} to run again`, is: (now) => now !== '0' && now !== before, timeoutMs: 60_000 })
}

export async function crashesOf(agent: Gatewatch, unit: string): Promise<number> {
  return ((await agent.getJson(`/api/v1/units/${unit}`)) as { counters: { crashes: number } }).counters.crashes
}

export async function crashesReach(agent: Gatewatch, unit: string, crashes: number): Promise<void> {
  const what = `${crashes} crashes to be counted`
  await until(() => crashesOf(agent, unit), { what, is: (n) => n >= crashes, timeoutMs: 60_000 })
}
