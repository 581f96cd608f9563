// Applies one observed unit state: did a run start or end, and did systemd give up restarting the unit.
import { causeOf, isEnded, restartAnnounced, willRestart } from './cause.ts'
import type { Instant } from './observation.ts'
import { catchUp, endFoundByRead, replayJournal, type SnapshotKind } from './reconcile.ts'
import { endRun, endUnobserved, openRun, runAfter } from './runs.ts'
import { andThen, type Context, type Moment, type Transition } from './transition.ts'
import { NO_PROOF, type Settings, shownCounters, type Unit, type UnitSnapshot } from './unit.ts'
import { currentSettings, isAtRest, isOver, isUnloaded } from './unit-facts.ts'

/** Applies a snapshot: from a signal if `settings` is null, else from a reply to GetAll with the settings. */
export function applySnapshot(known: Unit, now: Moment, snapshot: UnitSnapshot, settings: Settings | null): Transition {
  const unit: Unit = missedSignals(known, snapshot) ? { ...known, tracking: 'interrupted' } : known
  const ctx: Context = {
    ...now,
    source: settings !== null || unit.tracking === 'interrupted' ? 'reconcile' : 'signal',
  }
  const loaded = settings === null ? unchanged(unit) : applySettings(unit, ctx, settings)
  const replayed =
    unit.proven.length === 0 ? loaded : andThen(loaded, (u) => replayJournal(u, ctx, snapshot, unit.settings))
  const transition = andThen(replayed, (u) =>
    applyToRuns(u, ctx, withoutRefusedStart(snapshot), settings !== null, unit.settings),
  )
  return andThen(transition, (u) => checkFailure(recordSnapshot(u, now.at, snapshot), unit, ctx))
}

/**
 * systemd has listed its units, and has not loaded this one, which only a pattern names: it is not read after a gap. It is not
 * running, so the run that was open has ended.
 */
export function applyNotLoaded(unit: Unit, now: Moment): Transition {
  if (unit.tracking !== 'interrupted' || !unit.byPattern) return unchanged(unit)
  return applySnapshot(unit, now, NOT_LOADED, null)
}

/** What systemd reports of a unit that it has not loaded. */
const NOT_LOADED: UnitSnapshot = {
  activeState: 'inactive',
  subState: 'dead',
  invocationId: null,
  job: 0,
  result: 'success',
  mainCode: 0,
  mainStatus: 0,
  mainPid: 0,
  nRestarts: 0,
  changedAtMonoMs: 0,
  frozen: false,
}

/**
 * Detects dropped signals: dbus-daemon drops them silently when our queue is full (dbus-daemon(1), max_outgoing_bytes).
 * systemd numbers restarts, so the next run has the number after that of the previous run, or the number reported while
 * systemd waited to restart it (a reload may queue the job twice).
 */
function missedSignals({ tracking, snapshot: last, reportedRestarts, runIds }: Unit, snapshot: UnitSnapshot): boolean {
  if (
    tracking !== 'continuous' ||
    last === null ||
    snapshot.invocationId === null ||
    runIds.includes(snapshot.invocationId)
  )
    return false
  return snapshot.nRestarts > Math.max(reportedRestarts, last.nRestarts + 1)
}

function unchanged(unit: Unit): Transition {
  return { unit, events: [] }
}

/** Starts, ends or loses runs. A new run id only starts one: the states next to it may be those of the previous run. */
function applyToRuns(
  unit: Unit,
  ctx: Context,
  snapshot: UnitSnapshot,
  isRead: boolean,
  earlier: Settings | null,
): Transition {
  const id = snapshot.invocationId
  if (id !== null && !unit.runIds.includes(id)) {
    const kind = isRead ? 'read' : signalKind(snapshot)
    if (unit.tracking === 'unseen' && isEnded(snapshot) && kind !== 'opening') {
      return unchanged({ ...unit, runIds: [id] }) // it ended before the agent watched the unit
    }
    if (!isRead && restartedInOneSignal(unit, snapshot)) {
      const last = { ...unit.snapshot, activeState: 'inactive', subState: 'dead', job: snapshot.job }
      return andThen(endRun(unit, ctx, last), (u) => openRun(u, ctx, snapshot, true))
    }
    const unseen = unit.run !== null || unit.tracking === 'interrupted' || (isRead && unit.tracking === 'continuous')
    if (unseen) return catchUp(unit, { ...ctx, source: 'reconcile' }, snapshot, kind, earlier)
    return openRun(unit, ctx, snapshot, isRestart(unit, snapshot))
  }
  if (unit.run === null || !isEnded(snapshot)) return unchanged(unit)
  if (id === null) return endUnobserved(unit, { ...ctx, source: 'reconcile' }) // unloaded: its end cannot be read
  if (id !== unit.run.id) return unchanged(unit) // a late signal of an earlier run
  return ctx.source === 'signal' ? endRun(unit, ctx, snapshot) : endFoundByRead(unit, ctx, snapshot, earlier)
}

/**
 * A start that the start limit refused is not a run: the unit keeps the id of the last run, and has the Result
 * `start-limit-hit` only if that run succeeded or was reset (service_enter_dead() keeps the Result of a failure).
 */
function withoutRefusedStart(snapshot: UnitSnapshot): UnitSnapshot {
  return snapshot.result === 'start-limit-hit' ? { ...snapshot, result: 'success' } : snapshot
}

/** A run starts under a job and before its main process ends, and systemd waits to restart only after a run. */
function signalKind(snapshot: UnitSnapshot): SnapshotKind {
  if (isAtRest(snapshot.activeState) && snapshot.mainCode !== 0) return 'later'
  return snapshot.job === 0 || snapshot.subState === 'auto-restart' ? 'later' : 'opening'
}

/**
 * True if a restart job of a unit without processes (socket, timer, target, a oneshot with RemainAfterExit=) ended one
 * run and started the next. systemd signals only the result; any other end of such a run has a signal of its own.
 */
function restartedInOneSignal(unit: Unit, snapshot: UnitSnapshot): unit is Unit & { readonly snapshot: UnitSnapshot } {
  if (unit.run === null || unit.tracking !== 'continuous' || unit.snapshot?.activeState !== 'active') return false
  const idle = unit.snapshot.subState === 'exited' || !/\.(service|mount|swap|scope)$/.test(unit.name)
  return idle && snapshot.job !== 0 && snapshot.nRestarts === unit.snapshot.nRestarts
}

/** True if systemd was waiting to restart the unit, or if one restart job caused both the end and this start. */
function isRestart(unit: Unit, snapshot: UnitSnapshot): boolean {
  if (unit.snapshot?.subState.startsWith('auto-restart')) return true
  if (snapshot.subState.startsWith('auto-restart')) return true
  return snapshot.job !== 0 && snapshot.job === unit.endJob && snapshot.job !== unit.startJob
}

function recordSnapshot(unit: Unit, at: Instant, snapshot: UnitSnapshot): Unit {
  const known = unit.snapshot?.changedAtMonoMs === snapshot.changedAtMonoMs || snapshot.changedAtMonoMs === 0
  const changedAtMs = known ? unit.changedAtMs : at.wallMs - (at.monoMs - snapshot.changedAtMonoMs)
  return {
    ...unit,
    run: runAfter(unit, snapshot),
    // The start under this job can still have to wait for another unit; then a plain `inactive` comes before it.
    endJob: restartAnnounced(snapshot) ? snapshot.job : unit.endJob,
    // systemd merges its own restart into a start job that waits.
    startJob: restartAnnounced(snapshot) ? 0 : unit.startJob,
    snapshot: {
      ...snapshot,
      nRestarts: restartsOfRun(unit, snapshot),
      // A unit that was unloaded and loaded again has no time; `changedAtMs` is then still that of the last change.
      changedAtMonoMs: snapshot.changedAtMonoMs || (unit.snapshot?.changedAtMonoMs ?? 0),
    },
    tracking: 'continuous',
    outOfContact: false,
    reportedRestarts: snapshot.nRestarts,
    proven: NO_PROOF,
    changedAtMs,
    unloadedSinceMonoMs: isOver({ run: unit.run, snapshot }) ? unit.unloadedSinceMonoMs : null,
  }
}

/** NRestarts of the run itself. While a restart waits with its job queued, the reported value already includes it. */
function restartsOfRun({ snapshot: last, tracking }: Unit, snapshot: UnitSnapshot): number {
  const counted = restartAnnounced(snapshot) && snapshot.job !== 0 && tracking === 'continuous'
  return counted && last?.invocationId === snapshot.invocationId ? last.nRestarts : snapshot.nRestarts
}

/** Tracks a failed unit: systemd gave up if the settings do not restart it, or if no restart follows in time. */
function checkFailure(unit: Unit, before: Unit, ctx: Context): Transition {
  const snapshot = unit.snapshot
  if (snapshot === null || unit.run !== null || snapshot.activeState !== 'failed' || restartAnnounced(snapshot)) {
    return unchanged(unit.failed === null && !unit.gaveUp ? unit : { ...unit, failed: null, gaveUp: false })
  }
  if (unit.failed !== null) {
    // After a gap it may be another failure: wait for a restart once more.
    const again = before.tracking !== 'continuous' && !unit.gaveUp
    return unchanged(again ? { ...unit, failed: { ...unit.failed, sinceMonoMs: ctx.at.monoMs } } : unit)
  }
  const endedNow = unit.counters.crashes > before.counters.crashes
  const requested = endedNow && unit.lastCrash?.requested === true
  const failed: Unit = { ...unit, failed: { sinceMonoMs: ctx.at.monoMs, requested } }
  const forGood = willRestart(unit.settings, causeOf(snapshot), snapshot, requested) === false
  return forGood ? giveUp(failed, ctx) : unchanged(failed)
}

/**
 * False if a stop was requested, if the settings are unknown (as they are after a gap), or if something active will start the unit again: a timer,
 * a path, a socket, or a unit that upholds it.
 */
export function mayGiveUp(unit: Unit): boolean {
  const { failed, gaveUp, triggered } = unit
  if (failed === null || failed.requested || gaveUp) return false
  const settings = currentSettings(unit)
  return settings !== null && (triggered === false || settings.startedBy.length === 0)
}

/**
 * Whether a unit that starts this one is active. While one is, systemd has not given up. When none is any more, the wait
 * begins again: a timer that is restarted is inactive for a moment.
 */
export function setTriggered(unit: Unit, at: Instant, active: boolean): Unit {
  if (unit.triggered === active) return unit
  const failed = unit.failed && { ...unit.failed, sinceMonoMs: at.monoMs }
  return { ...unit, triggered: active, failed, gaveUp: unit.gaveUp && !active }
}

/** Emits `gave_up` once per failure. */
export function giveUp(unit: Unit, ctx: Context): Transition {
  if (!mayGiveUp(unit)) return unchanged(unit)
  const gaveUp: Unit = { ...unit, gaveUp: true }
  const snapshot = unit.snapshot
  return {
    unit: gaveUp,
    events: [
      {
        kind: 'gave_up',
        unit: unit.name,
        source: ctx.source,
        fromState: 'failed',
        toState: 'failed',
        subState: snapshot?.subState ?? 'failed',
        result: snapshot?.result ?? 'unknown',
        counters: shownCounters(unit),
      },
    ],
  }
}

/** Stores the settings; emits an event when systemd can no longer load the unit, or can load it again. */
function applySettings(unit: Unit, ctx: Context, settings: Settings): Transition {
  const loaded: Unit = { ...unit, settings, settingsStale: false, discovered: false }
  const unloaded = isUnloaded(loaded)
  const after: Unit = { ...loaded, goneSinceMonoMs: unloaded ? (unit.goneSinceMonoMs ?? ctx.at.monoMs) : null }
  const wasUnloaded = unit.discovered || isUnloaded(unit)
  if ((unit.settings === null && !unit.discovered) || wasUnloaded === unloaded) return unchanged(after)
  return {
    unit: after,
    events: [
      {
        kind: unloaded ? 'unit_vanished' : 'unit_appeared',
        unit: unit.name,
        source: ctx.source,
        loadState: settings.loadState,
        counters: shownCounters(unit),
      },
    ],
  }
}
