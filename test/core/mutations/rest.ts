// The rules of flapping, summaries, boots and gaps, each broken once.
import type { ByFile } from './mutation.ts'

export const REST: ByFile = {
  'flapping.ts': [
    ['flapping is told once', 'unit.flapping || times.length < flapCount', 'times.length < flapCount'],
    ['fewer crashes are no flapping', 'times.length < flapCount || ', ''],
    ['crashes outside the window are no flapping', ' || ctx.at.monoMs - oldest > flapWindowMs', ''],
    ['flapping ends', '!unit.flapping || ctx.at', 'true || ctx.at'],
    [
      'flapping ends only when the window holds fewer',
      ' || ctx.at.monoMs < flappingEndsAtMonoMs(unit, ctx.policy)',
      '',
    ],
  ],
  'rate-limit.ts': [
    ['a summary stands for starts, too', 'starts: 1, restarts: start', 'starts: 0, restarts: start'],
    ['restarts are in the summary', "start.kind === 'restart' ? 1 : 0", '0'],
    ['120 ends are still told one by one', 'ends <= BURST_ENDS', 'ends < BURST_ENDS'],
    ['crashes are summed by Result', "end.kind === 'crash' ? end.result : null", 'null'],
    ['a window above the limit is followed by another', 'burst.ends > BURST_ENDS', 'false'],
    ['nothing gathered is nothing told', ' && eventsIn(burst.summary) > 0 ?', ' ?'],
    ['the summary ends with its last', 'lastMs: at.wallMs,\n  }', 'lastMs: summary.lastMs,\n  }'],
    ['the summary begins with its first', 'eventsIn(summary) === 0 ? at.wallMs : summary.firstMs', 'at.wallMs'],
  ],
  'step.ts': [
    [
      'an observation that changes nothing is none',
      'transition.events.length === 0 && isSameUnit(unit, transition.unit)',
      'false',
    ],
    ['each event has a number of its own', 'seq += 1', 'seq += 0'],
    ['what was found out is counted as corrections', "if (event.source === 'reconcile') corrections += 1", ''],
    ['a gap of numbers is told once', 'seqGap = 0\n', '\n'],
    ['giving up waits for systemd', 'at.monoMs >= unit.failed.sinceMonoMs + GAVE_UP_AFTER_MS', 'true'],
    ['a unit that a pattern named is forgotten after a day', '!u.byPattern || at', 'true || at'],
    [
      'a unit that was named is never forgotten',
      'u.goneSinceMonoMs === null || !u.byPattern ||',
      'u.goneSinceMonoMs === null ||',
    ],
    [
      'a restart of the agent is only a gap',
      "if (bootId === state.bootId) return step(state, { kind: 'gap', at })",
      '',
    ],
    [
      'the power ends every run',
      'unit.run === null ? { unit, events: [] } : loseRun(unit, ctx)',
      '{ unit, events: [] }',
    ],
    ['the states of another boot mean nothing', '      snapshot: null,\n      runIds', '      runIds'],
    ['jobs of another boot mean nothing', '      endJob: 0,\n', ''],
    [
      'a failure of another boot is over',
      '      failed: null,\n      gaveUp: false,\n      flapping',
      '      flapping',
    ],
    [
      'crash times of another boot mean nothing',
      '      crashTimesMonoMs: [],\n      burst: null,\n    }\n    const',
      '    }\n    const',
    ],
    ['a gap breaks contact', "? { ...unit, tracking: 'interrupted' } : unit", '? unit : unit'],
    [
      'a gap does not make a unit that was never seen one that was',
      "unit.tracking === 'continuous' ? { ...unit",
      "unit.tracking !== 'interrupted' ? { ...unit",
    ],
    ['what runs at clear is one start', 'unit.run === null || unit.snapshot === null\n', 'true\n'],
    ['after clear the run keeps its id', 'run: before.run, runIds: before.runIds', 'run: before.run, runIds: []'],
    ['clear forgets the baseline', 'baseline: ZERO,\n    failures', 'failures'],
  ],
}
