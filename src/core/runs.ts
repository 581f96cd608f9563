// The ways a unit's life is counted: a run opens, ends, or is lost. Each returns the unit after it and what to tell.

import { causeOf, isCrash, isEnded, UNKNOWN_CAUSE, willRestart } from './cause.ts'
import type { Change, Event, Source } from './event.ts'
import { noteCrash } from './flapping.ts'
import type { ProvenEnd } from './journal-proof.ts'
import type { Instant } from './observation.ts'
import { tellOfEnd, tellOfStart } from './rate-limit.ts'
import type { Policy } from './state.ts'
import { type Cause, type Counters, own, type Sighting, shownCounters, type Unit } from './unit.ts'

type Numbered = 'seq' | 'atMs' | 'bootId' | 'clockSynced' | 'seqGap'
/** Distributes over the union, so that each kind keeps its own fields. */
type Without<E, K extends PropertyKey> = E extends unknown ? Omit<E, K> : never

/** An event before `step` gives it its number, its time and its boot. */
export type Telling = Without<Event, Numbered>

/** What one observation makes of one unit. */
export interface Lived {
  readonly unit: Unit
  readonly told: readonly Telling[]
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
export function andThen(lived: Lived, next: (unit: Unit) => Lived): Lived {
  const after = next(lived.unit)
  if (lived.told.length === 0) return after
  return { unit: after.unit, told: [...lived.told, ...after.told] }
}

/**
 * A run opened. `seen` may still show the run before it, or be null for a run that is proven but that nobody saw;
 * such a run has an id only where the journal knows it.
 */
export function open(
  unit: Unit,
  ctx: Context,
  seen: Sighting | null,
  restart: boolean,
  id = seen?.invocationId ?? null,
): Lived {
  const opened: Unit = {
    ...count(unit, { starts: 1, restarts: restart ? 1 : 0 }),
    run: { id: id ?? '', openedAtMonoMs: ctx.at.monoMs, openedAtMs: ctx.at.wallMs, job: openingJob(unit, seen) },
    runIds: id === null ? unit.runIds : [id, ...unit.runIds].slice(0, RUN_IDS),
    failed: null,
    gaveUp: false,
  }
  const alive = seen !== null && !isEnded(seen)
  return tellOfStart(opened, ctx, {
    kind: restart ? 'restart' : 'start',
    unit: unit.name,
    source: ctx.source,
    fromState: unit.contact === 'never' ? 'unknown' : (unit.seen?.activeState ?? 'inactive'),
    toState: alive ? seen.activeState : 'activating',
    subState: alive ? seen.subState : 'start',
    invocationId: id,
    counters: shownCounters(opened),
  })
}
/** How many ids are remembered: signals of the run before may still be under way when a read shows the next. */
const RUN_IDS = 3

/**
 * A run met when it already was active did not open under the job that is queued now; one met while it is ended did,
 * where its Result is bad already: its start failed, and the start job waits for the end.
 */
function openingJob(unit: Unit, seen: Sighting | null): number {
  const ending = seen?.activeState === 'deactivating' && (seen.result ?? 'success') === 'success'
  const metLate = unit.contact !== 'kept' && (seen?.activeState === 'active' || ending)
  return metLate ? 0 : (seen?.job ?? 0)
}

/** The open run ended, and `seen` says how. */
export function end(unit: Unit, ctx: Context, seen: Sighting): Lived {
  const cause = causeOf(seen)
  const requested = seen.job !== 0 && seen.job !== unit.run?.job
  return close(unit, ctx, cause, requested, {
    toState: seen.activeState,
    subState: seen.subState,
    job: seen.job,
    willRestart: isCrash(cause) ? willRestart(unit.settings, cause, seen, requested) : null,
  })
}

/** The open run crashed unseen: an automatic restart that follows only crashes proves it, not how. */
export function endProvenCrash(unit: Unit, ctx: Context): Lived {
  return close(unit, ctx, UNKNOWN_CAUSE, false, { ...FAILED, willRestart: true })
}

/** The open run ended unseen, and the journal tells how. */
export function endProven(unit: Unit, ctx: Context, { cause, requested }: ProvenEnd): Lived {
  return close(unit, ctx, cause, requested, { ...(isCrash(cause) ? FAILED : DEAD), willRestart: null })
}

/** What the unit is after a run, and what follows. */
interface After {
  readonly toState: string
  readonly subState: string
  readonly job: number
  readonly willRestart: boolean | null
}

const FAILED = { toState: 'failed', subState: 'failed', job: 0 }
const DEAD = { toState: 'inactive', subState: 'dead', job: 0 }

function close(unit: Unit, ctx: Context, cause: Cause, requested: boolean, after: After): Lived {
  const { toState, subState } = after
  const change: Change = { fromState: unit.seen?.activeState ?? 'unknown', toState, subState }
  const closed: Unit = { ...unit, run: null, endJob: after.job }
  if (isCrash(cause)) return crash(closed, ctx, unit.run?.id || null, cause, change, requested, after.willRestart)
  const stopped = count(closed, { stops: 1 })
  return tellOfEnd(stopped, ctx, {
    kind: 'stop',
    unit: unit.name,
    source: ctx.source,
    ...change,
    ...cause,
    invocationId: unit.run?.id ?? '',
    requested,
    counters: shownCounters(stopped),
  })
}

function crash(
  closed: Unit,
  ctx: Context,
  id: string | null,
  cause: Cause,
  change: Change,
  requested: boolean,
  willRestart: boolean | null,
): Lived {
  const before = own(closed.failures, cause.result) ?? { unrequested: 0, requested: 0 }
  const kind = requested ? 'requested' : 'unrequested'
  const crashed: Unit = {
    ...count(closed, { crashes: 1 }),
    failures: { ...closed.failures, [cause.result]: { ...before, [kind]: before[kind] + 1 } },
    lastCrash: { cause, requested, atMs: ctx.at.wallMs },
  }
  const lived = tellOfEnd(crashed, ctx, {
    kind: 'crash',
    unit: closed.name,
    source: ctx.source,
    ...change,
    ...cause,
    invocationId: id,
    requested,
    willRestart,
    counters: shownCounters(crashed),
  })
  return requested ? lived : andThen(lived, (unit) => noteCrash(unit, ctx))
}

/** The open run is over and nobody can say how. */
export function lose(unit: Unit, ctx: Context): Lived {
  const lost = count({ ...unit, run: null, endJob: 0 }, { lost: 1 })
  return tellOfEnd(lost, ctx, {
    kind: 'lost',
    unit: unit.name,
    source: ctx.source,
    invocationId: unit.run?.id || null,
    counters: shownCounters(lost),
  })
}
