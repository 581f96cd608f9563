// `npm run bench:control`: compares the cost of unit operations over D-Bus and through systemctl on a real systemd, and
// repeats 200 concurrent operations.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { systemClock as clock } from '../../src/host/clock.ts'
import type { UnitControl } from '../../src/ports.ts'
import { createDbusControl } from '../../src/systemd/operate/dbus-control.ts'
import type { CommandOutput } from '../../src/systemd/operate/systemctl.ts'
import { createSystemctlControl } from '../../src/systemd/operate/systemctl-control.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'

const UNITS = Array.from({ length: 12 }, (_, i) => `bench${i}.service`)
const MANY = Array.from({ length: 200 }, (_, i) => `many${i}.service`)
const TIMES = 10
const ROUNDS = 20
const TICKS_PER_SECOND = 100 // USER_HZ, proc(5)

await bench()

async function bench(): Promise<void> {
  await using rig = await startSystemd()
  for (const unit of [...UNITS, ...MANY]) rig.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
  await rig.daemonReload()
  const dbus = createDbusControl({
    address: rig.busAddress,
    after: clock.after,
    now: clock.now,
    timeoutMs: 60_000,
    retries: () => 0,
  })
  const command = createSystemctlControl({ run: systemctlIn(rig), timeoutMs: 60_000, now: clock.now, isRoot: true })
  await Promise.all(UNITS.map((unit) => dbus.run('start', unit)))

  console.log(`time and CPU of this process and its children for one operation, mean of ${TIMES}`)
  console.log(`${'operation'.padEnd(24)}${'D-Bus'.padStart(24)}${'systemctl'.padStart(24)}`)
  await row('start + stop of a unit', [dbus, command], async (control) => {
    await control.run('start', MANY[0] ?? '')
    await control.run('stop', MANY[0] ?? '')
  })
  await row('status of 12 units', [dbus, command], (control) => Promise.all(UNITS.map(control.status)))
  await row('list of all units', [dbus, command], (control) => control.list())

  const heaps: number[] = []
  let done = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const ends = await Promise.all(MANY.map((unit) => dbus.run(round % 2 === 0 ? 'start' : 'stop', unit)))
    done += ends.filter(({ outcome }) => outcome === 'done').length
    globalThis.gc?.()
    heaps.push(process.memoryUsage().heapUsed / 2 ** 20)
  }
  const [first = 0, last = 0] = [heaps[1], heaps.at(-1)]
  console.log(`${MANY.length} concurrent operations, ${ROUNDS} rounds: ${done} of ${MANY.length * ROUNDS} done`)
  console.log(`heap: ${first.toFixed(2)} MB after 2 rounds, ${last.toFixed(2)} MB after ${ROUNDS} rounds`)
  dbus.close()
}

async function row(name: string, controls: readonly UnitControl[], run: (control: UnitControl) => Promise<unknown>) {
  const costs: string[] = []
  for (const control of controls) {
    await run(control)
    const [cpuBefore, began] = [cpuMs(), performance.now()]
    for (let i = 0; i < TIMES; i += 1) await run(control)
    const ms = (performance.now() - began) / TIMES
    costs.push(`${ms.toFixed(1)} ms, CPU ${((cpuMs() - cpuBefore) / TIMES).toFixed(1)} ms`)
  }
  console.log(name.padEnd(24) + costs.map((cost) => cost.padStart(24)).join(''))
}

/** CPU time of this process and of its children that have exited. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const children = Number(fields[13]) + Number(fields[14])
  return (user + system) / 1000 + (children * 1000) / TICKS_PER_SECOND
}

/** Runs systemctl inside the rig, with only nsenter(1) in front of it. */
function systemctlIn(rig: Systemd) {
  return (words: readonly string[]): Promise<CommandOutput> =>
    new Promise((resolve) => {
      const inside = [
        '--target',
        String(rig.pid),
        '--mount',
        '--pid',
        '--cgroup',
        '--ipc',
        '--uts',
        '--',
        'systemctl',
        ...words,
      ]
      execFile('nsenter', inside, { maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      })
    })
}
