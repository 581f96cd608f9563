// What the journal proves of runs that nobody heard of, and which of them are news for a unit.
import type { Cause, Unit } from './unit.ts'

/** One run of a unit, as systemd's own lines in the journal tell of it. Each of them happened; some may be missing. */
export interface ProvenRun {
  readonly id: string
  /** It followed straight from another run: by systemd's own doing, or by a restart job. Null where no line says so. */
  readonly restart: 'automatic' | 'job' | null
  /** Automatic restarts just before it that systemd counted and of which there is no line. */
  readonly missed: number
  /** `NRestarts` as systemd said it last before this run; null where it said nothing. */
  readonly nRestarts: number | null
  /** Null where it goes on, or where no line tells of its end. */
  readonly end: ProvenEnd | null
}

export interface ProvenEnd {
  readonly cause: Cause
  readonly requested: boolean
}

export const NO_PROOF: readonly ProvenRun[] = []

/**
 * The runs from the newest that was counted on (its end may be news), or all of them where none of this boot was seen.
 * Where the journal does not reach back that far, nobody can say which of them were counted. `runs`: those of this boot,
 * oldest first.
 */
export function newsOf(unit: Unit, runs: readonly ProvenRun[]): readonly ProvenRun[] {
  if (unit.contact !== 'broken') return NO_PROOF
  const newest = runs.findIndex(({ id }) => id === unit.runIds[0])
  if (newest < 0 && unit.seen !== null) return NO_PROOF
  return runs.slice(Math.max(0, newest))
}

/** How the open run ended, where the journal knows it. */
export function provenEnd({ run, proven }: Unit): ProvenEnd | null {
  return proven.find(({ id }) => id === run?.id)?.end ?? null
}
