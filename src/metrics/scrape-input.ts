// All that a scrape looks at, taken at one instant: the truth as it is, as flash holds it, and the agent's own facts.
import type { Instant } from '../core/observation.ts'
import type { State } from '../core/state.ts'
import type { BusHealth, HostUsage, HttpHealth, MqttHealth, StoreHealth, SystemHealth, UnitUsage } from '../ports.ts'

/** What does not change while the agent runs, and what only the agent knows of itself. */
interface AgentFacts {
  readonly version: string
  /** The commit it was built from. */
  readonly revision: string
  readonly nodeVersion: string
  /** What it was built for: `linux-arm64`, `script`, ... */
  readonly target: string
  readonly gatewayId: string
  /** Derived, never the raw one (machine-id(5)). */
  readonly machineId: string
  readonly configProblems: number
  readonly lastReloadSuccessful: boolean
  /** When a configuration was last taken over without a problem, wall ms; null when never. */
  readonly lastReloadSuccessMs: number | null
  /** How late the event loop's own timer was at worst lately, seconds. */
  readonly eventLoopLagSeconds: number
}

/** What the wiring hands over at each scrape. */
export interface ScrapeFacts {
  readonly live: State
  /** As of the last commit; the live one while the store is degraded (StateStore.committed). */
  readonly committed: State
  /** The state as this run of the agent took it up; a fresh one after `clear`. */
  readonly atStart: State
  readonly bus: BusHealth
  readonly store: StoreHealth
  /** Null where MQTT is off. */
  readonly mqtt: MqttHealth | null
  /** The state file lies on a file system that a power cut empties. */
  readonly stateVolatile: boolean
  readonly agent: AgentFacts
  readonly http: HttpHealth
  /** Null while systemd does not tell. */
  readonly system: SystemHealth | null
  readonly host: HostUsage
  /** By unit, of those that run. */
  readonly usage: ReadonlyMap<string, UnitUsage>
  readonly now: Instant
}

/** The process itself, as /proc and the runtime tell it. */
export interface ProcessFacts {
  readonly cpuSeconds: number
  readonly residentBytes: number
  /** Null where /proc cannot be read. */
  readonly openFds: number | null
  readonly startedAtMonoMs: number
}

export interface ScrapeInput extends ScrapeFacts {
  readonly process: ProcessFacts
}

/** A wall clock that moved by more than this was set; less is slewing, which must not make timestamps tremble. */
const CLOCK_STEP_MS = 500

/**
 * The same instant with a wall time that keeps its distance from the monotonic one until the clock is really set: what
 * is computed from both then survives a clock step (gateways boot in 1970), and yet is the same from scrape to scrape.
 */
export function createSteadyClock(): (now: Instant) => Instant {
  let aheadMs: number | null = null
  return (now) => {
    const fresh = now.wallMs - now.monoMs
    if (aheadMs === null || Math.abs(fresh - aheadMs) > CLOCK_STEP_MS) aheadMs = fresh
    return { monoMs: now.monoMs, wallMs: now.monoMs + aheadMs }
  }
}

/** Wall time in ms of a monotonic one. */
export function wallMsOf(monoMs: number, now: Instant): number {
  return now.wallMs - (now.monoMs - monoMs)
}
