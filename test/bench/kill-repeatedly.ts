// Kills a unit many times in succession, and waits until the agent has counted it, for benchmarks.
import type { Gatewatch } from '../rig/gatewatch.ts'
import type { Systemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

const PACE_S = 0.25

/** Kills the main process, waits for the next one, and so on; in batches of 20, because a command in the rig has 30 s. */
export async function killRepeatedly(rig: Systemd, unit: string, times: number) {
  const next = `while :; do pid=$(systemctl show -P MainPID ${unit}); [ "$pid" != 0 ] && [ "$pid" != "$last" ] && break; done`
  for (let left = times; left > 0; left -= 20) {
    const loop = `last=; for i in $(seq 20); do ${next}; kill -9 $pid; last=$pid; done; ${next}`
    const { code, stderr } = await rig.exec('bash', '-c', loop)
    if (code !== 0) throw new Error(`killing ${unit}: ${code} ${stderr}`)
  }
}

/** The same with pauses, so that caches are as cold as after a real crash; in batches of 40, because a command in the rig has 30 s. */
export async function killAtPace(rig: Systemd, unit: string, times: number): Promise<void> {
  const next = `while :; do pid=$(systemctl show -P MainPID ${unit}); [ "$pid" != 0 ] && [ "$pid" != "$last" ] && break; sleep 0.02; done`
  for (let left = times; left > 0; left -= 40) {
    const loop = `last=; for i in $(seq ${Math.min(left, 40)}); do ${next}; kill -9 $pid; last=$pid; sleep ${PACE_S}; done; ${next}`
    const { code, stderr } = await rig.exec('bash', '-c', loop)
    if (code !== 0) throw new Error(`killing ${unit}: ${code} ${stderr}`)
  }
}

export async function crashesCounted(agent: Gatewatch, unit: string, crashes: number) {
  const read = async () =>
    ((await agent.getJson(`/api/v1/units/${unit}`)) as { counters: { crashes: number } }).counters.crashes
  await until(read, { what: `${crashes} crashes of ${unit}`, is: (value) => value >= crashes })
}
