// Retained unit states to publish: each unit once, with its newest state, however often it changed. Pure.

import type { Event } from '../../core/event.ts'
import { changedUnits, removedUnits, type State } from '../../core/state.ts'
import type { Unit } from '../../core/unit.ts'
import { shownState } from '../../core/unit-facts.ts'
import { type Json, unitJson } from '../../core/views/api-json.ts'
import type { Step } from '../../ports.ts'

/** The unit's state at the time of publishing, or an empty payload, which clears its topic. */
export interface PendingState {
  readonly unit: string
  readonly gone: boolean
}

export interface Snapshots {
  /** Returns whether changes wait for `release`, because another one may follow soon. */
  accept(step: Step): boolean
  /** Everything that waits can be published now. */
  release(): void
  /** After a CONNACK: the broker may have forgotten everything. */
  all(state: State): void
  /** The broker holds a state of a unit that is not watched. */
  clear(unit: string): void
  /** The oldest change, in flight from then on; null when there is none. */
  next(): PendingState | null
  settle(snapshot: PendingState): void
}

/** Topics to clear that are remembered while disconnected: a pattern may match any number of units over time. */
const GONE_AT_MOST = 1000

export function createSnapshots(): Snapshots {
  /** Units with a change that is not urgent, until `release`. */
  const waiting = new Set<string>()
  const changed = new Set<string>()
  const gone = new Set<string>()
  /** The value: whether the unit's topic is being cleared. */
  const inFlight = new Map<string, boolean>()

  function forget(unit: string): void {
    waiting.delete(unit)
    changed.delete(unit)
    if (gone.size < GONE_AT_MOST) gone.add(unit)
  }

  function note(was: Unit | undefined, unit: Unit, events: readonly Event[]): void {
    const { name } = unit
    const urgent = isUrgent(was, unit, events)
    if (changed.has(name) || (!urgent && waiting.has(name)) || !looksChanged(was, unit)) return
    gone.delete(name)
    waiting.delete(name)
    ;(urgent ? changed : waiting).add(name)
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
    accept({ before, after, events }) {
      for (const [was, unit] of changedUnits(before, after)) note(was, unit, events)
      for (const unit of removedUnits(before, after)) forget(unit)
      return waiting.size > 0
    },
    release() {
      for (const unit of waiting) changed.add(unit)
      waiting.clear()
    },
    all(state) {
      for (const [unit, isGone] of inFlight) if (isGone) forget(unit)
      inFlight.clear()
      waiting.clear()
      changed.clear()
      for (const { name } of state.units) gone.delete(name)
      for (const { name } of state.units) changed.add(name)
    },
    clear: forget,
    next: () => take(gone, true) ?? take(changed, false),
    settle({ unit }) {
      inFlight.delete(unit)
    },
  }
}

/**
 * It failed, systemd gave up, or there is no contact any more: somebody may have to act. A failure that systemd restarts is
 * followed by the next state within milliseconds.
 */
function isUrgent(was: Unit | undefined, unit: Unit, events: readonly Event[]): boolean {
  if (was === undefined) return false
  if (unit.gaveUp && !was.gaveUp) return true
  const state = shownState(unit)
  if (state === shownState(was)) return false
  return state === 'unknown' || (state === 'failed' && !events.some((event) => isRestarted(event, unit)))
}

function isRestarted(event: Event, { name }: Unit): boolean {
  return event.kind === 'crash' && event.unit === name && event.willRestart === true
}

/** While a summary replaces the unit's start and end events, the states between them are not published either. */
function looksChanged(was: Unit | undefined, unit: Unit): boolean {
  if (was === undefined || was.outOfContact !== unit.outOfContact) return true
  const inSummary = was.burst?.summary ?? null
  if (unit.burst?.summary != null) return inSummary === null || was.burst?.sinceMonoMs !== unit.burst.sinceMonoMs
  return inSummary !== null || payloadDiffers(unitJson(was), unitJson(unit))
}

/** Ends at the first difference, and writes JSON only to compare objects. */
function payloadDiffers(before: Json, after: Json): boolean {
  return Object.keys(after).some(
    (key) => before[key] !== after[key] && JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  )
}
