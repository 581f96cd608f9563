// Rules of what ended a unit.
import type { ByFile } from './mutation.ts'

export const BECAUSE: ByFile = {
  'explain/proof.ts': [
    ['a job proves only what happened in the same instant', 'Math.abs(a.ms - b.ms) <= SAME_INSTANT_MS', 'true'],
    ['a job is caused only by an earlier one', '  if (cause.id >= job.id) return null\n', ''],
    [
      'a requested stop is announced before the stops that it causes',
      'cause.announced !== null && cause.announced.order < job.seen.order && pending',
      'pending',
    ],
    [
      'a unit whose state changed before the job was queued did not cause it',
      'cause.announced.order < job.seen.order && pending',
      'cause.announced.order < job.seen.order',
    ],
    ['a reload ends no other unit', '  if (!stops(cause)) return null\n', ''],
    [
      'a requested stop is not caused by another one of its transaction',
      'cause.seen.order < job.announced.order',
      'true',
    ],
    [
      'an end ends only what is bound to it',
      'if (isBinding(relation) && endedBefore(job, other)) return 2',
      'if (endedBefore(job, other)) return 2',
    ],
    [
      'an end ends nothing once the unit was started again',
      ' || isBetween(started, ended, job.seen)) return false',
      ') return false',
    ],
    ['a stop that was announced before an end was requested', 'ended.order < job.announced.order', 'true'],
    ['an end that was read was before the stop', 'ended.ms <= job.seen.ms && (', '('],
    ['a start job ends nothing', '!RUNNING.includes(job.seen.state)) return false', 'false) return false'],
    ['the shutdown is a start', '  if (unit === SHUTDOWN) return true\n', ''],
    ['a unit that was active under a restart job again was restarted', 'return isOver && seen', 'return seen'],
  ],
  'explain/because.ts': [
    [
      'a cause is not caused by what it causes',
      'except.includes(tie.unit) ? undefined : notes.get(tie.unit)',
      'notes.get(tie.unit)',
    ],
    ['a job explains one end', '&& !job.isOver && isStopJob', '&& isStopJob'],
    [
      'only a change from a state in which the unit was up is an end',
      '[UP.includes(from) && DOWN.includes(to),',
      '[DOWN.includes(to),',
    ],
    [
      'what is read after a reload proves nothing of before',
      'for (const note of notes.values()) keepRelations(note)',
      '',
    ],
  ],
  'explain/ends.ts': [
    ['a unit that ended long before is not named', 'ms <= SHORTLY_MS && (', '('],
    ['the cause is not named twice', 'name === unit.name || name === except ?', 'name === unit.name ?'],
    ['evidence belongs to the run that it names', 'lastEnd === null || lastEnd.run !== run', 'lastEnd === null'],
    ['an end that was found later has no time', " && event.source === 'signal'", ''],
  ],
}
