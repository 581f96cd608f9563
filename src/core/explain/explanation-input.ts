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
  /** The units of `neededUnits`, now. */
  readonly needs: readonly Need[]
  /** Of all watched units, oldest first, with the evidence that arrived later. */
  readonly history: readonly Event[]
  /** The event to be explained; null: what is most relevant to the state of the unit now. */
  readonly event: Event | null
  readonly now: Instant
  /** The client is on this device: it may see paths of programs. */
  readonly isLocal: boolean
  readonly sources: EvidenceSources
}

/** A unit without which another one cannot start. */
export interface Need {
  readonly relation: Relation
  readonly status: UnitStatus
}

export const NEEDS = ['BindsTo', 'Requires', 'Requisite'] as const
type Relation = (typeof NEEDS)[number]

const NEEDS_AT_MOST = 8

/** The units to be read because a unit does not run; slices always exist. */
export function neededUnits(
  status: UnitStatus | null,
): readonly { readonly unit: string; readonly relation: Relation }[] {
  if (status === null || (status.activeState !== 'inactive' && status.activeState !== 'failed')) return []
  const needed = NEEDS.flatMap((relation) => (status.dependencies[relation] ?? []).map((unit) => ({ unit, relation })))
  return needed.filter(({ unit }) => !unit.endsWith('.slice')).slice(0, NEEDS_AT_MOST)
}

/** Where evidence can come from. */
export interface EvidenceSources {
  /** The configuration key `explain`. */
  readonly explain: boolean
  /** `absent`: the gateway stores no journal. */
  readonly journal: 'readable' | 'denied' | 'absent'
}
