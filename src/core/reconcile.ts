// What can be known of runs that nobody saw: what systemd's own counter proves is counted, the rest is lost.
import { causeOf, isCrash, isEnded, restartAnnounced, restartProvesCrash, signalNumber, willRestart } from './cause.ts'
import { endAsProven, endAsUnseenCrash, endRun, loseRun, openRun } from './runs.ts'
import { andThen, type Context, type Transition } from './transition.ts'
import { NO_PROOF, type ProvenEnd, type ProvenRun, type Settings, type Unit, type UnitSnapshot } from './unit.ts'

/**
 * Where in a run's life a sighting stands: a signal may be the `opening` one, whose states are those of the run
 * before, or surely a `later` one; a `read` shows the states of the run that it names.
 */
export type SnapshotKind = 'opening' | 'later' | 'read'

/**
 * A run id not seen before came up while something may have gone unseen. Its start is proven; so are as many
 * automatic restarts before it as `NRestarts` grew, as it falls to 0 on every start by hand. An end that an
 * automatic restart followed is a crash where the settings restart nothing else; every other unseen end is lost.
 * `before`: the settings as noted earlier; they may have been edited meanwhile, and only where both agree is anything
 * proven.
 */
export function catchUp(
  unit: Unit,
  ctx: Context,
  snapshot: UnitSnapshot,
  kind: SnapshotKind,
  before: Settings | null,
): Transition {
  const ended = kind !== 'opening' && isEnded(snapshot)
  const proven = unit.proven.find(({ id }) => id === snapshot.invocationId)
  const missed = proven === undefined ? unseenStarts(unit, snapshot, ended, kind) : provenStarts(proven)
  const transition = openUnseenRuns(unit, ctx, missed, before, snapshot, snapshot.invocationId)
  return ended ? andThen(transition, (u) => endFoundByRead(u, ctx, snapshot)) : transition
}

/** What the journal proves, run by run until the one that is seen now, as if it had been heard. */
export function replayJournal(unit: Unit, ctx: Context, snapshot: UnitSnapshot, before: Settings | null): Transition {
  let transition: Transition = { unit, events: [] }
  for (const run of unit.proven) {
    const { id, end } = run
    if (id === snapshot.invocationId) break
    if (!transition.unit.runIds.includes(id)) {
      transition = andThen(transition, (u) => openUnseenRuns(u, ctx, provenStarts(run), before, null, id))
      transition = { ...transition, unit: withSnapshotOf(transition.unit, run, 'active', 'running') }
    }
    if (end === null || transition.unit.run?.id !== id) continue
    transition = andThen(transition, (u) => endAsProven(u, ctx, end))
    // It may wait to be restarted now, unless someone asked for the end.
    const unit = end.requested
      ? withSnapshotOf(transition.unit, run, 'inactive', 'dead')
      : withSnapshotOf(transition.unit, run, 'activating', 'auto-restart')
    transition = { ...transition, unit }
  }
  return transition
}

/** What systemd would have shown of the unit. */
function withSnapshotOf(unit: Unit, run: ProvenRun, activeState: string, subState: string): Unit {
  const last = unit.snapshot
  const nRestarts = run.nRestarts ?? last?.nRestarts ?? 0
  const none = { job: 0, result: null, mainCode: 0, mainStatus: 0, changedAtMonoMs: last?.changedAtMonoMs ?? 0 }
  return { ...unit, snapshot: { ...none, activeState, subState, invocationId: run.id, nRestarts } }
}

/** Starts that nobody saw, how many of the latest were restarts, and how many of those systemd's own. */
interface UnseenStarts {
  readonly starts: number
  readonly restarts: number
  readonly automatic: number
}

function provenStarts({ missed, restart }: ProvenRun): UnseenStarts {
  const automatic = restart === 'automatic' ? missed + 1 : 0
  return { starts: Math.max(automatic, 1), restarts: Math.max(automatic, restart === null ? 0 : 1), automatic }
}

/** Opens the runs that nobody saw and ends the one before each; the last of them has this id. */
function openUnseenRuns(
  unit: Unit,
  ctx: Context,
  { starts, restarts, automatic }: UnseenStarts,
  before: Settings | null,
  snapshot: UnitSnapshot | null,
  id: string | null,
): Transition {
  const provesCrash = restartProvesCrash(unit.settings) && (before === null || restartProvesCrash(before))
  let transition: Transition = { unit, events: [] }
  for (let left = starts; left > 0; left--) {
    const crashed = left <= automatic && provesCrash
    if (transition.unit.run !== null)
      transition = andThen(transition, (u) => (crashed ? endAsUnseenCrash : loseRun)(u, ctx))
    const last = left === 1
    transition = andThen(transition, (u) => openRun(u, ctx, last ? snapshot : null, left <= restarts, last ? id : null))
  }
  return transition
}

/**
 * Runs opened since the unit was last seen, at least one, and how many of the latest were automatic restarts: no more
 * than the fewest that explain NRestarts. It falls to 0 on reset-failed, without a start, and on most starts by hand;
 * not on one that ends a wait for the restart.
 */
function unseenStarts(unit: Unit, snapshot: UnitSnapshot, ended: boolean, kind: SnapshotKind): UnseenStarts {
  const now = Math.max(0, snapshot.nRestarts - (ended && countsAhead(unit, snapshot, kind) ? 1 : 0))
  const last = unit.snapshot
  if (last === null) return { starts: now + 1, restarts: now, automatic: now }
  // systemd could go on by itself from an open run, from a failure, and from waiting to restart; not from a rest.
  const restartsItself = unit.run !== null || restartAnnounced(last) || last.activeState === 'failed'
  // Where a job was queued already it may have counted the restart, or be a start by hand that waits for it.
  const restarts = now < last.nRestarts ? now : now - last.nRestarts
  const job = restartAnnounced(last) ? last.job : unit.endJob
  const oneJob = unit.run === null && snapshot.job !== 0 && snapshot.job === job
  const starts = Math.max(1, restartsItself ? restarts : restarts + 1)
  return { starts, restarts: oneJob ? Math.max(restarts, 1) : restarts, automatic: restarts }
}

/**
 * NRestarts counts a restart before it happens: one that waits with its job queued, and one that the start limit
 * refused. Then the unit rests in failed though its settings restart it, and a read finds it so: between failing and
 * waiting to restart systemd answers nobody, only its signals show failed then.
 */
function countsAhead(unit: Unit, snapshot: UnitSnapshot, kind: SnapshotKind): boolean {
  if (restartAnnounced(snapshot)) return snapshot.job !== 0
  const rests = snapshot.activeState === 'failed' && kind === 'read'
  return rests && willRestart(unit.settings, causeOf(snapshot), snapshot, false) !== false
}

/**
 * The run was found ended by a read. `failed` tells its cause; a clean Result beside an unclean death means that
 * someone ran reset-failed since (or that SuccessExitStatus allows it): nobody can say which.
 */
export function endFoundByRead(unit: Unit, ctx: Context, snapshot: UnitSnapshot): Transition {
  if (unit.run === null) return { unit, events: [] }
  const proven = provenEnd(unit)
  if (proven !== null) {
    return endAsProven(unit, ctx, { ...proven, cause: { ...causeOf(snapshot), result: proven.cause.result } })
  }
  if (!isCrash(causeOf(snapshot)) && restartAnnounced(snapshot) && restartProvesCrash(unit.settings)) {
    return endAsUnseenCrash(unit, ctx) // reset-failed took its cause away, but not the restart that follows
  }
  return isCrash(causeOf(snapshot)) || endedCleanly(snapshot) ? endRun(unit, ctx, snapshot) : loseRun(unit, ctx)
}

/** Signals that systemd takes for a clean end (systemd.service(5), SuccessExitStatus=). */
const CLEAN_SIGNALS: readonly (number | null)[] = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE'].map(signalNumber)

function endedCleanly(snapshot: UnitSnapshot): boolean {
  if (snapshot.result === 'exec-condition' || snapshot.result === null) return true
  return snapshot.mainCode === 2
    ? CLEAN_SIGNALS.includes(snapshot.mainStatus)
    : snapshot.mainCode < 2 && snapshot.mainStatus === 0
}

/**
 * The runs from the newest that was counted on (its end may be news), or all of them where none of this boot was seen.
 * Where the journal does not reach back that far, nobody can say which of them were counted. `runs`: those of this boot,
 * oldest first.
 */
export function runsToReplay(unit: Unit, runs: readonly ProvenRun[]): readonly ProvenRun[] {
  if (unit.tracking !== 'interrupted') return NO_PROOF
  const newest = runs.findIndex(({ id }) => id === unit.runIds[0])
  if (newest < 0 && unit.snapshot !== null) return NO_PROOF
  return runs.slice(Math.max(0, newest))
}

/** How the open run ended, where the journal knows it. */
function provenEnd({ run, proven }: Unit): ProvenEnd | null {
  return proven.find(({ id }) => id === run?.id)?.end ?? null
}
