// The rules of what one sighting means, each broken once.
import type { ByFile } from './mutation.ts'

export const SIGHT: ByFile = {
  'sight.ts': [
    [
      'a number of restarts left out tells of dropped signals',
      'seen.nRestarts > Math.max(toldRestarts, last.nRestarts + 1)',
      'false',
    ],
    ['the next restart is no dropped signal', 'Math.max(toldRestarts, last.nRestarts + 1)', 'toldRestarts'],
    [
      'a restart that was queued twice is no dropped signal',
      'Math.max(toldRestarts, last.nRestarts + 1)',
      'last.nRestarts + 1',
    ],
    [
      'a restart that was told before its run was dropped is no news',
      'Math.max(toldRestarts, last.nRestarts + 1)',
      'toldRestarts + 1',
    ],
    ['after a gap it is found out, not seen', " || unit.contact === 'broken' ? 'reconcile'", " ? 'reconcile'"],
    ['a read is found out, not seen', "read !== null || unit.contact === 'broken'", "unit.contact === 'broken'"],
    [
      'what ended before our time is not counted',
      "unit.contact === 'never' && isEnded(seen) && place !== 'opening'",
      'false',
    ],
    [
      'a start as first sight is counted',
      "unit.contact === 'never' && isEnded(seen) && place !== 'opening'",
      "unit.contact === 'never' && isEnded(seen)",
    ],
    [
      'a new id only opens a run',
      'return open(unit, ctx, seen, followsStraight(unit, seen))',
      'return andThen(open(unit, ctx, seen, followsStraight(unit, seen)), (u) => (isEnded(seen) ? end(u, ctx, seen) : still(u)))',
    ],
    ['a run still open when the next opens is lost', 'unit.run !== null || unit.contact', 'unit.contact'],
    ['after a gap starts may be missing', "unit.contact === 'broken' || (read", '(read'],
    ['a read that comes before its signal may find starts missing', " || (read && unit.contact === 'kept')", ''],
    ['units without processes are restarted in one go', 'if (!read && restartedAtOnce(unit, seen))', 'if (false)'],
    [
      'only what was heard was restarted in one go',
      "unit.contact !== 'kept' || unit.seen?.activeState !== 'active'",
      "unit.seen?.activeState !== 'active'",
    ],
    [
      'only an active unit is restarted in one go',
      " || unit.seen?.activeState !== 'active') return false",
      ') return false',
    ],
    ['a service with processes is not restarted in one go', "unit.seen.subState === 'exited' || !", 'true || !'],
    ['a oneshot that remains is restarted in one go', "unit.seen.subState === 'exited' || ", ''],
    ['a restart in one go has a job', 'idle && seen.job !== 0 &&', 'idle &&'],
    ['an automatic restart is not one in one go', ' && seen.nRestarts === unit.seen.nRestarts', ''],
    [
      'an end that nobody can read is lost',
      "if (id === null) return lose(unit, { ...ctx, source: 'reconcile' })",
      'if (id === null) return end(unit, ctx, seen)',
    ],
    ['a late word of a run before ends nothing', 'if (id !== unit.run.id) return still(unit)', ''],
    [
      'an end that was found is not one that was heard',
      "ctx.source === 'signal' ? end(unit, ctx, seen) : endFound(unit, ctx, seen)",
      'end(unit, ctx, seen)',
    ],
    ['a refused start is no cause', "seen.result === 'start-limit-hit' ? {", 'false ? {'],
    ['a run opens before its main process ended', "if (over && seen.mainCode !== 0) return 'later'", ''],
    [
      'a run opens under a job',
      "seen.job === 0 || seen.subState === 'auto-restart' ? 'later'",
      "seen.subState === 'auto-restart' ? 'later'",
    ],
    [
      'systemd waits to restart after a run, not before',
      "seen.job === 0 || seen.subState === 'auto-restart' ? 'later'",
      "seen.job === 0 ? 'later'",
    ],
    [
      'a start after waiting to restart is a restart',
      "if (unit.seen?.subState.startsWith('auto-restart')) return true",
      '',
    ],
    [
      'a start that shows that systemd waited is a restart',
      "seen.subState.startsWith('auto-restart') || (seen.job",
      '(seen.job',
    ],
    ['a start under the job of the end is a restart', ' || (seen.job !== 0 && seen.job === unit.endJob)', ''],
    [
      'no job at the end and none at the start is no restart',
      '(seen.job !== 0 && seen.job === unit.endJob)',
      'seen.job === unit.endJob',
    ],
    ['what a queued restart counted ahead is known', 'nRestarts: ownRestarts(unit, seen)', 'nRestarts: seen.nRestarts'],
    ['counted ahead is known only where it was heard', "seen.job !== 0 && contact === 'kept'", 'seen.job !== 0'],
    ['counted ahead is of the same run', 'counted && last?.invocationId === seen.invocationId ?', 'counted && last ?'],
    [
      'a time of the change survives a step of the clock',
      'at.wallMs - (at.monoMs - seen.changedAtMonoMs)',
      'at.wallMs',
    ],
    [
      'an announced restart is no failure',
      "seen.activeState !== 'failed' || restartAnnounced(seen)",
      "seen.activeState !== 'failed'",
    ],
    ['back after a gap systemd gets its time again', "before.contact !== 'kept' && !unit.gaveUp", 'false'],
    ['giving up under a stop is not told', 'endedNow && unit.lastCrash?.requested === true', 'false'],
    ['an old crash that was asked for excuses no new failure', 'endedNow && unit.lastCrash', 'unit.lastCrash'],
    [
      'settings that restart nothing give up at once',
      'return forGood ? giveUp(failed, ctx) : still(failed)',
      'return still(failed)',
    ],
    ['giving up is told once', ' || unit.gaveUp || ', ' || '],
    ['without a bus nobody gives up', " || unit.contact !== 'kept') return still", ') return still'],
    ['appearing and vanishing are told once', 'isUnloaded(unit) === gone) return', 'false) return'],
    ['the job of a start is over once it is active', 'run !== null && run.job !== 0 && started', 'false'],
    ['first sight of a file is no appearance', 'unit.settings === null || isUnloaded', 'isUnloaded'],
    ['since when it is gone is kept', 'unit.goneSinceMonoMs ?? ctx.at.monoMs', 'ctx.at.monoMs'],
  ],
}
