// What an explanation is made from.
import type { Event } from '../event.ts'
import type { Instant } from '../observation.ts'
import type { Unit } from '../unit.ts'
import type { UnitStatus } from '../unit-status.ts'

export interface ExplanationInput {
  readonly name: string
  /** Null if the agent does not watch it. */
  readonly unit: Unit | null
  /** What systemd reports now; null if it cannot be reached. */
  readonly status: UnitStatus | null
  /** The units without which this one cannot run (Requires=, Requisite=, BindsTo=), now. */
  readonly needs: readonly UnitStatus[]
  /** Of all watched units, oldest first, with the evidence that arrived later. */
  readonly history: readonly Event[]
  /** The event to be explained; null: what is most relevant to the state of the unit now. */
  readonly event: Event | null
  readonly now: Instant
  /** The client is on this device: it may see paths of programs. */
  readonly isLocal: boolean
  readonly sources: EvidenceSources
}

/** Where evidence can come from. */
export interface EvidenceSources {
  /** The configuration key `explain`. */
  readonly explain: boolean
  /** `absent`: the gateway stores no journal. */
  readonly journal: 'readable' | 'denied' | 'absent'
}
