// The input of a scrape, taken at one instant: live state, committed state, and facts about the agent and the host.

import type { HealthCheck } from '../core/health.ts'
import type { Instant } from '../core/observation.ts'
import type { State } from '../core/state.ts'
import type {
  BusHealth,
  HostUsage,
  HttpHealth,
  MqttHealth,
  RemoteWriteHealth,
  StoreHealth,
  SystemHealth,
  UnitUsage,
} from '../ports.ts'

/** Facts about the agent itself. */
interface AgentFacts {
  readonly version: string
  /** The commit it was built from. */
  readonly revision: string
  readonly nodeVersion: string
  /** The build target: `linux-arm64`, `script`, ... */
  readonly target: string
  readonly gatewayId: string
  /** Derived, never the raw one (machine-id(5)). */
  readonly machineId: string
  /** The configured names and patterns. */
  readonly monitoredServices: readonly string[]
  readonly configProblems: number
  readonly lastReloadSuccessful: boolean
  /** When a configuration was last applied without a problem, wall ms; null if never. */
  readonly lastReloadSuccessMs: number | null
  /** The longest recent delay of the event loop, in seconds. */
  readonly eventLoopLagSeconds: number
}

/** The facts that the app gathers for each scrape. */
export interface ScrapeFacts {
  readonly live: State
  /** As of the last commit; the live one while the store is degraded (StateStore.committed). */
  readonly committed: State
  /** The state with which this run of the agent started; an empty one after `clear`. */
  readonly atStart: State
  readonly checks: readonly HealthCheck[]
  readonly bus: BusHealth
  readonly store: StoreHealth
  /** Null if MQTT is disabled. */
  readonly mqtt: MqttHealth | null
  /** Null if remote write is not configured. */
  readonly remoteWrite: RemoteWriteHealth | null
  /** The state file is on a file system whose content is lost at a power loss. */
  readonly stateVolatile: boolean
  readonly agent: AgentFacts
  readonly http: HttpHealth
  /** Null while systemd does not report it. */
  readonly system: SystemHealth | null
  readonly host: HostUsage
  /** By unit name; running units only. */
  readonly usage: ReadonlyMap<string, UnitUsage>
  readonly now: Instant
}

/** Facts about the process, from /proc and Node. */
export interface ProcessFacts {
  readonly cpuSeconds: number
  readonly residentBytes: number
  /** Null if /proc cannot be read. */
  readonly openFds: number | null
  readonly startedAtMs: number
}

export interface ScrapeInput extends ScrapeFacts {
  readonly process: ProcessFacts
}
