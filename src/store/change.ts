// What a step changed, as far as it must be kept: for an agent that is killed, and for flash. Pure.
import { type State, unitOf } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import type { Step } from '../ports.ts'
import { sameCounters } from './format/unit-fields.ts'
import { differs } from './format/unit-record.ts'

export interface StepChange {
  /** True when there is something to keep at all; what systemd tells again when asked is not. */
  readonly any: boolean
  /** True when it is worth a commit: events, counts, the set of units. A mere change of state is not. */
  readonly forFlash: boolean
  /** The same units in the same order. */
  readonly sameSet: boolean
  readonly units: readonly Unit[]
}

export function changeOf({ before, after, events }: Pick<Step, 'before' | 'after' | 'events'>): StepChange {
  const sameSet = sameUnits(before, after)
  const units = sameSet ? after.units.filter((unit, i) => differs(unit, before.units[i] as Unit)) : after.units
  const forFlash =
    events.length > 0 ||
    !sameSet ||
    before.gatewayId !== after.gatewayId ||
    units.some((unit) => countsDiffer(unit, unitOf(before, unit.name) as Unit))
  const sameHead = before.bootId === after.bootId && before.seq === after.seq && before.seqGap === after.seqGap
  return { any: forFlash || units.length > 0 || !sameHead, forFlash, sameSet, units }
}

/** The same units in the same order. */
export function sameUnits(a: State, b: State): boolean {
  return (
    a.index === b.index || (a.units.length === b.units.length && a.units.every((u, i) => u.name === b.units[i]?.name))
  )
}

function countsDiffer(a: Unit, b: Unit): boolean {
  return !sameCounters(a.counters, b.counters) || !sameCounters(a.baseline, b.baseline)
}
