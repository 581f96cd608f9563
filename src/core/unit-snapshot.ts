// One sighting of one unit: whether a run opened or ended, and whether the unit has failed for good.
import { causeOf, isEnded, restartAnnounced, willRestart } from './cause.ts'
import type { Instant } from './observation.ts'
import { catchUp, endFoundByRead, replayJournal, type SnapshotKind } from './reconcile.ts'
import { endRun, loseRun, openRun } from './runs.ts'
import type { Policy } from './state.ts'
import { andThen, type Context, type Transition } from './transition.ts'
import { isUnloaded, NO_PROOF, type Run, type Settings, shownCounters, type Unit, type UnitSnapshot } from './unit.ts'

/** A signal's sighting, or the answer to a read when `read` holds the settings that came with it. */
export function applySnapshot(
  known: Unit,
  at: Instant,
  policy: Policy,
  snapshot: UnitSnapshot,
  read: Settings | null,
): Transition {
  const unit: Unit = missedSignals(known, snapshot) ? { ...known, tracking: 'interrupted' } : known
  const ctx: Context = { at, policy, source: read !== null || unit.tracking === 'interrupted' ? 'reconcile' : 'signal' }
  const loaded = read === null ? unchanged(unit) : applySettings(unit, ctx, read)
  const replayed =
    unit.proven.length === 0 ? loaded : andThen(loaded, (u) => replayJournal(u, ctx, snapshot, unit.settings))
  const transition = andThen(replayed, (u) =>
    applyToRuns(u, ctx, withoutRefusedStart(snapshot), read !== null, unit.settings),
  )
  return andThen(transition, (u) => checkFailure(recordSnapshot(u, at, snapshot), unit, ctx))
}

/**
 * A bus that is full drops signals without a word (dbus-daemon(1), max_outgoing_bytes). systemd numbers its restarts: the
 * next run has the number after that of the run before, or the one told while it waited (a reload may queue it twice).
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

/** Opens, ends or loses runs. An id not seen before only opens one: the states beside it may be those of the run before. */
function applyToRuns(
  unit: Unit,
  ctx: Context,
  snapshot: UnitSnapshot,
  read: boolean,
  before: Settings | null,
): Transition {
  const id = snapshot.invocationId
  if (id !== null && !unit.runIds.includes(id)) {
    const kind = read ? 'read' : signalKind(snapshot)
    if (unit.tracking === 'unseen' && isEnded(snapshot) && kind !== 'opening') {
      return unchanged({ ...unit, runIds: [id] }) // it ended before our time
    }
    if (!read && restartedInOneSignal(unit, snapshot)) {
      const last = { ...unit.snapshot, activeState: 'inactive', subState: 'dead', job: snapshot.job }
      return andThen(endRun(unit, ctx, last), (u) => openRun(u, ctx, snapshot, true))
    }
    const unseen = unit.run !== null || unit.tracking === 'interrupted' || (read && unit.tracking === 'continuous')
    if (unseen) return catchUp(unit, { ...ctx, source: 'reconcile' }, snapshot, kind, before)
    return openRun(unit, ctx, snapshot, isRestart(unit, snapshot))
  }
  if (unit.run === null || !isEnded(snapshot)) return unchanged(unit)
  if (id === null) return loseRun(unit, { ...ctx, source: 'reconcile' }) // unloaded meanwhile: its end cannot be read
  if (id !== unit.run.id) return unchanged(unit) // a late word of a run before
  return ctx.source === 'signal' ? endRun(unit, ctx, snapshot) : endFoundByRead(unit, ctx, snapshot)
}

/**
 * A start that the limit refused is no run: it leaves the id of the last one, and `start-limit-hit` only where that one
 * had ended well or was reset (service_enter_dead() keeps a Result that tells of a failure).
 */
function withoutRefusedStart(snapshot: UnitSnapshot): UnitSnapshot {
  return snapshot.result === 'start-limit-hit' ? { ...snapshot, result: 'success' } : snapshot
}

/** A run opens under a job and before its main process ended, and systemd waits to restart only after it. */
function signalKind(snapshot: UnitSnapshot): SnapshotKind {
  const over = snapshot.activeState === 'inactive' || snapshot.activeState === 'failed'
  if (over && snapshot.mainCode !== 0) return 'later'
  return snapshot.job === 0 || snapshot.subState === 'auto-restart' ? 'later' : 'opening'
}

/**
 * A restart job of a unit without processes (socket, timer, target, a oneshot that remains) ends one run and opens the
 * next in one go, and systemd tells only the outcome: whatever else could end such a run shows a state of its own.
 */
function restartedInOneSignal(unit: Unit, snapshot: UnitSnapshot): unit is Unit & { readonly snapshot: UnitSnapshot } {
  if (unit.run === null || unit.tracking !== 'continuous' || unit.snapshot?.activeState !== 'active') return false
  const idle = unit.snapshot.subState === 'exited' || !/\.(service|mount|swap|scope)$/.test(unit.name)
  return idle && snapshot.job !== 0 && snapshot.nRestarts === unit.snapshot.nRestarts
}

/** systemd waited to start it again, or one restart job covers both the end and this start. */
function isRestart(unit: Unit, snapshot: UnitSnapshot): boolean {
  if (unit.snapshot?.subState.startsWith('auto-restart')) return true
  return snapshot.subState.startsWith('auto-restart') || (snapshot.job !== 0 && snapshot.job === unit.endJob)
}

function recordSnapshot(unit: Unit, at: Instant, snapshot: UnitSnapshot): Unit {
  const known = unit.snapshot?.changedAtMonoMs === snapshot.changedAtMonoMs || snapshot.changedAtMonoMs === 0
  const changedAtMs = known ? unit.changedAtMs : at.wallMs - (at.monoMs - snapshot.changedAtMonoMs)
  return {
    ...unit,
    run: runAfter(unit, snapshot),
    snapshot: { ...snapshot, nRestarts: restartsOfRun(unit, snapshot) },
    tracking: 'continuous',
    reportedRestarts: snapshot.nRestarts,
    proven: NO_PROOF,
    changedAtMs,
  }
}

/**
 * The job that opened a run is over once it is active. An end under the same id later on was asked for: systemd merges a
 * restart into a start job that still runs, and starts that job anew.
 */
function runAfter({ run, snapshot: last }: Unit, snapshot: UnitSnapshot): Run | null {
  const started = snapshot.activeState === 'active' && last?.invocationId === snapshot.invocationId
  return run !== null && run.job !== 0 && started ? { ...run, job: 0 } : run
}

/** NRestarts of the run that is over, heard before the restart that now waits with its job was counted, or was not. */
function restartsOfRun({ snapshot: last, tracking }: Unit, snapshot: UnitSnapshot): number {
  const counted = restartAnnounced(snapshot) && snapshot.job !== 0 && tracking === 'continuous'
  return counted && last?.invocationId === snapshot.invocationId ? last.nRestarts : snapshot.nRestarts
}

/** Failed with no run open: for good at once where the settings say so, else when no restart follows in time. */
function checkFailure(unit: Unit, before: Unit, ctx: Context): Transition {
  const snapshot = unit.snapshot
  if (snapshot === null || unit.run !== null || snapshot.activeState !== 'failed' || restartAnnounced(snapshot)) {
    return unchanged(unit.failed === null && !unit.gaveUp ? unit : { ...unit, failed: null, gaveUp: false })
  }
  if (unit.failed !== null) {
    const again = before.tracking !== 'continuous' && !unit.gaveUp // it may be failing once more: systemd gets its time again
    return unchanged(again ? { ...unit, failed: { ...unit.failed, sinceMonoMs: ctx.at.monoMs } } : unit)
  }
  const endedNow = unit.counters.crashes > before.counters.crashes
  const requested = endedNow && unit.lastCrash?.requested === true
  const failed: Unit = { ...unit, failed: { sinceMonoMs: ctx.at.monoMs, requested } }
  const forGood = willRestart(unit.settings, causeOf(snapshot), snapshot, requested) === false
  return forGood ? giveUp(failed, ctx) : unchanged(failed)
}

/** Tells once that a unit has failed for good; not of one that an operator stopped. */
export function giveUp(unit: Unit, ctx: Context): Transition {
  if (unit.failed === null || unit.failed.requested || unit.gaveUp || unit.tracking !== 'continuous')
    return unchanged(unit)
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

/** Notes the settings; tells when systemd can load the unit again, or no longer. */
function applySettings(unit: Unit, ctx: Context, settings: Settings): Transition {
  const loaded: Unit = { ...unit, settings }
  const gone = isUnloaded(loaded)
  const after: Unit = { ...loaded, goneSinceMonoMs: gone ? (unit.goneSinceMonoMs ?? ctx.at.monoMs) : null }
  if (unit.settings === null || isUnloaded(unit) === gone) return unchanged(after)
  return {
    unit: after,
    events: [
      {
        kind: gone ? 'unit_vanished' : 'unit_appeared',
        unit: unit.name,
        source: ctx.source,
        loadState: settings.loadState,
        counters: shownCounters(unit),
      },
    ],
  }
}
