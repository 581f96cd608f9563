// What the API sends about events and states, as far as the page shows it.
import type { EventView } from '../core/views/event-text.ts'

/** An event of the API, with its id. */
export interface ApiEvent extends EventView {
  readonly id: string
  readonly seq: number
  readonly log?: readonly string[]
  /** Of a crash, and of what became known about it later. Only for clients that have authenticated. */
  readonly evidence?: EvidenceView
}

/** What is shown of the evidence of a crash in the list of events; the explanation has all of it. */
interface EvidenceView {
  readonly ran_ms?: number
  readonly same_cause_24h?: number
  readonly oom?: { readonly process?: string }
  readonly coredump?: { readonly frames: readonly string[] }
}

/** The state of a unit, as the live stream sends it when it changes. */
export interface StateView {
  readonly service: string
  readonly active_state: string
  readonly sub_state: string | null
  readonly since: string | null
}

export interface EventPage {
  readonly events: readonly ApiEvent[]
  readonly next: string
}
