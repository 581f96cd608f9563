// The answers of /api/v1/status and /api/v1/system as those see them who read them back: the command line and the dashboard.
import type { Counters } from './unit.ts'

/** A unit as `unitJson` makes it. */
export interface UnitView {
  readonly service: string
  readonly load_state: string | null
  readonly active_state: string
  readonly sub_state: string | null
  /** Why it is not there though it should be; an older agent does not say. */
  readonly missing?: string | null
  readonly since: string | null
  readonly flapping: boolean
  readonly gave_up: boolean
  readonly counters: Counters
  readonly last_crash: {
    readonly timestamp: string
    readonly result: string
    readonly exit_code: number | null
    readonly signal: string | null
  } | null
}

/** What a running agent says of itself; from a state file alone, most of it is absent. */
export interface StatusView {
  readonly version?: string
  readonly gateway_id?: string
  readonly started_at?: string
  readonly bus?: { readonly connected: boolean; readonly problem: string | null }
  readonly state?: {
    readonly path: string
    readonly problem: string | null
    readonly volatile?: boolean
    readonly last_commit?: string | null
  }
  /** Null where MQTT is off. */
  readonly mqtt?: { readonly connected: boolean; readonly problem: string | null; readonly queued: number } | null
  readonly not_ready?: readonly string[]
  /** The units that the one who asked may control by HTTP, given the token; null where control is not possible. */
  readonly control?: { readonly units: readonly string[] } | null
  readonly units: readonly UnitView[]
}

/** A job in systemd's queue, as ListJobs() reports it. */
export interface QueuedJob {
  readonly id: number
  readonly unit: string
  readonly type: string
  readonly state: string
}

/** systemd as a whole, and how full the gateway is. */
export interface SystemView {
  readonly state: string
  readonly systemd_version: string
  readonly failed: readonly string[]
  readonly queue: readonly QueuedJob[]
  readonly boot_seconds: Readonly<Record<string, number | null>>
  readonly host: {
    readonly memory_used_ratio: number | null
    readonly cpu_used_ratio: number | null
    readonly disks: readonly { readonly path: string; readonly used_ratio: number }[]
    readonly flash: readonly { readonly device: string; readonly life_used_ratio: number }[]
  }
}
