// The rules of what one sighting means, each broken once.
import type { ByFile } from './mutation.ts'

export const UNIT_SNAPSHOT: ByFile = {
  'unit-snapshot.ts': [
    [
      'a number of restarts left out tells of dropped signals',
      'snapshot.nRestarts > Math.max(reportedRestarts, last.nRestarts + 1)',
      'false',
    ],
    ['the next restart is no dropped signal', 'Math.max(reportedRestarts, last.nRestarts + 1)', 'reportedRestarts'],
    [
      'a restart that was queued twice is no dropped signal',
      'Math.max(reportedRestarts, last.nRestarts + 1)',
      'last.nRestarts + 1',
    ],
    [
      'a restart that was told before its run was dropped is no news',
      'Math.max(reportedRestarts, last.nRestarts + 1)',
      'reportedRestarts + 1',
    ],
    ['after a gap it is found out, not seen', " || unit.tracking === 'interrupted' ? 'reconcile'", " ? 'reconcile'"],
    [
      'a read is found out, not seen',
      "read !== null || unit.tracking === 'interrupted'",
      "unit.tracking === 'interrupted'",
    ],
    [
      'what ended before our time is not counted',
      "unit.tracking === 'unseen' && isEnded(snapshot) && kind !== 'opening'",
      'false',
    ],
    [
      'a start as first sight is counted',
      "unit.tracking === 'unseen' && isEnded(snapshot) && kind !== 'opening'",
      "unit.tracking === 'unseen' && isEnded(snapshot)",
    ],
    [
      'a new id only opens a run',
      'return openRun(unit, ctx, snapshot, isRestart(unit, snapshot))',
      'return andThen(openRun(unit, ctx, snapshot, isRestart(unit, snapshot)), (u) => (isEnded(snapshot) ? endRun(u, ctx, snapshot) : unchanged(u)))',
    ],
    ['a run still open when the next opens is lost', 'unit.run !== null || unit.tracking', 'unit.tracking'],
    ['after a gap starts may be missing', "unit.tracking === 'interrupted' || (read", '(read'],
    ['a read that comes before its signal may find starts missing', " || (read && unit.tracking === 'continuous')", ''],
    [
      'units without processes are restarted in one go',
      'if (!read && restartedInOneSignal(unit, snapshot))',
      'if (false)',
    ],
    [
      'only what was heard was restarted in one go',
      "unit.tracking !== 'continuous' || unit.snapshot?.activeState !== 'active'",
      "unit.snapshot?.activeState !== 'active'",
    ],
    [
      'only an active unit is restarted in one go',
      " || unit.snapshot?.activeState !== 'active') return false",
      ') return false',
    ],
    ['a service with processes is not restarted in one go', "unit.snapshot.subState === 'exited' || !", 'true || !'],
    ['a oneshot that remains is restarted in one go', "unit.snapshot.subState === 'exited' || ", ''],
    ['a restart in one go has a job', 'idle && snapshot.job !== 0 &&', 'idle &&'],
    ['an automatic restart is not one in one go', ' && snapshot.nRestarts === unit.snapshot.nRestarts', ''],
    [
      'an end that nobody can read is lost',
      "if (id === null) return loseRun(unit, { ...ctx, source: 'reconcile' })",
      'if (id === null) return endRun(unit, ctx, snapshot)',
    ],
    ['a late word of a run before ends nothing', 'if (id !== unit.run.id) return unchanged(unit)', ''],
    [
      'an end that was found is not one that was heard',
      "ctx.source === 'signal' ? endRun(unit, ctx, snapshot) : endFoundByRead(unit, ctx, snapshot)",
      'endRun(unit, ctx, snapshot)',
    ],
    ['a refused start is no cause', "snapshot.result === 'start-limit-hit' ? {", 'false ? {'],
    ['a run opens before its main process ended', "if (over && snapshot.mainCode !== 0) return 'later'", ''],
    [
      'a run opens under a job',
      "snapshot.job === 0 || snapshot.subState === 'auto-restart' ? 'later'",
      "snapshot.subState === 'auto-restart' ? 'later'",
    ],
    [
      'systemd waits to restart after a run, not before',
      "snapshot.job === 0 || snapshot.subState === 'auto-restart' ? 'later'",
      "snapshot.job === 0 ? 'later'",
    ],
    [
      'a start after waiting to restart is a restart',
      "if (unit.snapshot?.subState.startsWith('auto-restart')) return true",
      '',
    ],
    [
      'a start that shows that systemd waited is a restart',
      "snapshot.subState.startsWith('auto-restart') || (snapshot.job",
      '(snapshot.job',
    ],
    ['a start under the job of the end is a restart', ' || (snapshot.job !== 0 && snapshot.job === unit.endJob)', ''],
    [
      'no job at the end and none at the start is no restart',
      '(snapshot.job !== 0 && snapshot.job === unit.endJob)',
      'snapshot.job === unit.endJob',
    ],
    [
      'what a queued restart counted ahead is known',
      'nRestarts: restartsOfRun(unit, snapshot)',
      'nRestarts: snapshot.nRestarts',
    ],
    [
      'counted ahead is known only where it was heard',
      "snapshot.job !== 0 && tracking === 'continuous'",
      'snapshot.job !== 0',
    ],
    [
      'counted ahead is of the same run',
      'counted && last?.invocationId === snapshot.invocationId ?',
      'counted && last ?',
    ],
    [
      'a time of the change survives a step of the clock',
      'at.wallMs - (at.monoMs - snapshot.changedAtMonoMs)',
      'at.wallMs',
    ],
    [
      'an announced restart is no failure',
      "snapshot.activeState !== 'failed' || restartAnnounced(snapshot)",
      "snapshot.activeState !== 'failed'",
    ],
    ['back after a gap systemd gets its time again', "before.tracking !== 'continuous' && !unit.gaveUp", 'false'],
    ['giving up under a stop is not told', 'endedNow && unit.lastCrash?.requested === true', 'false'],
    ['an old crash that was asked for excuses no new failure', 'endedNow && unit.lastCrash', 'unit.lastCrash'],
    [
      'settings that restart nothing give up at once',
      'return forGood ? giveUp(failed, ctx) : unchanged(failed)',
      'return unchanged(failed)',
    ],
    ['giving up is told once', ' || unit.gaveUp || ', ' || '],
    [
      'without a bus nobody gives up',
      " || unit.tracking !== 'continuous')\n    return unchanged",
      ')\n    return unchanged',
    ],
    ['appearing and vanishing are told once', 'isUnloaded(unit) === gone) return', 'false) return'],
    ['the job of a start is over once it is active', 'run !== null && run.job !== 0 && started', 'false'],
    ['first sight of a file is no appearance', 'unit.settings === null || isUnloaded', 'isUnloaded'],
    ['since when it is gone is kept', 'unit.goneSinceMonoMs ?? ctx.at.monoMs', 'ctx.at.monoMs'],
  ],
}
