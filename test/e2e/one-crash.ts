// Crashes a unit once, and reads how many crashes an agent has counted.
import type { Gatewatch } from '../rig/gatewatch.ts'
import type { Systemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

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
