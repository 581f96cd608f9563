// The result of one observation for one unit: the new unit, and its events before they get sequence numbers.
import type { Event, Source } from './event.ts'
import { historyOf, stampOf, withCounted } from './explain/history.ts'
import type { Instant } from './observation.ts'
import type { Policy, State } from './state.ts'
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

/** When something became known, whether the clock was synchronised, and the policy in effect. */
export interface Moment {
  readonly at: Instant
  readonly clockSynced: boolean
  readonly policy: Policy
}

export interface Context extends Moment {
  readonly source: Source
}

export function momentOf({ clockSynced, policy }: State, at: Instant): Moment {
  return { at, clockSynced: clockSynced === true, policy }
}

export function count(unit: Unit, ctx: Context, more: Partial<Counters>): Unit {
  const c = unit.counters
  const now = stampOf(ctx.at, ctx.clockSynced)
  return {
    ...unit,
    history: withCounted(historyOf(unit, now), now, more),
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
