// `npm run bench:load-units`: the time of a restart while a local user makes systemd load units without end, with and
// without an agent whose pattern matches them.
import { connectBus } from '../../src/dbus/connection.ts'
import { systemClock as clock } from '../../src/host/clock.ts'
import { MANAGER, MANAGER_PATH, SYSTEMD } from '../../src/systemd/manager-api.ts'
import { removeDirectory, startGatewatch } from '../rig/gatewatch.ts'
import { median, percentile } from '../rig/process-usage.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'

const RESTARTS = 50
const LOADS_AT_ONCE = 8

await using rig = await startSystemd()
rig.writeUnit('sink@.service', '[Service]\nExecStart=/bin/sleep infinity\n')
rig.writeUnit('plain.service', '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep infinity\n')
await rig.daemonReload()
await rig.start('plain.service')

console.log(`${RESTARTS} restarts of a unit by systemctl, in ms`)
console.log(`${'agent'.padEnd(24)}${'units loaded'.padStart(14)}${'median'.padStart(10)}${'p95'.padStart(10)}`)
await rows('none')
const agent = await startGatewatch({ busAddress: rig.busAddress, services: ['sink@*', 'plain'] })
await rows('watches sink@*')
await agent.end()
removeDirectory(agent.directory)

async function rows(name: string): Promise<void> {
  print(name, 0, await restarts(rig))
  const user = await connectBus(rig.busAddress, { after: clock.after, properties: new Set() })
  let [count, ended] = [0, false]
  const load = async () => {
    while (!ended) await user.call(SYSTEMD, MANAGER_PATH, MANAGER, 'LoadUnit', 's', [`sink@${count++}.service`])
  }
  const loads = Array.from({ length: LOADS_AT_ONCE }, load)
  const times = await restarts(rig)
  ended = true
  await Promise.all(loads)
  user.close()
  print(name, count, times)
}

async function restarts({ restart }: Systemd): Promise<readonly number[]> {
  const times: number[] = []
  for (let i = 0; i < RESTARTS; i += 1) {
    const began = performance.now()
    await restart('plain.service')
    times.push(performance.now() - began)
  }
  return times
}

function print(name: string, loaded: number, times: readonly number[]): void {
  const [middle, high] = [median(times).toFixed(0), percentile(times, 0.95).toFixed(0)]
  console.log(name.padEnd(24) + String(loaded).padStart(14) + middle.padStart(10) + high.padStart(10))
}
