// Compares the state before and after a step: what must go to the spill, and what is worth a commit. Pure.
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
  /** True if neither the set of units and its order changed, nor the sums of forgotten ones. */
  readonly sameSet: boolean
  /** The units that changed; all of them if the set changed. */
  readonly units: readonly Unit[]
}

export function changeOf({ before, after, events }: Pick<Step, 'before' | 'after' | 'events'>): StepChange {
  const same = sameSet(before, after)
  const units = same ? after.units.filter((unit, i) => differs(unit, before.units[i] as Unit)) : after.units
  const forFlash =
    events.length > 0 ||
    !same ||
    before.gatewayId !== after.gatewayId ||
    units.some((unit) => countsDiffer(unit, unitOf(before, unit.name) as Unit))
  const sameHead = before.bootId === after.bootId && before.seq === after.seq && before.seqGap === after.seqGap
  return { any: forFlash || units.length > 0 || !sameHead, forFlash, sameSet: same, units }
}

/** True if both have the same units in the same order, and the same sums of forgotten ones: a delta can hold the rest. */
export function sameSet(a: State, b: State): boolean {
  const sameUnits =
    a.index === b.index || (a.units.length === b.units.length && a.units.every((u, i) => u.name === b.units[i]?.name))
  return sameUnits && sameSums(a.forgotten, b.forgotten)
}

function sameSums(a: State['forgotten'], b: State['forgotten']): boolean {
  return a === b || (a.size === b.size && [...a].every(([key, sum]) => sameCounters(sum, b.get(key) ?? ZERO)))
}

function countsDiffer(a: Unit, b: Unit): boolean {
  return !sameCounters(a.counters, b.counters) || !sameCounters(a.baseline, b.baseline)
}
