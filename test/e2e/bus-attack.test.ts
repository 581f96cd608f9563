// Any local user can send a message to the agent over the system bus. Large ones and many of them cost neither counts nor memory.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { attackBus, busClients, type HostileMessages } from '../rig/attack/bus.ts'
import { cpuMs } from '../rig/process-usage.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { useRunningUnit } from './running-unit.ts'

const MIB = 1 << 20
const HUGE = 6
const LARGE = 12
const SMALL = 20_000
const MESSAGES: readonly HostileMessages[] = [
  { count: HUGE, bodyBytes: 17 * MIB },
  { count: LARGE, bodyBytes: 15 * MIB },
  { count: SMALL, member: 'PropertiesChanged' },
]

describeUnless(noSystemd(), 'a local user who floods the agent over the bus', () => {
  const { systemd, start, startsOf } = useRunningUnit()

  test('neither blinds it nor fills its memory', async () => {
    systemd().writeUnit('runs.service.d/often.conf', '[Unit]\nStartLimitIntervalSec=0\n')
    await systemd().daemonReload()
    const agent = await start({ env: { GATEWATCH_LOG_LEVEL: 'debug' } })
    const name = await nameOfAgent()
    const before = { starts: await startsOf(agent), cpu: cpuMs(agent.pid), peak: peakMb(agent.pid) }
    let attacked = false
    const attack = attackBus(systemd().busAddress, name, MESSAGES).finally(() => {
      attacked = true
    })
    let restarts = 0
    while (!attacked || restarts < 5) {
      await systemd().restart('runs.service')
      restarts += 1
    }
    await attack
    await until(() => startsOf(agent), { what: 'every start to be counted', is: (n) => n >= before.starts + restarts })
    expect(await startsOf(agent)).toBe(before.starts + restarts)
    expect(await agent.metric('gatewatch_bus_reconnects_total')).toBe(0)
    expect(await agent.metric('gatewatch_bus_malformed_total')).toBe(HUGE)
    expect(agent.stderr()).toMatch(/bus: message not processed: skipped a message of 178\d{5} bytes from :1\.\d+/)
    // V8 frees the chunks of 64 KiB that Node.js reads when there are 16 MB of them. A body that is kept and joined is 30 MB more.
    expect(peakMb(agent.pid) - before.peak).toBeLessThan(32)
    expect(cpuMs(agent.pid) - before.cpu).toBeLessThan((HUGE + LARGE) * 100 + SMALL * 0.1)
  })

  /** The unique name of the agent: the only client besides systemd, until the agent reads the details of a unit. */
  async function nameOfAgent(): Promise<string> {
    const names = await busClients(systemd())
    expect(names).toHaveLength(2)
    return names[1] ?? ''
  }
})

/** The most memory that the process has had resident. */
function peakMb(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
