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
    ['what is listed is loaded', 'if (!loaded.has(unit.name))\n', 'return noteUnloaded(unit, now.at)'],
    ['what is not listed is unloaded', '({ unit: noteUnloaded(u, now.at), events: [] })', '({ unit: u, events: [] })'],
    ['ages go on after a reboot', 'unit.unloadedSinceMonoMs - newest', '0'],
    ['a state change shows how long the old boot was', 'snapshot?.changedAtMonoMs ?? -Infinity', '-Infinity'],
    ['a run shows how long the old boot was', 'run?.openedAtMonoMs ?? -Infinity', '-Infinity'],
    ['a socket may no longer accept', 'else connectionTemplates.delete(template)', ''],
    ['only a unit that a pattern found is forgotten', 'return byPattern && run === null', 'return run === null'],
    ['a unit that runs is not forgotten', 'return byPattern && run === null', 'return byPattern'],
    ['a summary is reported first', ' && (burst?.summary ?? null) === null', ''],
    ['connections go first', 'isConnection(unit, state.connectionTemplates) ||', 'false ||'],
    ['what never ran goes first', 'shownCounters(unit).starts === 0\n', 'false\n'],
    ['the oldest go first', 'overSince(a) - overSince(b)', 'overSince(b) - overSince(a)'],
    ['only what is over goes', ' && overSince(unit) < Infinity', ''],
    ['no more than needed goes', 'excess - first.length', 'excess'],
    ['several that never come back go at once', 'FREED_AT_ONCE = 0.02', 'FREED_AT_ONCE = 0'],
    ['a masked unit is not gone', "settings?.loadState === 'not-found' ?", 'true ?'],
    ['sums include the baseline', 'shownCounters(unit))', 'unit.counters)'],
    ['sums are added up', 'forgotten.get(key) ?? ZERO', 'ZERO'],
  ],
}
