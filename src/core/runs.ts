// The ways a unit's life is counted: a run opens, ends, or is lost. Each returns the unit after it and what to tell.
import { causeOf, isCrash, isEnded, UNKNOWN_CAUSE, willRestart } from './cause.ts'
import type { StateChange } from './event.ts'
import { noteCrash } from './flapping.ts'

import { emitEnd, emitStart } from './rate-limit.ts'
import { andThen, type Context, count, type Transition } from './transition.ts'
import { type Cause, own, type ProvenEnd, shownCounters, type Unit, type UnitSnapshot } from './unit.ts'

/**
 * A run opened. `seen` may still show the run before it, or be null for a run that is proven but that nobody saw;
 * such a run has an id only where the journal knows it.
 */
export function openRun(
  unit: Unit,
  ctx: Context,
  snapshot: UnitSnapshot | null,
  restart: boolean,
  id = snapshot?.invocationId ?? null,
): Transition {
  const opened: Unit = {
    ...count(unit, { starts: 1, restarts: restart ? 1 : 0 }),
    run: { id: id ?? '', openedAtMonoMs: ctx.at.monoMs, openedAtMs: ctx.at.wallMs, job: openingJob(unit, snapshot) },
    runIds: id === null ? unit.runIds : [id, ...unit.runIds].slice(0, RUN_IDS),
    failed: null,
    gaveUp: false,
  }
  const alive = snapshot !== null && !isEnded(snapshot)
  return emitStart(opened, ctx, {
    kind: restart ? 'restart' : 'start',
    unit: unit.name,
    source: ctx.source,
    fromState: unit.tracking === 'unseen' ? 'unknown' : (unit.snapshot?.activeState ?? 'inactive'),
    toState: alive ? snapshot.activeState : 'activating',
    subState: alive ? snapshot.subState : 'start',
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
function openingJob(unit: Unit, snapshot: UnitSnapshot | null): number {
  const ending = snapshot?.activeState === 'deactivating' && (snapshot.result ?? 'success') === 'success'
  const metLate = unit.tracking !== 'continuous' && (snapshot?.activeState === 'active' || ending)
  return metLate ? 0 : (snapshot?.job ?? 0)
}

/** The open run ended, and `seen` says how. */
export function endRun(unit: Unit, ctx: Context, snapshot: UnitSnapshot): Transition {
  const cause = causeOf(snapshot)
  const requested = snapshot.job !== 0 && snapshot.job !== unit.run?.job
  return closeRun(unit, ctx, cause, requested, {
    toState: snapshot.activeState,
    subState: snapshot.subState,
    job: snapshot.job,
    willRestart: isCrash(cause) ? willRestart(unit.settings, cause, snapshot, requested) : null,
  })
}

/** The open run crashed unseen: an automatic restart that follows only crashes proves it, not how. */
export function endAsUnseenCrash(unit: Unit, ctx: Context): Transition {
  return closeRun(unit, ctx, UNKNOWN_CAUSE, false, { ...FAILED, willRestart: true })
}

/** The open run ended unseen, and the journal tells how. */
export function endAsProven(unit: Unit, ctx: Context, { cause, requested }: ProvenEnd): Transition {
  return closeRun(unit, ctx, cause, requested, { ...(isCrash(cause) ? FAILED : DEAD), willRestart: null })
}

/** What the unit is after a run, and what follows. */
interface StateAfterRun {
  readonly toState: string
  readonly subState: string
  readonly job: number
  readonly willRestart: boolean | null
}

const FAILED = { toState: 'failed', subState: 'failed', job: 0 }
const DEAD = { toState: 'inactive', subState: 'dead', job: 0 }

function closeRun(unit: Unit, ctx: Context, cause: Cause, requested: boolean, after: StateAfterRun): Transition {
  const { toState, subState } = after
  const change: StateChange = { fromState: unit.snapshot?.activeState ?? 'unknown', toState, subState }
  const closed: Unit = { ...unit, run: null, endJob: after.job }
  if (isCrash(cause)) return countCrash(closed, ctx, unit.run?.id || null, cause, change, requested, after.willRestart)
  const stopped = count(closed, { stops: 1 })
  return emitEnd(stopped, ctx, {
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

function countCrash(
  closed: Unit,
  ctx: Context,
  id: string | null,
  cause: Cause,
  change: StateChange,
  requested: boolean,
  willRestart: boolean | null,
): Transition {
  const before = own(closed.failures, cause.result) ?? { unrequested: 0, requested: 0 }
  const kind = requested ? 'requested' : 'unrequested'
  const crashed: Unit = {
    ...count(closed, { crashes: 1 }),
    failures: { ...closed.failures, [cause.result]: { ...before, [kind]: before[kind] + 1 } },
    lastCrash: { cause, requested, atMs: ctx.at.wallMs },
  }
  const transition = emitEnd(crashed, ctx, {
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
  return requested ? transition : andThen(transition, (unit) => noteCrash(unit, ctx))
}

/** The open run is over and nobody can say how. */
export function loseRun(unit: Unit, ctx: Context): Transition {
  const lost = count({ ...unit, run: null, endJob: 0 }, { lost: 1 })
  return emitEnd(lost, ctx, {
    kind: 'lost',
    unit: unit.name,
    source: ctx.source,
    invocationId: unit.run?.id || null,
    counters: shownCounters(lost),
  })
}
