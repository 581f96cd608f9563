// Reconciliation after a gap: counts the runs that NRestarts or the journal prove; the ends of all others are lost.

import { causeOf, isCrash, isEnded, restartAnnounced, restartProvesCrash, signalNumber, willRestart } from './cause.ts'
import type { Cause } from './explain/evidence.ts'
import { endAsProven, endAsUnseenCrash, endRun, endUnobserved, loseRun, openRun } from './runs.ts'
import { andThen, type Context, type Transition } from './transition.ts'
import { NO_PROOF, type ProvenRun, type Settings, type Unit, type UnitSnapshot } from './unit.ts'
import { currentSettings } from './unit-facts.ts'

/**
 * How a snapshot relates to the run whose id it has. `opening`: a signal that may be the first one of the run, whose
 * states can still be those of the run before. `later`: a signal that is certainly not the first. `read`: a reply to
 * GetAll, whose states are those of the run.
 */
export type SnapshotKind = 'opening' | 'later' | 'read'

/**
 * Applies a snapshot with a new run id when signals may have been missed. The start of this run is proven. So are as
 * many automatic restarts before it as `NRestarts` increased by, because a manual start resets it to 0. An unseen
 * end that was followed by an automatic restart is a crash if the settings restart nothing but crashes; every other
 * unseen end is lost. `earlier`: the settings as read earlier. They may have been edited since, so they prove a crash
 * only together with the current ones.
 */
export function catchUp(
  unit: Unit,
  ctx: Context,
  snapshot: UnitSnapshot,
  kind: SnapshotKind,
  earlier: Settings | null,
): Transition {
  const ended = kind !== 'opening' && isEnded(snapshot)
  const proven = unit.proven.find(({ id }) => id === snapshot.invocationId)
  const missed = proven === undefined ? unseenStarts(unit, snapshot, ended, kind, earlier) : provenStarts(proven)
  const opened = openUnseenRuns(unit, ctx, missed, earlier, snapshot, snapshot.invocationId)
  const transition = { ...opened, unit: withProvenRequest(opened.unit) }
  return ended ? andThen(transition, (u) => endFoundByRead(u, ctx, snapshot, earlier)) : transition
}

/** Applies the runs from the journal, up to the run that the snapshot shows, as if their signals had been received. */
export function replayJournal(unit: Unit, ctx: Context, snapshot: UnitSnapshot, earlier: Settings | null): Transition {
  let transition: Transition = { unit, events: [] }
  for (const run of unit.proven) {
    const { id, end, requested } = run
    if (id === snapshot.invocationId) break
    if (!transition.unit.runIds.includes(id)) {
      transition = andThen(transition, (u) => openUnseenRuns(u, ctx, provenStarts(run), earlier, null, id))
      transition = { ...transition, unit: withSnapshotOf(transition.unit, run, 'active', 'running') }
    }
    if (end === null || transition.unit.run?.id !== id) continue
    transition = andThen(transition, (u) => endAsProven(withProvenRequest(u), ctx, end))
    // Without a stop request, systemd may be waiting to restart it now.
    const unit = requested
      ? withSnapshotOf(transition.unit, run, 'inactive', 'dead')
      : withSnapshotOf(transition.unit, run, 'activating', 'auto-restart')
    transition = { ...transition, unit }
  }
  return { ...transition, unit: withProvenRequest(transition.unit) }
}

/** The unit with the request to end its open run that the journal has; the end itself may still come as a signal. */
function withProvenRequest(unit: Unit): Unit {
  const { run, proven } = unit
  if (run === null || run.requested || !proven.some(({ id, requested }) => id === run.id && requested)) return unit
  return { ...unit, run: { ...run, requested: true } }
}

/** The unit with the snapshot that systemd would have reported for this run. */
function withSnapshotOf(unit: Unit, run: ProvenRun, activeState: string, subState: string): Unit {
  const last = unit.snapshot
  const nRestarts = run.nRestarts ?? last?.nRestarts ?? 0
  const none = {
    job: 0,
    result: null,
    mainCode: 0,
    mainStatus: 0,
    mainPid: 0,
    changedAtMonoMs: last?.changedAtMonoMs ?? 0,
    frozen: false,
  }
  return { ...unit, snapshot: { ...none, activeState, subState, invocationId: run.id, nRestarts } }
}

/** The number of unseen starts, how many of the latest were restarts, and how many of those were automatic. */
interface UnseenStarts {
  readonly starts: number
  readonly restarts: number
  readonly automatic: number
}

function provenStarts({ missed, restart }: ProvenRun): UnseenStarts {
  const automatic = restart === 'automatic' ? missed + 1 : 0
  return { starts: Math.max(automatic, 1), restarts: Math.max(automatic, restart === null ? 0 : 1), automatic }
}

/** Opens the unseen runs and ends the one before each; the last one gets `id`. */
function openUnseenRuns(
  unit: Unit,
  ctx: Context,
  { starts, restarts, automatic }: UnseenStarts,
  earlier: Settings | null,
  snapshot: UnitSnapshot | null,
  id: string | null,
): Transition {
  const provesCrash = provesCrashWith(unit.settings, earlier)
  let transition: Transition = { unit, events: [] }
  for (let left = starts; left > 0; left--) {
    const crashed = left <= automatic && provesCrash
    if (transition.unit.run !== null) transition = andThen(transition, (u) => endUnobserved(u, ctx, crashed))
    const last = left === 1
    transition = andThen(transition, (u) => openRun(u, ctx, last ? snapshot : null, left <= restarts, last ? id : null))
  }
  return transition
}

/** Whether an automatic restart proves a crash, with the settings of now and with those before the gap. */
function provesCrashWith(settings: Settings | null, earlier: Settings | null): boolean {
  return restartProvesCrash(settings) && (earlier === null || restartProvesCrash(earlier))
}

/**
 * How many runs started since the last snapshot (at least one), and how many of the latest were automatic restarts: the
 * smallest number that explains NRestarts. NRestarts is reset to 0 by reset-failed, which starts nothing, and by most
 * manual starts, but not by a manual start while systemd waits to restart the unit.
 */
function unseenStarts(
  unit: Unit,
  snapshot: UnitSnapshot,
  ended: boolean,
  kind: SnapshotKind,
  earlier: Settings | null,
): UnseenStarts {
  const now = Math.max(0, snapshot.nRestarts - (ended && countsAhead(unit, snapshot, kind) ? 1 : 0))
  const last = unit.snapshot
  if (last === null) return { starts: now + 1, restarts: now, automatic: now }
  // A job that was already queued may have counted the restart, or may be a manual start that waits for it.
  const restarts = now < last.nRestarts ? now : now - last.nRestarts
  const { endJob, startJob } = unit
  const oneJob = unit.run === null && snapshot.job !== 0 && snapshot.job === endJob && endJob !== startJob
  const starts = Math.max(1, mayRestartItself(unit, last, earlier) ? restarts : restarts + 1)
  return { starts, restarts: oneJob ? Math.max(restarts, 1) : restarts, automatic: restarts }
}

/**
 * Whether the first unseen start may have been an automatic restart: a run was open, or the last one ended in a way after
 * which systemd may restart the unit. The restart need not have been announced yet.
 */
function mayRestartItself(unit: Unit, last: UnitSnapshot, earlier: Settings | null): boolean {
  if (unit.run !== null) return true
  const restarts = (settings: Settings | null) => willRestart(settings, causeOf(last), last, false) !== false
  return last.invocationId !== null && !unit.stopRequested && (restarts(unit.settings) || restarts(earlier))
}

/**
 * True if NRestarts includes, or may include, a restart that has not happened: one whose job is queued, was canceled, or was
 * refused by the start limit. A unit whose restart job waits for another unit is inactive; a canceled one leaves it inactive
 * with the Result of the crash. One that was refused leaves it failed although its settings restart it. Only a read proves
 * this: systemd processes no call between failing and waiting to restart, so only its signals can show `failed` in between.
 */
function countsAhead(unit: Unit, snapshot: UnitSnapshot, kind: SnapshotKind): boolean {
  if (restartAnnounced(snapshot)) return snapshot.job !== 0
  if (snapshot.activeState === 'inactive') return snapshot.job !== 0 || isCrash(causeOf(snapshot))
  const rests = snapshot.activeState === 'failed' && kind === 'read'
  return rests && willRestart(unit.settings, causeOf(snapshot), snapshot, false) !== false
}

/**
 * A read shows that the run has ended. A failure has its cause. A clean Result together with an unclean exit means
 * that reset-failed was run since, or that SuccessExitStatus allows this exit; the two cannot be distinguished, unless
 * a bad Result of this run was seen before.
 */
export function endFoundByRead(unit: Unit, ctx: Context, snapshot: UnitSnapshot, earlier: Settings | null): Transition {
  if (unit.run === null) return { unit, events: [] }
  const proven = provenEnd(unit)
  if (proven !== null) {
    return endAsProven(unit, ctx, { ...causeOf(snapshot), result: proven.result })
  }
  const crashed = isCrash(causeOf(snapshot, unit.run.badResult))
  if (unit.run.badResult === null && mayHaveEndedWell(snapshot)) return loseRun(unit, ctx)
  // reset-failed removed the cause, but not the restart that follows; unless other settings restart the unit meanwhile
  const wasReset = restartAnnounced(snapshot) && provesCrashWith(currentSettings(unit), earlier)
  if (!crashed && wasReset) return endAsUnseenCrash(unit, ctx)
  return crashed || endedCleanly(snapshot) ? endRun(unit, ctx, snapshot) : loseRun(unit, ctx)
}

/**
 * A clean exit with the Result `resources`: systemd could not start a command of the unit, or the run ended well and systemd
 * could not queue the restart, as when the unit is masked.
 */
function mayHaveEndedWell(snapshot: UnitSnapshot): boolean {
  return snapshot.result === 'resources' && snapshot.mainCode !== 0 && endedCleanly(snapshot)
}

/** Signals that systemd treats as a clean exit (systemd.service(5), SuccessExitStatus=). */
const CLEAN_SIGNALS: readonly (number | null)[] = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE'].map(signalNumber)

function endedCleanly(snapshot: UnitSnapshot): boolean {
  if (snapshot.result === 'exec-condition' || snapshot.result === null) return true
  return snapshot.mainCode === 2
    ? CLEAN_SIGNALS.includes(snapshot.mainStatus)
    : snapshot.mainCode < 2 && snapshot.mainStatus === 0
}

/** After a gap: keeps the runs that the journal proves until the first snapshot. `runs`: those of this boot. */
export function addProof(unit: Unit, runs: readonly ProvenRun[]): Unit {
  const proven = runsToReplay(unit, runs)
  return proven.length === 0 && unit.proven.length === 0 ? unit : { ...unit, proven }
}

/**
 * The runs that still have to be applied: those from the newest counted one on (its end may not be counted yet), or all
 * of them if no run of this boot was seen. None if the journal does not reach back to the newest counted run, because
 * then it is unknown which were counted. `runs`: those of this boot, oldest first.
 */
function runsToReplay(unit: Unit, runs: readonly ProvenRun[]): readonly ProvenRun[] {
  if (unit.tracking !== 'interrupted') return NO_PROOF
  const newest = runs.findIndex(({ id }) => id === unit.runIds[0])
  if (newest < 0 && unit.snapshot !== null) return NO_PROOF
  return runs.slice(Math.max(0, newest))
}

/** How the open run ended, if the journal proves it. */
function provenEnd({ run, proven }: Unit): Cause | null {
  return proven.find(({ id }) => id === run?.id)?.end ?? null
}
