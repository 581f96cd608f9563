// Forgets units that only a pattern named and that are over: first those that never come back, long before the list is full.
import type { Instant, Observation } from './observation.ts'
import { type State, withUnits } from './state.ts'
import { andThen, type Moment, type Transition } from './transition.ts'
import { addCounters, type Counters, shownCounters, type Unit, ZERO } from './unit.ts'
import { isOver } from './unit-facts.ts'
import { isInstance, templateOf } from './unit-name.ts'
import { applyNotLoaded } from './unit-snapshot.ts'

/** Its unit file is gone for so long. */
const GONE_FOR_MS = 24 * 3600_000
/** An instance of an Accept=yes socket is one connection: no other one will ever have its name. */
const CONNECTION_OVER_FOR_MS = 10 * 60_000
/** Any other instance may be started again. */
const UNLOADED_FOR_MS = 30 * 24 * 3600_000
/** Above this part of `max_units`, the list has to have room for new units. */
const MAKE_ROOM_ABOVE = 0.8
/** This part of `max_units` is freed at once, of units that never come back: each removal rewrites the whole state. */
const FREED_AT_ONCE = 0.02
/** Each template is a few series. The sums of further ones are added up under `OTHER`. */
const TEMPLATES_AT_MOST = 64
const OTHER = 'other'

/** systemd has unloaded the unit. One that is not an instance still has its file, or else it will be found to be gone. */
export function noteUnloaded(unit: Unit, at: Instant): Unit {
  if (unit.unloadedSinceMonoMs !== null || !unit.byPattern || !isInstance(unit.name) || !isOver(unit)) return unit
  return { ...unit, unloadedSinceMonoMs: at.monoMs }
}

/** systemd has listed the units that it has loaded. */
export function noteListed(unit: Unit, { loaded }: Observation & { readonly kind: 'listed' }, now: Moment): Transition {
  if (!loaded.has(unit.name))
    return andThen(applyNotLoaded(unit, now), (u) => ({ unit: noteUnloaded(u, now.at), events: [] }))
  return { unit: unit.unloadedSinceMonoMs === null ? unit : { ...unit, unloadedSinceMonoMs: null }, events: [] }
}

/**
 * After a reboot: the same ages on the clock of the new boot, less the time between the newest change known of the old boot
 * and its end. No wall clock is used: a clock that jumps from 1970 to today must not make anything old.
 */
export function onClockOfNextBoot(units: readonly Unit[]): readonly Unit[] {
  const times = units.flatMap(({ unloadedSinceMonoMs, snapshot, run }) => [
    unloadedSinceMonoMs ?? -Infinity,
    snapshot?.changedAtMonoMs ?? -Infinity,
    run?.openedAtMonoMs ?? -Infinity,
  ])
  const newest = times.reduce((a, b) => Math.max(a, b), -Infinity)
  return units.map((unit) =>
    unit.unloadedSinceMonoMs === null ? unit : { ...unit, unloadedSinceMonoMs: unit.unloadedSinceMonoMs - newest },
  )
}

/** Whether an Accept=yes socket starts the instances of this template. */
export function noteAccepting(state: State, template: string, accepting: boolean): State {
  if (state.connectionTemplates.has(template) === accepting) return state
  const connectionTemplates = new Set(state.connectionTemplates)
  if (accepting) connectionTemplates.add(template)
  else connectionTemplates.delete(template)
  return { ...state, connectionTemplates }
}

/** When the unit is due to be forgotten, monotonic; Infinity while it may still come back. */
export function forgetAtMonoMs(unit: Unit, { connectionTemplates }: State): number {
  if (!isForgettable(unit)) return Infinity
  const { unloadedSinceMonoMs: unloaded } = unit
  const afterMs = isConnection(unit, connectionTemplates) ? CONNECTION_OVER_FOR_MS : UNLOADED_FOR_MS
  return Math.min(goneSince(unit) + GONE_FOR_MS, (unloaded ?? Infinity) + afterMs)
}

/** Forgets the units that are due. */
export function forgetDue(state: State, at: Instant): State {
  return forget(
    state,
    state.units.filter((unit) => at.monoMs >= forgetAtMonoMs(unit, state)),
  )
}

/** Makes room while the list is too full: forgets connections and what never ran, then what has been over for longest. */
export function makeRoom(state: State): State {
  const excess = state.units.length - Math.floor(state.policy.maxUnits * MAKE_ROOM_ABOVE)
  if (excess <= 0) return state
  const over = state.units.filter((unit) => isForgettable(unit) && overSince(unit) < Infinity)
  over.sort((a, b) => overSince(a) - overSince(b))
  const isFirst = (unit: Unit) => isConnection(unit, state.connectionTemplates) || shownCounters(unit).starts === 0
  const first = over.filter(isFirst).slice(0, excess + Math.floor(state.policy.maxUnits * FREED_AT_ONCE))
  const next = over.filter((unit) => !isFirst(unit)).slice(0, Math.max(0, excess - first.length))
  return forget(state, [...first, ...next])
}

/** Nothing of it is still to be reported. */
function isForgettable({ byPattern, run, burst }: Unit): boolean {
  return byPattern && run === null && (burst?.summary ?? null) === null
}

function overSince(unit: Unit): number {
  return Math.min(goneSince(unit), unit.unloadedSinceMonoMs ?? Infinity)
}

/** A unit that is masked or invalid is still there: systemd lists it, and it would be found again at once. */
function goneSince({ settings, goneSinceMonoMs }: Unit): number {
  return settings?.loadState === 'not-found' ? (goneSinceMonoMs ?? Infinity) : Infinity
}

function isConnection({ name }: Unit, connectionTemplates: ReadonlySet<string>): boolean {
  const template = templateOf(name)
  return template !== null && connectionTemplates.has(template)
}

function forget(state: State, units: readonly Unit[]): State {
  if (units.length === 0) return state
  const forgotten = new Map<string, Counters>(state.forgotten)
  for (const unit of units) {
    const template = templateOf(unit.name) ?? OTHER
    const key = forgotten.has(template) || forgotten.size < TEMPLATES_AT_MOST ? template : OTHER
    forgotten.set(key, addCounters(forgotten.get(key) ?? ZERO, shownCounters(unit)))
  }
  const gone = new Set(units)
  const left = state.units.filter((unit) => !gone.has(unit))
  return { ...withUnits(state, left), forgotten }
}
