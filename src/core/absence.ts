// What can be known of runs that nobody saw: what systemd's own counter proves is counted, the rest is lost.
import { causeOf, isCrash, isEnded, restartAnnounced, restartProvesCrash, signalNumber, willRestart } from './cause.ts'
import { andThen, type Context, end, endProvenCrash, type Lived, lose, open } from './life.ts'
import type { Settings, Sighting, Unit } from './unit.ts'

/**
 * A run id not seen before came up while something may have gone unseen. Its start is proven; so are as many
 * automatic restarts before it as `NRestarts` grew, as it falls to 0 on every start by hand. An end that an
 * automatic restart followed is a crash where the settings restart nothing else; every other unseen end is lost.
 * `read`: the sighting is the answer to a read, whose state is surely of this run. `before`: the settings as noted
 * earlier; they may have been edited meanwhile, and only where both agree is anything proven.
 */
export function catchUp(unit: Unit, ctx: Context, seen: Sighting, read: boolean, before: Settings | null): Lived {
  const over = read && isEnded(seen)
  const { starts, restarts } = unseenStarts(unit, seen, over)
  const provesCrash = restartProvesCrash(unit.settings) && (before === null || restartProvesCrash(before))
  let lived: Lived = { unit, told: [] }
  for (let left = starts; left > 0; left--) {
    const restart = left <= restarts
    if (lived.unit.run !== null) lived = andThen(lived, (u) => (restart && provesCrash ? endProvenCrash : lose)(u, ctx))
    lived = andThen(lived, (u) => open(u, ctx, left === 1 ? seen : null, restart))
  }
  return over ? andThen(lived, (u) => endFound(u, ctx, seen)) : lived
}

/** Runs opened since the unit was last seen, at least one, and how many of the latest were automatic restarts. */
function unseenStarts(unit: Unit, seen: Sighting, over: boolean): { starts: number; restarts: number } {
  // NRestarts counts a start before it happens: one that waits with its job queued, and one that was refused,
  // for then the unit rests in failed although its settings restart it.
  const announced = restartAnnounced(seen)
  const refused = seen.activeState === 'failed' && willRestart(unit.settings, causeOf(seen), seen, false) !== false
  const now = Math.max(0, seen.nRestarts - (over && (announced ? seen.job !== 0 : refused) ? 1 : 0))
  const last = unit.seen
  // systemd could go on by itself from an open run, from a failure, and from waiting to restart; not from a rest.
  if (
    last !== null &&
    (unit.run !== null || restartAnnounced(last) || (last.activeState === 'failed' && !unit.gaveUp))
  ) {
    const before = last.nRestarts - (unit.run === null && last.job !== 0 ? 1 : 0)
    if (now > before) return { starts: now - before, restarts: now - before }
  }
  return { starts: now + 1, restarts: now }
}

/**
 * The run was found ended by a read. `failed` tells its cause; a clean Result beside an unclean death means that
 * someone ran reset-failed since (or that SuccessExitStatus allows it): nobody can say which.
 */
export function endFound(unit: Unit, ctx: Context, seen: Sighting): Lived {
  if (unit.run === null) return { unit, told: [] }
  const known = seen.invocationId === unit.run.id && (isCrash(causeOf(seen)) || endedCleanly(seen))
  return known ? end(unit, ctx, seen) : lose(unit, ctx)
}

/** Signals that systemd takes for a clean end (systemd.service(5), SuccessExitStatus=). */
const CLEAN_SIGNALS: readonly (number | null)[] = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE'].map(signalNumber)

function endedCleanly(seen: Sighting): boolean {
  if (seen.result === 'exec-condition' || seen.result === null) return true
  return seen.mainCode === 2 ? CLEAN_SIGNALS.includes(seen.mainStatus) : seen.mainCode < 2 && seen.mainStatus === 0
}
