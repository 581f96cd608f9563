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
  /** Of `readNeeds`. */
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

const NEEDS = ['BindsTo', 'Requires', 'Requisite'] as const
type Relation = (typeof NEEDS)[number]

const NEEDS_AT_MOST = 8

/** Reads the units that a unit needs, because it does not run; slices always exist. `read`: null if that is not possible. */
export async function readNeeds(
  status: UnitStatus | null,
  read: (unit: string) => Promise<UnitStatus | null>,
): Promise<readonly Need[]> {
  if (status === null || (status.activeState !== 'inactive' && status.activeState !== 'failed')) return []
  const needed = NEEDS.flatMap((relation) => (status.dependencies[relation] ?? []).map((unit) => ({ unit, relation })))
  const few = needed.filter(({ unit }) => !unit.endsWith('.slice')).slice(0, NEEDS_AT_MOST)
  const all = await Promise.all(few.map(async ({ unit, relation }) => ({ relation, status: await read(unit) })))
  return all.flatMap((need) => (need.status === null ? [] : [{ ...need, status: need.status }]))
}

/** Where evidence can come from. */
export interface EvidenceSources {
  /** The configuration key `explain`. */
  readonly explain: boolean
  /** `absent`: the gateway stores no journal. */
  readonly journal: 'readable' | 'denied' | 'absent'
}
