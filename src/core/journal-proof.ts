// What the journal proves of runs that nobody heard of, and which of them are news for a unit.
import { NO_PROOF, type ProvenEnd, type ProvenRun, type Unit } from './unit.ts'

/**
 * The runs from the newest that was counted on (its end may be news), or all of them where none of this boot was seen.
 * Where the journal does not reach back that far, nobody can say which of them were counted. `runs`: those of this boot,
 * oldest first.
 */
export function runsToReplay(unit: Unit, runs: readonly ProvenRun[]): readonly ProvenRun[] {
  if (unit.tracking !== 'interrupted') return NO_PROOF
  const newest = runs.findIndex(({ id }) => id === unit.runIds[0])
  if (newest < 0 && unit.snapshot !== null) return NO_PROOF
  return runs.slice(Math.max(0, newest))
}

/** How the open run ended, where the journal knows it. */
export function provenEnd({ run, proven }: Unit): ProvenEnd | null {
  return proven.find(({ id }) => id === run?.id)?.end ?? null
}
