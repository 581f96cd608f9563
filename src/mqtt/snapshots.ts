// Which units' retained states the broker does not have as they are: the newest wins, however often one changed. Pure.
import { unitJson } from '../core/api-json.ts'
import { changedUnits, type State } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import type { Step } from '../ports.ts'

/** What is to be published next: the unit's state as it is then, or nothing at all to clear its topic. */
export interface PendingState {
  readonly unit: string
  readonly gone: boolean
}

export interface Snapshots {
  accept(step: Step): void
  /** After a CONNACK: the broker may have forgotten everything. */
  all(state: State): void
  /** The broker holds a state of a unit that nobody watches. */
  clear(unit: string): void
  /** The oldest change that waits, from now on in flight; null when none waits. */
  next(): PendingState | null
  settle(snapshot: PendingState): void
  size(): number
}

/** Topics to clear that are remembered while the broker is away; a pattern may bring any number of names. */
const GONE_AT_MOST = 1000

export function createSnapshots(): Snapshots {
  const changed = new Set<string>()
  const gone = new Set<string>()
  /** Each with whether its topic is being cleared. */
  const inFlight = new Map<string, boolean>()

  function forget(unit: string): void {
    changed.delete(unit)
    if (gone.size < GONE_AT_MOST) gone.add(unit)
  }

  function take(from: Set<string>, isGone: boolean): PendingState | null {
    for (const unit of from) {
      if (inFlight.has(unit)) continue
      from.delete(unit)
      inFlight.set(unit, isGone)
      return { unit, gone: isGone }
    }
    return null
  }

  return {
    accept({ before, after }) {
      for (const [was, unit] of changedUnits(before, after)) {
        if (!looksChanged(was, unit)) continue
        gone.delete(unit.name)
        changed.add(unit.name)
      }
      if (before.index === after.index) return
      for (const unit of before.units) if (!after.index.has(unit.name)) forget(unit.name)
    },
    all(state) {
      for (const [unit, isGone] of inFlight) if (isGone) forget(unit)
      inFlight.clear()
      changed.clear()
      for (const { name } of state.units) gone.delete(name)
      for (const { name } of state.units) changed.add(name)
    },
    clear: forget,
    next: () => take(gone, true) ?? take(changed, false),
    settle({ unit }) {
      inFlight.delete(unit)
    },
    size: () => changed.size + gone.size + inFlight.size,
  }
}

/** While a summary stands in for a unit's starts and ends, the states between them are not told either. */
function looksChanged(was: Unit | undefined, unit: Unit): boolean {
  if (was === undefined) return true
  const summed = was.burst?.summary ?? null
  if (unit.burst?.summary != null) return summed === null || was.burst?.sinceMonoMs !== unit.burst.sinceMonoMs
  return summed !== null || JSON.stringify(unitJson(was)) !== JSON.stringify(unitJson(unit))
}
