// The state of a unit as the live stream sends it, and which units changed theirs in a step.
import { type State, unitOf } from '../state.ts'
import type { Unit } from '../unit.ts'
import { isKnown, shownState } from '../unit-facts.ts'
import { type Json, rfc3339 } from './api-json.ts'

export interface UnitState {
  readonly unit: string
  readonly activeState: string
  /** Null while the state is unknown. */
  readonly subState: string | null
  /** Wall time of the last change; null if that is unknown. */
  readonly sinceMs: number | null
}

/** The watched units whose state is another one after the step. */
export function changedStates(before: State, after: State): UnitState[] {
  if (before.units === after.units) return []
  const changed: UnitState[] = []
  after.units.forEach((unit, i) => {
    const former = before.index === after.index ? before.units[i] : unitOf(before, unit.name)
    if (former === unit) return
    const state = stateOf(unit)
    if (former === undefined ? isKnown(unit) : !isSame(stateOf(former), state)) changed.push(state)
  })
  return changed
}

function stateOf(unit: Unit): UnitState {
  const known = isKnown(unit)
  return {
    unit: unit.name,
    activeState: shownState(unit),
    subState: known ? unit.snapshot.subState : null,
    sinceMs: known ? unit.changedAtMs : null,
  }
}

function isSame(a: UnitState, b: UnitState): boolean {
  return a.activeState === b.activeState && a.subState === b.subState && a.sinceMs === b.sinceMs
}

/** The message of the stream; its fields are those of the unit in `unitJson`. */
export function stateJson({ unit, activeState, subState, sinceMs }: UnitState): Json {
  const since = sinceMs === null ? null : rfc3339(sinceMs)
  return { state: { service: unit, active_state: activeState, sub_state: subState, since } }
}
