// The rules for applying one snapshot, each broken once.
import type { ByFile } from './mutation.ts'

export const UNIT_SNAPSHOT: ByFile = {
  'unit-snapshot.ts': [
    [
      'a skipped restart number means dropped signals',
      'snapshot.nRestarts > Math.max(reportedRestarts, last.nRestarts + 1)',
      'false',
    ],
    [
      'the next restart number does not mean a dropped signal',
      'Math.max(reportedRestarts, last.nRestarts + 1)',
      'reportedRestarts',
    ],
    [
      'a restart that was queued twice does not mean a dropped signal',
      'Math.max(reportedRestarts, last.nRestarts + 1)',
      'last.nRestarts + 1',
    ],
    [
      'a restart number that was already reported does not hide a dropped run',
      'Math.max(reportedRestarts, last.nRestarts + 1)',
      'reportedRestarts + 1',
    ],
    ['after a gap the source is reconcile', " || unit.tracking === 'interrupted' ? 'reconcile'", " ? 'reconcile'"],
    [
      'the source of a read is reconcile',
      "settings !== null || unit.tracking === 'interrupted'",
      "unit.tracking === 'interrupted'",
    ],
    [
      'a run that ended before the agent watched is not counted',
      "unit.tracking === 'unseen' && isEnded(snapshot) && kind !== 'opening'",
      'false',
    ],
    [
      'a start as first observation is counted',
      "unit.tracking === 'unseen' && isEnded(snapshot) && kind !== 'opening'",
      "unit.tracking === 'unseen' && isEnded(snapshot)",
    ],
    [
      'a new id only opens a run',
      'return openRun(unit, ctx, snapshot, isRestart(unit, snapshot))',
      'return andThen(openRun(unit, ctx, snapshot, isRestart(unit, snapshot)), (u) => (isEnded(snapshot) ? endRun(u, ctx, snapshot) : unchanged(u)))',
    ],
    ['a run still open when the next opens is lost', 'unit.run !== null || unit.tracking', 'unit.tracking'],
    ['after a gap starts may be missing', "unit.tracking === 'interrupted' || (isRead", '(isRead'],
    [
      'a read that comes before its signal may find starts missing',
      " || (isRead && unit.tracking === 'continuous')",
      '',
    ],
    [
      'units without processes are restarted by one job',
      'if (!isRead && restartedInOneSignal(unit, snapshot))',
      'if (false)',
    ],
    [
      'only a continuously observed unit was restarted by one job',
      "unit.tracking !== 'continuous' || unit.snapshot?.activeState !== 'active'",
      "unit.snapshot?.activeState !== 'active'",
    ],
    [
      'only an active unit is restarted by one job',
      " || unit.snapshot?.activeState !== 'active') return false",
      ') return false',
    ],
    [
      'a service with processes is not restarted within one signal',
      "unit.snapshot.subState === 'exited' || !",
      'true || !',
    ],
    ['a oneshot with RemainAfterExit= is restarted by one job', "unit.snapshot.subState === 'exited' || ", ''],
    ['a restart within one signal has a job', 'idle && snapshot.job !== 0 &&', 'idle &&'],
    ['an automatic restart is not a restart job', ' && snapshot.nRestarts === unit.snapshot.nRestarts', ''],
    [
      'an end that cannot be read is lost',
      "if (id === null) return endUnobserved(unit, { ...ctx, source: 'reconcile' })",
      'if (id === null) return endRun(unit, ctx, snapshot)',
    ],
    ['a late signal of an earlier run ends nothing', 'if (id !== unit.run.id) return unchanged(unit)', ''],
    [
      'an end found by a read is treated differently from an observed one',
      "ctx.source === 'signal' ? endRun(unit, ctx, snapshot) : endFoundByRead(unit, ctx, snapshot, earlier)",
      'endRun(unit, ctx, snapshot)',
    ],
    ['a refused start is not a cause', "snapshot.result === 'start-limit-hit' ? {", 'false ? {'],
    [
      'a run starts before its main process ends',
      "if (isAtRest(snapshot.activeState) && snapshot.mainCode !== 0) return 'later'",
      '',
    ],
    [
      'a run starts under a job',
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
      "if (unit.snapshot?.subState.startsWith('auto-restart')) return true\n",
      '\n',
    ],
    [
      'a start that shows auto-restart is a restart',
      "if (snapshot.subState.startsWith('auto-restart')) return true\n  return",
      'return',
    ],
    [
      'an automatic restart can be merged into a start job',
      'startJob: restartAnnounced(snapshot) ? 0 : unit.startJob',
      'startJob: unit.startJob',
    ],
    ['a start under a start job is not a restart', ' && snapshot.job !== unit.startJob', ''],
    [
      'the job of an automatic restart is kept for the start under it',
      'endJob: restartAnnounced(snapshot) ? snapshot.job : unit.endJob',
      'endJob: unit.endJob',
    ],
    [
      'only an automatic restart is a restart under its job',
      'endJob: restartAnnounced(snapshot) ? snapshot.job : unit.endJob',
      'endJob: snapshot.job',
    ],
    [
      'a start under the job of the end is a restart',
      'return snapshot.job !== 0 && snapshot.job === unit.endJob',
      'return false',
    ],
    [
      'without a job at end and start it is not a restart',
      'snapshot.job !== 0 && snapshot.job === unit.endJob',
      'snapshot.job === unit.endJob',
    ],
    [
      'a restart that a queued job has already counted is subtracted',
      'nRestarts: restartsOfRun(unit, snapshot)',
      'nRestarts: snapshot.nRestarts',
    ],
    [
      'it is subtracted only while signals are observed continuously',
      "snapshot.job !== 0 && tracking === 'continuous'",
      'snapshot.job !== 0',
    ],
    [
      'it is subtracted only for the same run',
      'counted && last?.invocationId === snapshot.invocationId ?',
      'counted && last ?',
    ],
    [
      'the time of the change stays right after a clock step',
      'at.wallMs - (at.monoMs - snapshot.changedAtMonoMs)',
      'at.wallMs',
    ],
    [
      'an announced restart is not a permanent failure',
      "snapshot.activeState !== 'failed' || restartAnnounced(snapshot)",
      "snapshot.activeState !== 'failed'",
    ],
    ['after a gap the wait for a restart begins again', "before.tracking !== 'continuous' && !unit.gaveUp", 'false'],
    ['gave_up is not reported after a requested stop', 'endedNow && unit.lastCrash?.requested === true', 'false'],
    [
      'an earlier requested crash does not make a new failure requested',
      'endedNow && unit.lastCrash',
      'unit.lastCrash',
    ],
    [
      'with settings that restart nothing gave_up is reported at once',
      'return forGood ? giveUp(failed, ctx) : unchanged(failed)',
      'return unchanged(failed)',
    ],
    ['gave_up is reported once', ' || gaveUp) return false', ') return false'],
    ['after a requested stop a unit has not given up', ' || failed.requested || ', ' || '],
    [
      'without current settings gave_up is not reported',
      'const settings = currentSettings(unit)\n  return settings !== null && (triggered',
      'const settings = unit.settings\n  return settings !== null && (triggered',
    ],
    ['a unit that something active starts has not given up', 'triggered === false || settings', 'true || settings'],
    ['a unit that something inactive starts may have', 'triggered === false || settings', 'false || settings'],
    ['a unit that nothing starts may have', ' || settings.startedBy.length === 0)', ')'],
    [
      'when a trigger stops, the wait begins again',
      'unit.failed && { ...unit.failed, sinceMonoMs: at.monoMs }',
      'unit.failed',
    ],
    ['a trigger that becomes active ends gave_up', 'gaveUp: unit.gaveUp && !active', 'gaveUp: unit.gaveUp'],
    ['a read makes the settings current', 'settings, settingsStale: false,', 'settings,'],
    ['a snapshot means contact', '    outOfContact: false,\n', ''],
    ['appearing and vanishing are reported once', 'wasUnloaded === unloaded) return', 'false) return'],
    [
      'the first read of a configured unit is not an appearance',
      '(unit.settings === null && !unit.discovered) || ',
      '',
    ],
    ['the first read of a unit that was found is one', ' && !unit.discovered) || wasUnloaded', ') || wasUnloaded'],
    [
      'a unit that was found and cannot be loaded did not vanish',
      'unit.discovered || isUnloaded(unit)',
      'isUnloaded(unit)',
    ],
    ['a unit appears once', ', discovered: false }', ' }'],
    ['a unit that is not loaded after a gap has ended', "unit.tracking !== 'interrupted' || !unit.byPattern", 'true'],
    [
      'a unit that is not loaded has ended only after a gap',
      "unit.tracking !== 'interrupted' || !unit.byPattern",
      '!unit.byPattern',
    ],
    [
      'a unit that is named is read',
      "unit.tracking !== 'interrupted' || !unit.byPattern",
      "unit.tracking !== 'interrupted'",
    ],
    ['an instance that does something is not over', 'isOver({ run: unit.run, snapshot }) ? unit', 'true ? unit'],
    ['the time since when the unit is not loaded is kept', 'unit.goneSinceMonoMs ?? ctx.at.monoMs', 'ctx.at.monoMs'],
  ],
}
