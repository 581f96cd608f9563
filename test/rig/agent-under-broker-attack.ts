// Attacks one of two built agents through its MQTT broker, and times the same crashes with both; for a test and a benchmark.
import { existsSync } from 'node:fs'
import { crashTimes, DYING_UNIT, writeDyingUnit } from './crash-times.ts'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from './gatewatch.ts'
import { type BrokerAttack, startHostileBroker } from './hostile-broker.ts'
import { rssAnonMb } from './process-usage.ts'
import { startSystemd } from './systemd.ts'
import { until } from './until.ts'

const CRASH_EVERY_S = 0.3
const READ_MEMORY_EVERY_MS = 50

export interface BrokerAttackResult {
  /** Milliseconds from crash to event, in the attacked agent and in the other one. */
  readonly attackedMs: readonly number[]
  readonly otherMs: readonly number[]
  readonly died: number
  /** Crashes as counted by the attacked agent; null if it was killed. */
  readonly counted: number | null
  readonly peakMb: number
  /** What `status` shows for MQTT. */
  readonly problem: string | null
  readonly connections: number
}

export async function measureBrokerAttack(attack: BrokerAttack, crashes: number): Promise<BrokerAttackResult> {
  await using broker = await startHostileBroker(attack)
  await using systemd = await startSystemd()
  writeDyingUnit(systemd, CRASH_EVERY_S)
  await systemd.daemonReload()
  const directories = [temporaryDirectory(), temporaryDirectory()] as const
  const options = { busAddress: systemd.busAddress, services: [DYING_UNIT] }
  const attacked = await startGatewatch({ ...options, directory: directories[0], args: ['--mqtt', broker.url] }, false)
  const other = await startGatewatch({ ...options, directory: directories[1] }, false)
  let peakMb = 0
  const reading = setInterval(() => {
    if (isRunning(attacked.pid)) peakMb = Math.max(peakMb, rssAnonMb(attacked.pid))
  }, READ_MEMORY_EVERY_MS)
  try {
    const [attackedTimes, otherTimes] = [
      await crashTimes(systemd, attacked.socket),
      await crashTimes(systemd, other.socket),
    ]
    await until(() => broker.connections(), { what: 'the agent to connect to the broker' })
    await systemd.start(DYING_UNIT)
    const timeoutMs = 60_000 + crashes * CRASH_EVERY_S * 10_000
    await until(() => otherTimes.read().length, { what: 'the crashes', is: (n) => n >= crashes, timeoutMs })
    await systemd.stop(DYING_UNIT)
    const after = isRunning(attacked.pid) ? await readAgent(attacked) : { counted: null, problem: null }
    attackedTimes.stop()
    otherTimes.stop()
    return {
      attackedMs: attackedTimes.read(),
      otherMs: otherTimes.read(),
      died: attackedTimes.deaths(),
      ...after,
      peakMb,
      connections: broker.connections(),
    }
  } finally {
    clearInterval(reading)
    await Promise.all([attacked.end('SIGKILL'), other.end('SIGKILL')])
    for (const directory of directories) removeDirectory(directory)
  }
}

async function readAgent(agent: Gatewatch): Promise<Pick<BrokerAttackResult, 'counted' | 'problem'>> {
  const unit = () =>
    agent.getJson(`/api/v1/units/${DYING_UNIT}`) as Promise<{ counters: { crashes: number }; running: boolean }>
  const { counters } = await until(unit, { what: 'the unit to stop', is: ({ running }) => !running })
  const { mqtt } = (await agent.getJson('/api/v1/status')) as { mqtt?: { problem: string | null } }
  return { counted: counters.crashes, problem: mqtt?.problem ?? null }
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`)
}
