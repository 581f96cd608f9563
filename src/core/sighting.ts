// One sighting of one unit: whether a run opened or ended, and whether the unit has failed for good.

import { causeOf, isEnded, restartAnnounced, willRestart } from './cause.ts'
import { NO_PROOF } from './journal-proof.ts'
import type { Instant } from './observation.ts'
import { catchUp, endFound, type Place, replay } from './reconcile.ts'
import { andThen, type Context, end, type Lived, lose, open } from './runs.ts'
import type { Policy } from './state.ts'
import { isUnloaded, type Run, type Settings, type Sighting, shownCounters, type Unit } from './unit.ts'

/** A signal's sighting, or the answer to a read when `read` holds the settings that came with it. */
export function sight(known: Unit, at: Instant, policy: Policy, seen: Sighting, read: Settings | null): Lived {
  const unit: Unit = fellBehind(known, seen) ? { ...known, contact: 'broken' } : known
  const ctx: Context = { at, policy, source: read !== null || unit.contact === 'broken' ? 'reconcile' : 'signal' }
  const loaded = read === null ? still(unit) : load(unit, ctx, read)
  const replayed = unit.proven.length === 0 ? loaded : andThen(loaded, (u) => replay(u, ctx, seen, unit.settings))
  const lived = andThen(replayed, (u) => runs(u, ctx, beforeTheLimit(seen), read !== null, unit.settings))
  return andThen(lived, (u) => failing(note(u, at, seen), unit, ctx))
}

/**
 * A bus that is full drops signals without a word (dbus-daemon(1), max_outgoing_bytes). systemd numbers its restarts: the
 * next run has the number after that of the run before, or the one told while it waited (a reload may queue it twice).
 */
function fellBehind({ contact, seen: last, toldRestarts, runIds }: Unit, seen: Sighting): boolean {
  if (contact !== 'kept' || last === null || seen.invocationId === null || runIds.includes(seen.invocationId))
    return false
  return seen.nRestarts > Math.max(toldRestarts, last.nRestarts + 1)
}

function still(unit: Unit): Lived {
  return { unit, told: [] }
}

/** Opens, ends or loses runs. An id not seen before only opens one: the states beside it may be those of the run before. */
function runs(unit: Unit, ctx: Context, seen: Sighting, read: boolean, before: Settings | null): Lived {
  const id = seen.invocationId
  if (id !== null && !unit.runIds.includes(id)) {
    const place = read ? 'read' : placeOf(seen)
    if (unit.contact === 'never' && isEnded(seen) && place !== 'opening') {
      return still({ ...unit, runIds: [id] }) // it ended before our time
    }
    if (!read && restartedAtOnce(unit, seen)) {
      const last = { ...unit.seen, activeState: 'inactive', subState: 'dead', job: seen.job }
      return andThen(end(unit, ctx, last), (u) => open(u, ctx, seen, true))
    }
    const unseen = unit.run !== null || unit.contact === 'broken' || (read && unit.contact === 'kept')
    if (unseen) return catchUp(unit, { ...ctx, source: 'reconcile' }, seen, place, before)
    return open(unit, ctx, seen, followsStraight(unit, seen))
  }
  if (unit.run === null || !isEnded(seen)) return still(unit)
  if (id === null) return lose(unit, { ...ctx, source: 'reconcile' }) // unloaded meanwhile: its end cannot be read
  if (id !== unit.run.id) return still(unit) // a late word of a run before
  return ctx.source === 'signal' ? end(unit, ctx, seen) : endFound(unit, ctx, seen)
}

/**
 * A start that the limit refused is no run: it leaves the id of the last one, and `start-limit-hit` only where that one
 * had ended well or was reset (service_enter_dead() keeps a Result that tells of a failure).
 */
function beforeTheLimit(seen: Sighting): Sighting {
  return seen.result === 'start-limit-hit' ? { ...seen, result: 'success' } : seen
}

/** A run opens under a job and before its main process ended, and systemd waits to restart only after it. */
function placeOf(seen: Sighting): Place {
  const over = seen.activeState === 'inactive' || seen.activeState === 'failed'
  if (over && seen.mainCode !== 0) return 'later'
  return seen.job === 0 || seen.subState === 'auto-restart' ? 'later' : 'opening'
}

/**
 * A restart job of a unit without processes (socket, timer, target, a oneshot that remains) ends one run and opens the
 * next in one go, and systemd tells only the outcome: whatever else could end such a run shows a state of its own.
 */
function restartedAtOnce(unit: Unit, seen: Sighting): unit is Unit & { readonly seen: Sighting } {
  if (unit.run === null || unit.contact !== 'kept' || unit.seen?.activeState !== 'active') return false
  const idle = unit.seen.subState === 'exited' || !/\.(service|mount|swap|scope)$/.test(unit.name)
  return idle && seen.job !== 0 && seen.nRestarts === unit.seen.nRestarts
}

/** systemd waited to start it again, or one restart job covers both the end and this start. */
function followsStraight(unit: Unit, seen: Sighting): boolean {
  if (unit.seen?.subState.startsWith('auto-restart')) return true
  return seen.subState.startsWith('auto-restart') || (seen.job !== 0 && seen.job === unit.endJob)
}

function note(unit: Unit, at: Instant, seen: Sighting): Unit {
  const known = unit.seen?.changedAtMonoMs === seen.changedAtMonoMs || seen.changedAtMonoMs === 0
  const changedAtMs = known ? unit.changedAtMs : at.wallMs - (at.monoMs - seen.changedAtMonoMs)
  return {
    ...unit,
    run: underWay(unit, seen),
    seen: { ...seen, nRestarts: ownRestarts(unit, seen) },
    contact: 'kept',
    toldRestarts: seen.nRestarts,
    proven: NO_PROOF,
    changedAtMs,
  }
}

/**
 * The job that opened a run is over once it is active. An end under the same id later on was asked for: systemd merges a
 * restart into a start job that still runs, and starts that job anew.
 */
function underWay({ run, seen: last }: Unit, seen: Sighting): Run | null {
  const started = seen.activeState === 'active' && last?.invocationId === seen.invocationId
  return run !== null && run.job !== 0 && started ? { ...run, job: 0 } : run
}

/** NRestarts of the run that is over, heard before the restart that now waits with its job was counted, or was not. */
function ownRestarts({ seen: last, contact }: Unit, seen: Sighting): number {
  const counted = restartAnnounced(seen) && seen.job !== 0 && contact === 'kept'
  return counted && last?.invocationId === seen.invocationId ? last.nRestarts : seen.nRestarts
}

/** Failed with no run open: for good at once where the settings say so, else when no restart follows in time. */
function failing(unit: Unit, before: Unit, ctx: Context): Lived {
  const seen = unit.seen
  if (seen === null || unit.run !== null || seen.activeState !== 'failed' || restartAnnounced(seen)) {
    return still(unit.failed === null && !unit.gaveUp ? unit : { ...unit, failed: null, gaveUp: false })
  }
  if (unit.failed !== null) {
    const again = before.contact !== 'kept' && !unit.gaveUp // it may be failing once more: systemd gets its time again
    return still(again ? { ...unit, failed: { ...unit.failed, sinceMonoMs: ctx.at.monoMs } } : unit)
  }
  const endedNow = unit.counters.crashes > before.counters.crashes
  const requested = endedNow && unit.lastCrash?.requested === true
  const failed: Unit = { ...unit, failed: { sinceMonoMs: ctx.at.monoMs, requested } }
  const forGood = willRestart(unit.settings, causeOf(seen), seen, requested) === false
  return forGood ? giveUp(failed, ctx) : still(failed)
}

/** Tells once that a unit has failed for good; not of one that an operator stopped. */
export function giveUp(unit: Unit, ctx: Context): Lived {
  if (unit.failed === null || unit.failed.requested || unit.gaveUp || unit.contact !== 'kept') return still(unit)
  const gone: Unit = { ...unit, gaveUp: true }
  const seen = unit.seen
  return {
    unit: gone,
    told: [
      {
        kind: 'gave_up',
        unit: unit.name,
        source: ctx.source,
        fromState: 'failed',
        toState: 'failed',
        subState: seen?.subState ?? 'failed',
        result: seen?.result ?? 'unknown',
        counters: shownCounters(unit),
      },
    ],
  }
}

/** Notes the settings; tells when systemd can load the unit again, or no longer. */
function load(unit: Unit, ctx: Context, settings: Settings): Lived {
  const loaded: Unit = { ...unit, settings }
  const gone = isUnloaded(loaded)
  const after: Unit = { ...loaded, goneSinceMonoMs: gone ? (unit.goneSinceMonoMs ?? ctx.at.monoMs) : null }
  if (unit.settings === null || isUnloaded(unit) === gone) return still(after)
  return {
    unit: after,
    told: [
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
