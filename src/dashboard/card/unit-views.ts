// The responses of the API that the card shows.
import type { DayCounts } from './month.ts'

/** `GET /api/v1/units/UNIT`. Each field is absent where it is not known or not allowed. */
export interface UnitDetails {
  readonly description?: string
  readonly active_entered?: string | null
  readonly main_pid?: number | null
  readonly restarts?: number | null
  readonly memory_bytes?: number | null
  readonly cpu_seconds?: number | null
  readonly tasks?: number | null
  readonly file?: string | null
  readonly drop_ins?: readonly string[]
  /** Unit names by relation, as systemd names it. */
  readonly dependencies?: Readonly<Record<string, readonly string[]>>
  readonly history?: UnitHistory
}

export interface UnitHistory {
  readonly days: readonly DayCounts[]
  /** The one that occurred last first. */
  readonly signatures: readonly SignatureCount[]
}

/** Crashes with the same signature. */
export interface SignatureCount {
  readonly signature: string
  readonly result: string
  readonly exit_code: number | null
  readonly signal: string | null
  readonly count: number
  /** Absent while it is unknown. */
  readonly last?: string
}

/** `GET /api/v1/units/UNIT/explain`. */
export interface Explanation {
  readonly sentences: readonly string[]
  readonly timeline?: readonly TimelineEntry[]
  /** Topmost first. */
  readonly frames?: readonly string[]
  readonly log?: readonly string[]
}

export interface TimelineEntry {
  readonly timestamp: string
  readonly ms_before?: number
  readonly service?: string
  readonly event: string
  readonly text: string
}
