// The result of one observation for one unit: the new unit, and its events before they get sequence numbers.
import type { Event, Source } from './event.ts'
import type { Instant } from './observation.ts'
import type { Policy } from './state.ts'
import type { Counters, Unit } from './unit.ts'

type Numbered = 'seq' | 'atMs' | 'bootId' | 'clockSynced' | 'seqGap'
/** Omit, distributed over the union so that each kind keeps its own fields. */
type Without<E, K extends PropertyKey> = E extends unknown ? Omit<E, K> : never

/** An event before `step` assigns its sequence number, time and boot. */
export type PendingEvent = Without<Event, Numbered>

export interface Transition {
  readonly unit: Unit
  readonly events: readonly PendingEvent[]
}

/** When and how something became known, and the policy in effect. */
export interface Context {
  readonly at: Instant
  readonly source: Source
  readonly policy: Policy
}

export function count(unit: Unit, more: Partial<Counters>): Unit {
  const c = unit.counters
  return {
    ...unit,
    counters: {
      starts: c.starts + (more.starts ?? 0),
      stops: c.stops + (more.stops ?? 0),
      crashes: c.crashes + (more.crashes ?? 0),
      restarts: c.restarts + (more.restarts ?? 0),
      lost: c.lost + (more.lost ?? 0),
    },
  }
}

/** Applies `next` to the resulting unit, and returns the events of both. */
export function andThen(transition: Transition, next: (unit: Unit) => Transition): Transition {
  const after = next(transition.unit)
  if (transition.events.length === 0) return after
  return { unit: after.unit, events: [...transition.events, ...after.events] }
}

/** Whether nothing differs; snapshots are compared by value. */
export function isSameUnit(a: Unit, b: Unit): boolean {
  if (a === b) return true
  if (a.snapshot !== b.snapshot) {
    if (a.snapshot === null || b.snapshot === null) return false
    for (const key of Object.keys(a.snapshot) as (keyof typeof a.snapshot)[]) {
      if (a.snapshot[key] !== b.snapshot[key]) return false
    }
  }
  for (const key of Object.keys(a) as (keyof Unit)[]) {
    if (key !== 'snapshot' && a[key] !== b[key]) return false
  }
  return true
}
