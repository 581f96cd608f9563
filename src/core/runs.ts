// Run transitions: start, stop, crash, lost. Each returns the new unit and its events.
import { causeOf, isCrash, isEnded, UNKNOWN_CAUSE, willRestart } from './cause.ts'
import type { StateChange } from './event.ts'
import { recordCrash } from './flapping.ts'
import { emitEnd, emitStart } from './rate-limit.ts'
import { andThen, type Context, count, type Transition } from './transition.ts'
import { type Cause, own, type ProvenEnd, shownCounters, type Unit, type UnitSnapshot } from './unit.ts'

/** How many run ids are kept: signals of earlier runs can still arrive after a read has shown the next run. */
const RUN_IDS = 3

/**
 * A run started. `snapshot` may still show the previous run; it is null for a run that is proven but was not observed,
 * which has an id only if the journal contains it.
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

/**
 * The job under which the run started. If it was already active when first seen, the job queued now is a later one. If
 * it was deactivating with a bad Result, its start failed and the queued job is still the start job.
 */
function openingJob(unit: Unit, snapshot: UnitSnapshot | null): number {
  const ending = snapshot?.activeState === 'deactivating' && (snapshot.result ?? 'success') === 'success'
  const metLate = unit.tracking !== 'continuous' && (snapshot?.activeState === 'active' || ending)
  return metLate ? 0 : (snapshot?.job ?? 0)
}

/** The open run ended, as `snapshot` shows. */
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

/** The open run crashed unobserved: proven by an automatic restart that follows only crashes. The cause is unknown. */
export function endAsUnseenCrash(unit: Unit, ctx: Context): Transition {
  return closeRun(unit, ctx, UNKNOWN_CAUSE, false, { ...FAILED, willRestart: true })
}

/** The open run ended unobserved, as the journal proves. */
export function endAsProven(unit: Unit, ctx: Context, { cause, requested }: ProvenEnd): Transition {
  return closeRun(unit, ctx, cause, requested, { ...(isCrash(cause) ? FAILED : DEAD), willRestart: null })
}

/** The state of the unit after a run, the job that ended it, and the forecast. */
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
  return requested ? transition : andThen(transition, (unit) => recordCrash(unit, ctx))
}

/** The open run ended, and how is unknown. */
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
