// The rules for unobserved runs, each broken once.
import type { ByFile } from './mutation.ts'

export const RECONCILE: ByFile = {
  'reconcile.ts': [
    [
      'what the journal has about the run of the snapshot is used',
      'proven === undefined ? unseenStarts',
      'true ? unseenStarts',
    ],
    ['the journal is applied up to the run of the snapshot', 'if (id === snapshot.invocationId) break', ''],
    [
      'a run of the journal that was already counted is not opened again',
      '!transition.unit.runIds.includes(id)',
      'true',
    ],
    [
      'an end in the journal is applied only to the open run',
      ' || transition.unit.run?.id !== id) continue',
      ') continue',
    ],
    ['after a requested end nothing restarts the unit', 'const unit = end.requested', 'const unit = false'],
    [
      'after an end that was not requested systemd may restart the unit',
      'const unit = end.requested',
      'const unit = true',
    ],
    ['NRestarts is taken from the last journal entry', 'run.nRestarts ?? last', 'last'],
    [
      'restarts without a journal entry are counted',
      "restart === 'automatic' ? missed + 1 : 0",
      "restart === 'automatic' ? 1 : 0",
    ],
    [
      'a restart job does not prove a crash',
      "restart === 'automatic' ? missed + 1 : 0",
      'restart === null ? 0 : missed + 1',
    ],
    ['a restart job is a restart', 'restart === null ? 0 : 1), automatic', '0), automatic'],
    ['an end in the journal takes precedence over the Result', 'if (proven !== null) {', 'if (false) {'],
    ['how the main process ended is taken from systemd', '...causeOf(snapshot), result', '...proven.cause, result'],
    [
      'a signal that may be the first of its run ends nothing',
      "kind !== 'opening' && isEnded(snapshot)",
      'isEnded(snapshot)',
    ],
    ['a run that has already ended is ended', 'return ended ? andThen(', 'return false ? andThen('],
    [
      'only the old and the new settings together prove a crash',
      ' && (earlier === null || restartProvesCrash(earlier))',
      '',
    ],
    [
      'an automatic restart proves a crash only if nothing else is restarted',
      'left <= automatic && provesCrash',
      'left <= automatic',
    ],
    ['only automatic restarts prove crashes', 'left <= automatic && provesCrash', 'provesCrash'],
    ['the latest starts are the automatic ones', 'left <= restarts', 'left > starts - restarts'],
    ['only the last start was observed', 'last ? snapshot : null', 'snapshot'],
    ['a restart counted before it happened is not counted', 'ended && countsAhead(unit, snapshot, kind) ? 1 : 0', '0'],
    [
      'after a reboot all restarts in NRestarts are unseen',
      '{ starts: now + 1, restarts: now, automatic: now }',
      '{ starts: 1, restarts: 0, automatic: 0 }',
    ],
    [
      'systemd restarts by itself after an open run',
      'unit.run !== null || restartAnnounced(last)',
      'restartAnnounced(last)',
    ],
    ['systemd restarts by itself after an announced restart', 'restartAnnounced(last) || last', 'last'],
    ['systemd restarts by itself after a failure', " || last.activeState === 'failed'\n", '\n'],
    [
      'a decreased NRestarts counts from 0',
      'now < last.nRestarts ? now : now - last.nRestarts',
      'Math.max(0, now - last.nRestarts)',
    ],
    ['an increased NRestarts counts the difference', 'now < last.nRestarts ? now : now - last.nRestarts', 'now'],
    [
      'without a run, failure or announced restart the first start was manual',
      'restartsItself ? restarts : restarts + 1',
      'restarts',
    ],
    ['one job across the gap is a restart', 'oneJob ? Math.max(restarts, 1) : restarts', 'restarts'],
    [
      'one job covers end and start only if no run is open',
      'unit.run === null && snapshot.job !== 0 && snapshot.job === job',
      'snapshot.job !== 0 && snapshot.job === job',
    ],
    ['a job queued while waiting covers the restart', 'restartAnnounced(last) ? last.job : unit.endJob', 'unit.endJob'],
    [
      'a pending restart is included in NRestarts only once its job is queued',
      'if (restartAnnounced(snapshot)) return snapshot.job !== 0',
      'if (restartAnnounced(snapshot)) return true',
    ],
    ['a refused restart is included in NRestarts', 'return rests && willRestart', 'return false && willRestart'],
    ['only a read proves that a failed unit stays failed', " && kind === 'read'\n", '\n'],
    [
      'if the settings restart nothing, NRestarts includes no refused restart',
      'willRestart(unit.settings, causeOf(snapshot), snapshot, false) !== false',
      'true',
    ],
    [
      'reset-failed removes the cause of a crash, not the crash',
      'restartAnnounced(snapshot) && restartProvesCrash(unit.settings)) {',
      'false) {',
    ],
    ['an unclean end that was reset is lost', 'return crashed || endedCleanly(snapshot) ?', 'return true ?'],
    [
      'unless a bad Result was seen before',
      'isCrash(causeOf(snapshot, unit.run.badResult))',
      'isCrash(causeOf(snapshot))',
    ],
    ['SIGKILL is not a clean exit', '? CLEAN_SIGNALS.includes(snapshot.mainStatus)', '? true'],
    ['SIGTERM is a clean exit', "'SIGTERM', ", ''],
    ['exit code 3 is not a clean exit', 'snapshot.mainCode < 2 && snapshot.mainStatus === 0', 'snapshot.mainCode < 2'],
    [
      'a skipped run found by a read is a stop',
      "if (snapshot.result === 'exec-condition' || snapshot.result === null) return true",
      'if (snapshot.result === null) return true',
    ],
    ['what was observed needs no proof', "if (unit.tracking !== 'interrupted') return NO_PROOF", ''],
    ['a journal cut off before the last run counted proves nothing', 'newest < 0 && unit.snapshot !== null', 'false'],
    ['after a reboot the whole journal is new', 'newest < 0 && unit.snapshot !== null', 'newest < 0'],
    ['the end of the last counted run may be new', 'Math.max(0, newest)', 'Math.max(0, newest + 1)'],
    ['the proven end is that of the open run', 'id === run?.id', 'true'],
  ],
}
