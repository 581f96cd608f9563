// Response types of /api/v1/status and /api/v1/system, as read by the command line and the dashboard.
import type { Counters } from '../unit.ts'

/** A unit as `unitJson` makes it. */
export interface UnitView {
  readonly service: string
  readonly load_state: string | null
  readonly active_state: string
  readonly sub_state: string | null
  /** Why an expected unit is missing. This and other optional fields are absent in the response of an older agent. */
  readonly missing?: string | null
  readonly since: string | null
  /** This and the next three are null while the state of the unit is unknown. */
  readonly running?: boolean | null
  readonly flapping: boolean | null
  readonly gave_up: boolean | null
  /** The processes of the unit are paused. */
  readonly frozen?: boolean | null
  readonly counters: Counters
  /** Start jobs that ended without a run, by job result. */
  readonly start_jobs_failed?: Readonly<Record<string, number>>
  readonly last_crash: {
    readonly timestamp: string
    readonly result: string
    readonly exit_code: number | null
    readonly signal: string | null
  } | null
}

/** A check of the agent's health as `checkJson` makes it. */
export interface CheckView {
  readonly name: string
  readonly healthy: boolean
  readonly message: string
  readonly since: string
}

/** Status of the agent. Most fields are absent when it comes from a state file instead of a running agent. */
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
    /** This and the next three are absent in the response of an older agent. */
    readonly file_system?: string
    readonly commit_bytes?: number
    readonly commit_advice?: string | null
    /** Seconds. */
    readonly commit_within?: number
  }
  /** Null if MQTT is disabled. */
  readonly mqtt?: { readonly connected: boolean; readonly problem: string | null; readonly queued: number } | null
  /** Absent in the response of an older agent. */
  readonly checks?: readonly CheckView[]
  readonly not_ready?: readonly string[]
  /** Configured patterns that match no unit, and what they match instead. */
  readonly unmatched_patterns?: readonly { readonly pattern: string; readonly reason: string }[]
  /** What is missing because the journal cannot be read. Absent in the response of an older agent. */
  readonly missing_evidence?: readonly string[]
  /** Units that this client may control over HTTP with the token; null if it cannot control any. */
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

/** State of systemd as a whole, and resource usage of the gateway. */
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
