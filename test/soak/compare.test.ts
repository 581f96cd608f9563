// The comparison of the soak, checked with literal runs.
import { expect, test } from 'vitest'
import { newState, withUnits } from '../../src/core/state.ts'
import { newUnit } from '../../src/core/unit.ts'
import { type AgentRecord, differences } from './compare.ts'
import type { Run } from './expected.ts'

const run = (id: string, openedMs: number, more: Partial<Run> = {}): Run => ({
  id,
  openedMs,
  restart: false,
  automatic: false,
  scheduled: false,
  stoppingMs: null,
  end: null,
  ...more,
})
const end: Run['end'] = { atMs: 1500, kind: 'stop', result: 'success', firstBad: null, main: null, requested: true }

/** A restart that the agent missed: it counts a start, and the run before as lost. */
const missedRestart = (interrupted: boolean, more: Partial<AgentRecord> = {}, openedMs = 1501) => {
  const counters = { starts: 2, stops: 0, crashes: 0, restarts: 0, lost: 1 }
  const open = {
    id: 'b2',
    openedAtMonoMs: 3000,
    openedAtMs: 3000,
    job: 0,
    requested: false,
    badResult: null,
    startObserved: false,
    firstOfBoot: false,
  }
  const unit = { ...newUnit('u.service'), counters, run: open }
  const record: AgentRecord = {
    state: withUnits(newState('00112233aabbccdd'), [unit]),
    events: [],
    unprovable: [],
    actions: [],
    intervals: [{ fromMs: 3000, toMs: Number.POSITIVE_INFINITY }],
    interrupted,
    problems: [],
    finalStates: new Map(),
    now: { monoMs: 4000, wallMs: 4000 },
    ...more,
  }
  const runs = [run('a1', 100, { end }), run('b2', openedMs, { restart: true })]
  return differences(
    ['u.service'],
    {
      units: new Map([['u.service', runs]]),
      countedTwice: new Map(),
      dependencyFailed: new Map(),
      missingEvidence: [],
    },
    record,
  )
}

test('an agent that was killed before its first interval began may have missed runs, although a single interval is left', () => {
  expect(missedRestart(true)).not.toContainEqual(expect.stringContaining('counted'))
  expect(missedRestart(false)).toContainEqual(
    'u.service: counted 2 starts, 0 stops, 0 crashes, 0 restarts, 1 lost, expected 2 starts, 1 stops, 0 crashes, 1 restarts, 0 lost',
  )
})

test('a start under a restart job may be reported as one under a start job only if the stop of that job was missed', () => {
  const counters = { starts: 2, stops: 0, crashes: 0, restarts: 0, lost: 1 }
  const change = { fromState: 'inactive', toState: 'active', subState: 'running' }
  const id = { seq: 2, atMs: 3000, bootId: '', source: 'signal', clockSynced: null, unit: 'u.service' } as const
  const events = [{ kind: 'start', ...id, ...change, invocationId: 'b2', counters }] as const
  const observedFrom = (fromMs: number) =>
    missedRestart(true, { events, intervals: [{ fromMs, toMs: Infinity }] }, 3000)
  const wrong = expect.stringContaining('was reported as start, expected restart')
  expect(observedFrom(1000)).toContainEqual(wrong)
  expect(observedFrom(2000)).not.toContainEqual(wrong)
})
