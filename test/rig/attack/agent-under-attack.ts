// Attacks one of two built agents that watch the same systemd, and measures how long a crash takes to reach the events of each.
import { crashTimes, DYING_UNIT, writeDyingUnit } from '../crash-times.ts'
import {
  type Gatewatch,
  type GatewatchOptions,
  removeDirectory,
  startGatewatch,
  temporaryDirectory,
} from '../gatewatch.ts'
import { createMemoryCgroup } from '../memory-cgroup.ts'
import { type Systemd, startSystemd } from '../systemd.ts'
import { until } from '../until.ts'

/** The limit of the shipped unit. */
const MEMORY_MAX_MB = 160

export interface AttackOptions<T> {
  /** Options of both agents. */
  readonly both?: Pick<GatewatchOptions, 'env' | 'args'>
  /** Further options of the agent that is attacked. */
  readonly attacked?: Pick<GatewatchOptions, 'env' | 'args' | 'directory' | 'commandPrefix'>
  readonly crashEveryS: number
  /** Limits the memory of the attacked agent, as the shipped unit does. */
  readonly limitMemory?: boolean
  readonly attack: (target: Target) => Promise<T>
}

interface Target {
  readonly agent: Gatewatch
  readonly systemd: Systemd
  /** Resolves after this many further crashes, as the other agent counts them. */
  crashes(count: number): Promise<void>
}

export interface AttackResult<T> {
  readonly result: T
  readonly killed: boolean
  /** The most memory that was charged to the attacked agent, MB; null if it was not limited. */
  readonly peakMb: number | null
  /** How often the unit died, and the crashes and lost runs that the attacked agent counted. */
  readonly died: number
  readonly counted: number
  readonly lost: number
  /** Milliseconds from each crash during the attack to its event: of the attacked agent, and of the other one. */
  readonly attackedMs: readonly number[]
  readonly otherMs: readonly number[]
}

export async function measureAttack<T>(options: AttackOptions<T>): Promise<AttackResult<T>> {
  await using systemd = await startSystemd()
  writeDyingUnit(systemd, options.crashEveryS)
  systemd.writeUnit('steady.service', '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  await systemd.start('steady.service')
  const cgroup = options.limitMemory ? createMemoryCgroup(MEMORY_MAX_MB) : null
  const agents: Gatewatch[] = []
  const start = async (more: Partial<GatewatchOptions>) => {
    const env = { ...options.both?.env, ...more.env }
    const args = [...(options.both?.args ?? []), ...(more.args ?? [])]
    const shared = { busAddress: systemd.busAddress, services: [DYING_UNIT, 'steady'], directory: temporaryDirectory() }
    const agent = await startGatewatch({ ...shared, ...more, env, args }, false)
    agents.push(agent)
    await until(() => unitOf(agent, 'steady'), { what: 'the agent to know the units', is: (u) => u.running === true })
    return agent
  }
  try {
    const other = await start({})
    const commandPrefix = [...(cgroup?.prefix ?? []), ...(options.attacked?.commandPrefix ?? [])]
    const agent = await start({ ...options.attacked, commandPrefix })
    const times = await crashTimes(systemd, agent.socket)
    const otherTimes = await crashTimes(systemd, other.socket)
    await systemd.start(DYING_UNIT)
    const enough = { what: 'a few crashes before the attack', is: (n: number) => n >= 3, timeoutMs: 120_000 }
    await until(() => Math.min(times.read().length, otherTimes.read().length), enough)
    const before = times.read().length
    const otherBefore = otherTimes.read().length
    const crashes = async (count: number) => {
      const seen = otherTimes.read().length
      const timeoutMs = 60_000 + count * options.crashEveryS * 10_000
      await until(() => otherTimes.read().length, { what: 'crashes', is: (n) => n >= seen + count, timeoutMs })
    }
    const result = await options.attack({ agent, systemd, crashes })
    const attackedMs = times.read().slice(before)
    const otherMs = otherTimes.read().slice(otherBefore)
    await systemd.stop(DYING_UNIT)
    const killed = !(await isRunning(agent))
    const counters = killed ? { crashes: 0, lost: 0 } : await settledCounters(agent)
    times.stop()
    otherTimes.stop()
    const peakMb = cgroup?.peakMb() ?? null
    return {
      result,
      killed,
      peakMb,
      died: times.deaths(),
      counted: counters.crashes,
      lost: counters.lost,
      attackedMs,
      otherMs,
    }
  } finally {
    for (const agent of agents) {
      await agent.end()
      removeDirectory(agent.directory)
    }
    await cgroup?.remove()
  }
}

function unitOf(agent: Gatewatch, name: string) {
  return agent.getJson(`/api/v1/units/${name}`) as Promise<{
    counters: { crashes: number; lost: number }
    running: boolean
  }>
}

function isRunning(agent: Gatewatch): Promise<boolean> {
  return agent.getJson('/api/v1/units').then(
    () => true,
    () => false,
  )
}

/** The counters after the unit was stopped. */
async function settledCounters(agent: Gatewatch) {
  const unit = await until(() => unitOf(agent, DYING_UNIT), { what: 'the unit to stop', is: (u) => !u.running })
  return unit.counters
}
