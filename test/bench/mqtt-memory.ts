// Measures the memory of the built agent with MQTT and without it, with 12 units on a real systemd and mosquitto.
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { startMosquitto } from '../rig/mosquitto.ts'
import { rssAnonMb } from '../rig/process-usage.ts'
import { startSystemd } from '../rig/systemd.ts'

/** By then the agent has published everything and collected its garbage. */
const SETTLE_MS = 10_000

export async function measureMemory(): Promise<{ readonly withoutMb: number; readonly withMb: number }> {
  await using systemd = await startSystemd()
  const units = Array.from({ length: 12 }, (_, i) => `u${i + 1}.service`)
  for (const unit of units) systemd.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  for (const unit of units) await systemd.start(unit)
  await using broker = await startMosquitto()

  async function rssWith(...args: string[]): Promise<number> {
    const directory = temporaryDirectory()
    const agent = await startGatewatch({ busAddress: systemd.busAddress, services: units, directory, args })
    try {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      return rssAnonMb(agent.pid)
    } finally {
      await agent.end()
      removeDirectory(directory)
    }
  }
  return { withoutMb: await rssWith(), withMb: await rssWith('--mqtt', broker.url) }
}
