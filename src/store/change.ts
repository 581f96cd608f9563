// Compares the state before and after a step: what must go to the spill, and what is worth a commit. Pure.
import { limitHistories } from '../core/explain/histories.ts'
import { type State, unitOf } from '../core/state.ts'
import { type Unit, ZERO } from '../core/unit.ts'
import type { Step } from '../ports.ts'
import { sameCounters } from './format/unit-fields.ts'
import { differs } from './format/unit-record.ts'

export interface StepChange {
  /** True if anything changed that must be stored. Values that can be read from systemd again do not count. */
  readonly any: boolean
  /** True if a commit is due for it: events, counters, or the set of units changed. A unit's active state alone is not enough. */
  readonly forFlash: boolean
  /** True if a delta can hold it: units changed or were added, and none was removed. */
  readonly fitsDelta: boolean
  /** The units that changed or were added; all of them if a delta cannot hold the change. */
  readonly units: readonly Unit[]
}

export function changeOf({ before, after, events }: Pick<Step, 'before' | 'after' | 'events'>): StepChange {
  const fitsDelta = isExtended(before, after)
  const units = fitsDelta ? after.units.filter((unit, i) => isChanged(unit, before.units[i])) : after.units
  const forFlash =
    events.length > 0 ||
    !fitsDelta ||
    before.gatewayId !== after.gatewayId ||
    before.formerImported !== after.formerImported ||
    before.machineId !== after.machineId ||
    units.some((unit) => countsDiffer(unit, unitOf(before, unit.name)))
  const sameHead =
    before.bootId === after.bootId &&
    before.bootedAtMs === after.bootedAtMs &&
    before.seq === after.seq &&
    before.seqGap === after.seqGap
  return { any: forFlash || units.length > 0 || !sameHead, forFlash, fitsDelta, units }
}

/**
 * True if `after` has the units of `before` in the same order, perhaps with others after them, the same sums, and wall
 * times by the same setting of the clock.
 */
export function isExtended(before: State, after: State): boolean {
  const extended = before.index === after.index || before.units.every((u, i) => u.name === after.units[i]?.name)
  return extended && !isClockSet(before, after) && sameSums(before.forgotten, after.forgotten)
}

/** The wall clock was set: the wall times of all units may have changed, and belong to `bootedAtMs` in the header. */
function isClockSet(before: State, after: State): boolean {
  const known = before.bootId === after.bootId && before.bootedAtMs !== null
  return known && before.bootedAtMs !== after.bootedAtMs
}

/** True if the unit is new, or differs in more than values that can be read from systemd again. */
export function isChanged(unit: Unit, before: Unit | undefined): boolean {
  return before === undefined || differs(unit, before)
}

/** The units to write of those that changed: one that only lost its history is left out if a reader finds that by the limit. */
export function unitsToWrite(changed: readonly Unit[], before: State, after: State): readonly Unit[] {
  const lost = new Map<Unit, Unit>()
  for (const unit of changed) {
    const was = unit.history === null ? unitOf(before, unit.name) : undefined
    if (was?.history && !differs({ ...was, history: null }, unit)) lost.set(unit, was)
  }
  if (lost.size === 0) return changed
  const found = limitHistories(after.units.map((unit) => lost.get(unit) ?? unit))
  const isFound = found.every(({ history }, i) => (history === null) === (after.units[i]?.history === null))
  return isFound ? changed.filter((unit) => !lost.has(unit)) : changed
}

function sameSums(a: State['forgotten'], b: State['forgotten']): boolean {
  return a === b || (a.size === b.size && [...a].every(([key, sum]) => sameCounters(sum, b.get(key) ?? ZERO)))
}

function countsDiffer(a: Unit, b: Unit | undefined): boolean {
  return b === undefined || !sameCounters(a.counters, b.counters) || !sameCounters(a.baseline, b.baseline)
}
