// The responses of the API that the card shows.
import type { HistoryJson } from '../../core/views/history-json.ts'

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
  readonly history?: HistoryJson
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
