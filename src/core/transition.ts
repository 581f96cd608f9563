// What one observation makes of one unit: the unit after it, and the events that are not numbered yet.
import type { Event, Source } from './event.ts'
import type { Instant } from './observation.ts'
import type { Policy } from './state.ts'
import type { Counters, Unit } from './unit.ts'

type Numbered = 'seq' | 'atMs' | 'bootId' | 'clockSynced' | 'seqGap'
/** Distributes over the union, so that each kind keeps its own fields. */
type Without<E, K extends PropertyKey> = E extends unknown ? Omit<E, K> : never

/** An event before `step` gives it its number, its time and its boot. */
export type PendingEvent = Without<Event, Numbered>

/** What one observation makes of one unit. */
export interface Transition {
  readonly unit: Unit
  readonly events: readonly PendingEvent[]
}

/** When, by whom, and under which policy something became known. */
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

/** Runs `next` on the unit as `lived` left it, and tells both. */
export function andThen(transition: Transition, next: (unit: Unit) => Transition): Transition {
  const after = next(transition.unit)
  if (transition.events.length === 0) return after
  return { unit: after.unit, events: [...transition.events, ...after.events] }
}
