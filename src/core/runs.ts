// Run transitions: start, stop, crash, lost. Each returns the new unit and its events.

import { causeOf, isCrash, isEnded, UNKNOWN_CAUSE, willRestart } from './cause.ts'
import type { StateChange } from './event.ts'
import type { Cause, Evidence } from './explain/evidence.ts'
import { historyOf, sameCause, stampOf, withCrash } from './explain/history.ts'
import { signatureOf } from './explain/signature.ts'
import { recordCrash } from './flapping.ts'
import { emitEnd, emitStart } from './limits/rate-limit.ts'
import { andThen, type Context, count, type Transition } from './transition.ts'
import { own, type Run, shownCounters, type Unit, type UnitSnapshot } from './unit.ts'
import { currentSettings } from './unit-facts.ts'

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
    ...count(unit, ctx, { starts: 1, restarts: restart ? 1 : 0 }),
    run: {
      id: id ?? '',
      openedAtMonoMs: ctx.at.monoMs,
      openedAtMs: ctx.at.wallMs,
      job: openingJob(unit, snapshot),
      requested: snapshot !== null && isStopping(snapshot) && isMetLate(unit, snapshot),
      // The states of a run before this one are never `deactivating`: this Result is the run's own.
      badResult: snapshot?.activeState === 'deactivating' ? badResultOf(snapshot) : null,
      startObserved: snapshot !== null && unit.tracking === 'continuous' && ctx.source === 'signal',
      firstOfBoot: isFirstOfBoot(unit),
    },
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
 * Whether the unit did not run before in this boot: it was not active when it was first read, and all its runs were observed since.
 * Only of an enabled one, which systemd does not unload: of another one, systemd may have forgotten that it ran.
 */
function isFirstOfBoot({ settings, runIds, tracking }: Unit): boolean {
  return settings?.enabled === true && !settings.wasActive && runIds.length === 0 && tracking === 'continuous'
}

/**
 * The job under which the run started. If it was already active when first seen, the job queued now is a later one. If
 * it was deactivating with a bad Result, its start failed and the queued job is still the start job.
 */
function openingJob(unit: Unit, snapshot: UnitSnapshot | null): number {
  return snapshot === null || isMetLate(unit, snapshot) ? 0 : snapshot.job
}

/** The run was already active, or already ending after it was active, when first seen. */
function isMetLate(unit: Unit, { activeState, result }: UnitSnapshot): boolean {
  const ending = activeState === 'deactivating' && (result ?? 'success') === 'success'
  return unit.tracking !== 'continuous' && (activeState === 'active' || ending)
}

/** systemd stops the unit under a job, and its main process has not exited. */
function isStopping({ activeState, job, mainCode }: UnitSnapshot): boolean {
  return activeState === 'deactivating' && job !== 0 && mainCode === 0
}

/**
 * What one more snapshot of the open run adds to what is known of it. The start job is done once the run is active: a
 * later end under the same job id was requested, as systemd merges a restart into a start job that is still running.
 */
export function runAfter({ run, snapshot: last }: Unit, snapshot: UnitSnapshot): Run | null {
  // The first snapshot of a run can show the states of the run before, and late signals of an earlier run can follow.
  if (run === null || last?.invocationId !== run.id || snapshot.invocationId !== run.id) return run
  const job = snapshot.activeState === 'active' ? 0 : run.job
  const badResult = run.badResult ?? badResultOf(snapshot)
  const requested = run.requested || (badResult === null && showsRequest(run, last, snapshot))
  const same = job === run.job && requested === run.requested && badResult === run.badResult
  return same ? run : { ...run, job, requested, badResult }
}

function badResultOf({ result }: UnitSnapshot): string | null {
  return result !== null && isCrash({ result }) ? result : null
}

/**
 * A job that appears with or after the exit does not show that anyone requested it: under `Upholds=`, or when someone
 * starts the unit while ExecStopPost= of a crash runs, that job is a start job. The main process of a oneshot with
 * RemainAfterExit= has exited long before.
 */
function showsRequest(run: Run, last: UnitSnapshot, snapshot: UnitSnapshot): boolean {
  if (snapshot.job === run.job) return false
  const exitedBefore = last.activeState === 'active' && last.mainCode === snapshot.mainCode
  return isStopping(exitedBefore ? { ...snapshot, mainCode: 0 } : snapshot)
}

/**
 * Whether the end that this snapshot shows was requested. A unit without a running process (a target, a timer, a
 * oneshot with RemainAfterExit=) stops in one step; its stop job is seen while it is still active.
 */
function isRequestedEnd({ name, run, snapshot: last }: Unit, snapshot: UnitSnapshot): boolean {
  if (run === null || run.requested) return run?.requested === true
  if (snapshot.job === 0 || snapshot.job === run.job || last?.activeState !== 'active') return false
  const hasNoProcess = last.subState === 'exited' || !/\.(service|mount|swap|scope)$/.test(name)
  return hasNoProcess && (!isCrash(causeOf(snapshot)) || last.job === snapshot.job)
}

/** The open run ended, as `snapshot` shows. */
export function endRun(unit: Unit, ctx: Context, snapshot: UnitSnapshot): Transition {
  const cause = causeOf(snapshot, unit.run?.badResult ?? null)
  const requested = isRequestedEnd(unit, snapshot)
  return closeRun(unit, ctx, cause, requested, {
    toState: snapshot.activeState,
    subState: snapshot.subState,
    // After a gap, a job may have been queued after the end: the start that follows under it is not its restart.
    job: requested || unit.tracking === 'continuous' ? snapshot.job : 0,
    willRestart: isCrash(cause) ? willRestart(currentSettings(unit), cause, snapshot, requested) : null,
  })
}

/** The open run crashed unobserved: proven by an automatic restart that follows only crashes. The cause is unknown. */
export function endAsUnseenCrash(unit: Unit, ctx: Context): Transition {
  return closeRun(unit, ctx, UNKNOWN_CAUSE, false, { ...FAILED, willRestart: true })
}

/** The open run ended unobserved, as the journal proves. */
export function endAsProven(unit: Unit, ctx: Context, proven: Cause): Transition {
  const cause: Cause = { ...proven, result: unit.run?.badResult ?? proven.result }
  const requested = unit.run?.requested === true
  return closeRun(unit, ctx, cause, requested, { ...(isCrash(cause) ? FAILED : DEAD), willRestart: null })
}

/** The open run ended unobserved. It crashed if its Result was already bad, or if `crashed`; else it is lost. */
export function endUnobserved(unit: Unit, ctx: Context, crashed = false): Transition {
  const { run, snapshot } = unit
  if (run === null || run.badResult === null) return crashed ? endAsUnseenCrash(unit, ctx) : loseRun(unit, ctx)
  const cause = snapshot?.invocationId === run.id ? causeOf(snapshot) : UNKNOWN_CAUSE
  return endAsProven(unit, ctx, cause)
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
  // The job of a requested end may be a restart job, whose start can still be refused.
  const job = requested && after.job !== 0 ? { id: after.job, starts: unit.counters.starts } : unit.job
  // A start job stops nothing: a restart was merged into the one that was queued.
  const startJob = requested ? 0 : unit.startJob
  const closed: Unit = { ...unit, run: null, endJob: after.job, startJob, stopRequested: requested, job }
  if (isCrash(cause)) return countCrash(closed, ctx, unit.run, cause, change, requested, after.willRestart)
  const stopped = count(closed, ctx, { stops: 1 })
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
  run: Run | null,
  cause: Cause,
  change: StateChange,
  requested: boolean,
  willRestart: boolean | null,
): Transition {
  const before = own(closed.failures, cause.result) ?? { unrequested: 0, requested: 0 }
  const kind = requested ? 'requested' : 'unrequested'
  const now = stampOf(ctx.at, ctx.clockSynced)
  const signature = signatureOf(closed.name, cause)
  const counted = count(closed, ctx, { crashes: 1 })
  const history = withCrash(historyOf(counted, now), now, cause, signature)
  const crashed: Unit = {
    ...counted,
    history,
    failures: { ...closed.failures, [cause.result]: { ...before, [kind]: before[kind] + 1 } },
    lastCrash: { cause, requested, atMs: ctx.at.wallMs, thisBoot: true },
  }
  const transition = emitEnd(crashed, ctx, {
    kind: 'crash',
    unit: closed.name,
    source: ctx.source,
    ...change,
    ...cause,
    invocationId: run?.id || null,
    requested,
    willRestart,
    evidence: { ...evidenceOf(run, ctx), ...sameCause(history, now, signature), signature },
    counters: shownCounters(crashed),
  })
  return requested ? transition : andThen(transition, (unit) => recordCrash(unit, ctx))
}

/** What is known of a run that ends now. */
function evidenceOf(run: Run | null, { at, source }: Context): Evidence {
  const isLengthKnown = run?.startObserved === true && source === 'signal'
  return {
    ...(isLengthKnown && { ranMs: Math.max(0, Math.round(at.monoMs - run.openedAtMonoMs)) }),
    ...(run?.firstOfBoot && { firstRunOfBoot: true }),
  }
}

/** The open run ended, and how is unknown. */
export function loseRun(unit: Unit, ctx: Context): Transition {
  const lost = count({ ...unit, run: null, endJob: 0, stopRequested: false }, ctx, { lost: 1 })
  return emitEnd(lost, ctx, {
    kind: 'lost',
    unit: unit.name,
    source: ctx.source,
    invocationId: unit.run?.id || null,
    counters: shownCounters(lost),
  })
}
