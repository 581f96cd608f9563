// The rules of flapping, summaries, boots and gaps, each broken once.
import type { ByFile } from './mutation.ts'

export const REST: ByFile = {
  'flapping.ts': [
    ['flapping is reported once', 'unit.flapping || times.length < flapCount', 'times.length < flapCount'],
    ['fewer crashes are not flapping', 'times.length < flapCount || ', ''],
    ['crashes outside the window are not flapping', ' || ctx.at.monoMs - oldest > flapWindowMs', ''],
    ['flapping ends', '!unit.flapping || ctx.at', 'true || ctx.at'],
    [
      'flapping ends only when the window contains fewer crashes',
      ' || ctx.at.monoMs < flappingEndsAtMonoMs(unit, ctx.policy)',
      '',
    ],
  ],
  'rate-limit.ts': [
    ['a summary includes starts', 'starts: 1, restarts: start', 'starts: 0, restarts: start'],
    ['a summary includes restarts', "start.kind === 'restart' ? 1 : 0", '0'],
    ['120 ends are still single events', 'ends <= BURST_ENDS', 'ends < BURST_ENDS'],
    ['crashes are summed by Result', "end.kind === 'crash' ? end.result : null", 'null'],
    ['a window above the limit is followed by another', 'burst.ends > BURST_ENDS', 'false'],
    ['an empty summary is not emitted', ' && eventsIn(burst.summary) > 0 ?', ' ?'],
    ['a summary has the time of its last event', 'lastMs: at.wallMs,\n  }', 'lastMs: summary.lastMs,\n  }'],
    ['a summary has the time of its first event', 'eventsIn(summary) === 0 ? at.wallMs : summary.firstMs', 'at.wallMs'],
  ],
  'recount.ts': [
    ['failed start jobs are reset by clear', '    startJobsFailed: {},\n', ''],
    ['a canceled job is not reported after clear', '    job: null,\n    canceledAtMonoMs: null,\n', ''],
    ['a run that is open at clear counts as one start', 'unit.run === null || unit.snapshot === null\n', 'true\n'],
    ['after clear the run keeps its id', 'run: before.run, runIds: before.runIds', 'run: before.run, runIds: []'],
    ['clear removes the baseline', 'baseline: ZERO,\n    failures', 'failures'],
    [
      'a machine without a persistent id is not another one',
      'kept !== null && machineId !== null &&',
      'kept !== null &&',
    ],
    ['a state without a machine id is not from another one', 'kept !== null && machineId', 'machineId'],
    ['what another machine counted is kept', 'baseline: shownCounters(unit)', 'baseline: ZERO'],
    ['units of another machine that a pattern matched are still forgotten', 'byPattern: unit.byPattern, ', ''],
  ],
  'step.ts': [
    [
      'an observation that changes nothing returns the same state',
      'transition.events.length === 0 && isSameUnit(unit, transition.unit)',
      'false',
    ],
    ['each event has its own sequence number', 'seq += 1', 'seq += 0'],
    ['events found by reconciliation are corrections', "if (event.source === 'reconcile') corrections += 1", ''],
    ['a gap of sequence numbers is reported once', 'seqGap = 0\n', '\n'],
    ['gave_up waits for systemd', 'at.monoMs >= unit.failed.sinceMonoMs + GAVE_UP_AFTER_MS', 'true'],
    [
      'a restart of the agent is only a gap',
      "if (bootId === state.bootId) return step(state, { kind: 'gap', at })",
      '',
    ],
    [
      'a reboot ends every run',
      'unit.run === null ? { unit, events: [] } : loseRun(unit, ctx)',
      '{ unit, events: [] }',
    ],
    ['states of another boot are discarded', '      snapshot: null,\n      runIds', '      runIds'],
    ['jobs of another boot are discarded', '      endJob: 0,\n', ''],
    [
      'failures of another boot are discarded',
      '      failed: null,\n      gaveUp: false,\n      flapping',
      '      flapping',
    ],
    [
      'crash times of another boot are discarded',
      '      crashTimesMonoMs: [],\n      burst: null,\n    }\n    const',
      '    }\n    const',
    ],
    ['clear resets the sums of forgotten units', '{ ...state, forgotten: new Map() }, o.at', 'state, o.at'],
    [
      'a canceled job is due',
      'unit.canceledAtMonoMs !== null ? unit.canceledAtMonoMs + CANCELED_AFTER_MS : Infinity,',
      'Infinity,',
    ],
    [
      'a failure is due only if it may mean gave_up',
      'unit.failed !== null && mayGiveUp(unit) ?',
      'unit.failed !== null ?',
    ],
    ['a change of identity makes the counters the baseline', 'units: state.units.map(asBaseline) }', 'seqGap: 0 }'],
    [
      'a machine without a persistent id keeps the former one',
      'machineId: machineId ?? state.machineId }',
      'machineId }',
    ],
    ['lost contact is observed', 'unit: loseContact(unit)', 'unit'],
    ['a reload is observed', 'unit: distrustSettings(unit)', 'unit'],
  ],
}
