// The rules of what is forgotten, and when, each broken once.
import type { ByFile } from './mutation.ts'

export const FORGET: ByFile = {
  'forget.ts': [
    ['a unit whose file is gone is forgotten after a day', 'GONE_FOR_MS = 24 *', 'GONE_FOR_MS = 48 *'],
    ['a connection is forgotten after 10 minutes', 'OVER_FOR_MS = 10 *', 'OVER_FOR_MS = 11 *'],
    ['an instance is forgotten after 30 days', 'UNLOADED_FOR_MS = 30 *', 'UNLOADED_FOR_MS = 29 *'],
    ['room is made above 80 %', 'MAKE_ROOM_ABOVE = 0.8', 'MAKE_ROOM_ABOVE = 0.9'],
    ['the number of templates is limited', 'forgotten.size < TEMPLATES_AT_MOST', 'true'],
    ['a known template is still summed when there are many', 'forgotten.has(template) || ', ''],
    ['an older time is kept', 'unit.unloadedSinceMonoMs !== null || !unit.byPattern', '!unit.byPattern'],
    ['only an instance is unloaded for good', ' || !isInstance(unit.name)', ''],
    ['what does something is not over', ' || !isOver(unit)', ''],
    ['a run that is open is not over', 'return run === null && (snapshot', 'return (snapshot'],
    ['nothing known is nothing that it does', 'snapshot === null || ', 'snapshot !== null && '],
    ['a failed unit is over', " || snapshot.activeState === 'failed')", ')'],
    [
      'what is listed is loaded',
      'if (!loaded.has(unit.name)) return noteUnloaded(unit, at)',
      'return noteUnloaded(unit, at)',
    ],
    ['what is not listed is unloaded', 'return noteUnloaded(unit, at)\n  return', 'return unit\n  return'],
    ['ages go on after a reboot', 'unit.unloadedSinceMonoMs - newest', '0'],
    ['a state change shows how long the old boot was', 'snapshot?.changedAtMonoMs ?? -Infinity', '-Infinity'],
    ['a run shows how long the old boot was', 'run?.openedAtMonoMs ?? -Infinity', '-Infinity'],
    ['a socket may no longer accept', 'else connectionTemplates.delete(template)', ''],
    ['only a unit that a pattern found is forgotten', 'return byPattern && run === null', 'return run === null'],
    ['a unit that runs is not forgotten', 'return byPattern && run === null', 'return byPattern'],
    ['a summary is reported first', ' && (burst?.summary ?? null) === null', ''],
    ['connections go first', '? 0 : 1)', '? 1 : 1)'],
    ['the oldest go first', 'overSince(a) - overSince(b)', 'overSince(b) - overSince(a)'],
    ['only what is over goes', ' && overSince(unit) < Infinity', ''],
    ['no more than needed goes', 'over.slice(0, excess)', 'over'],
    ['a masked unit is not gone', "settings?.loadState === 'not-found' ?", 'true ?'],
    ['sums include the baseline', 'shownCounters(unit))', 'unit.counters)'],
    ['sums are added up', 'forgotten.get(key) ?? ZERO', 'ZERO'],
  ],
}
