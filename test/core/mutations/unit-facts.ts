// The rules of what is known of a unit, and of starts that never became a run, each broken once.
import type { ByFile } from './mutation.ts'

export const UNIT_FACTS: ByFile = {
  'contact.ts': [
    ['a gap interrupts tracking', "{ ...unit, tracking: 'interrupted',", '{ ...unit,'],
    ['a gap does not change a unit that was never observed', "if (unit.tracking !== 'continuous') return unit", ''],
    ['a gap makes the settings unknown', 'const unit = distrustSettings(known)', 'const unit = known'],
    ['a gap makes it unknown whether a job is a start', ' job: null,', ''],
    ['a canceled job is not reported after a gap', ', canceledAtMonoMs: null }', ' }'],
    [
      'a reload makes it unknown what starts the unit',
      'settingsStale: true, triggered: null }',
      'settingsStale: true }',
    ],
    ['a second gap forgets what starts the unit, too', ' && unit.triggered === null', ''],
    ['without contact the state is unknown', '{ ...unit, outOfContact: true }', 'unit'],
    ['lost contact is a gap', 'return interrupt(unit.outOfContact', 'return (unit.outOfContact'],
  ],
  'start-jobs.ts': [
    ['a job that appears during a run may be a reload', 'unit.run === null && unit.tracking', 'unit.tracking'],
    [
      'a job that appears while nothing is known of runs may be a reload',
      " && unit.tracking === 'continuous' ? {",
      ' ? {',
    ],
    ['another job takes over from a canceled one', 'job, canceledAtMonoMs: null }', 'job }'],
    ['while a run is open nothing was refused', 'if (run !== null) return', 'if (false) return'],
    [
      'only a start fails because of a dependency',
      'if (NEVER_RAN.includes(result))',
      'if (noted && NEVER_RAN.includes(result))',
    ],
    ['a result that other jobs have needs the JobNew', 'if (!noted || counters', 'if (counters'],
    ['a job whose run failed was not refused', ' || counters.starts !== job.starts || ', ' || '],
    ['a job with nothing to do was not refused', ' || HARMLESS.includes(result)) return', ') return'],
    ['skipped is not a failure', "'done', 'skipped', 'once'", "'done', 'once'"],
    ['canceled waits for another job', "if (result === 'canceled') return", 'if (false) return'],
    ['failed without a run is the start limit', "result === 'failed' ? 'start-limit-hit' : result", 'result'],
    ['an unknown result is passed on', "result === 'failed' ? 'start-limit-hit' : result", "'start-limit-hit'"],
    ['canceled waits for its time', 'ctx.at.monoMs < unit.canceledAtMonoMs + CANCELED_AFTER_MS', 'false'],
    ['canceled is reported once', '{ ...unit, canceledAtMonoMs: null }', 'unit'],
    ['canceled is not counted', "result === 'canceled' ? unit :", 'false ? unit :'],
    ['refused starts are counted by result', '(own(unit.startJobsFailed, result) ?? 0) + 1', '1'],
  ],
  'unit-facts.ts': [
    ['a run that is open is not over', 'return run === null && (snapshot', 'return (snapshot'],
    ['nothing known is nothing that it does', 'snapshot === null || ', 'snapshot !== null && '],
    ['a failed unit does nothing: it is over, and can be unloaded', " || activeState === 'failed'", ''],
    ['a unit that does something is not over', 'isAtRest(snapshot.activeState)', 'true'],
    ['a unit that was never read is unknown', 'unit.snapshot !== null && !unit', '!unit'],
    ['without contact a unit is unknown', ' && !unit.outOfContact', ''],
    ['a unit that runs is not unloaded', 'isUnloaded(unit) && isAtRest(activeState)', 'isUnloaded(unit)'],
    [
      'a unit without settings is not unloaded',
      'unit.settings !== null && isUnloaded',
      'unit.settings === null || isUnloaded',
    ],
    ['a masked unit is unloaded', " || load === 'masked'", ''],
    [
      'an enabled unit that is starting is not missing',
      "snapshot?.activeState === 'inactive' && !settings",
      '!settings',
    ],
    ['a unit that was active in this boot was started', ' && !settings.wasActive', ''],
    ['a unit that was observed to run was started', ' && runIds.length === 0', ''],
    ['a unit that is not enabled is not expected', 'return settings.enabled && never', 'return never'],
  ],
}
