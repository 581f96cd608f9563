// What a crash event says at once, and what follows as one `evidence` event.
import { expect, test } from 'vitest'
import { type CrashEvidenceOptions, createCrashEvidence } from '../../../src/app/evidence/crash-evidence.ts'
import type { CrashEvent, Event } from '../../../src/core/event.ts'
import type { CrashFacts } from '../../../src/core/explain/crash-facts.ts'
import type { Evidence } from '../../../src/core/explain/evidence.ts'
import type { Observation } from '../../../src/core/observation.ts'
import { type State, withUnits } from '../../../src/core/state.ts'
import { createEvidenceKeeper } from '../../../src/store/kept-evidence.ts'
import { CRASH, stateOf, unit } from '../../cli/samples.ts'
import { settled, testClock } from '../../rig/clock.ts'

const ID = 'b6365141448c4ff2b52cec1bdde3251f'
const FACTS: CrashFacts = { memoryMax: null, files: ['/usr/bin/app'], statusText: null }
const crash = (over: Partial<CrashEvent> = {}): CrashEvent => ({
  ...CRASH,
  ...{ seq: 1, unit: 'app.service', invocationId: ID, source: 'signal', clockSynced: true },
  ...{ result: 'exit-code', exitCode: 1, signal: null, coreDumped: false },
  ...over,
})

interface Situation {
  readonly explain?: boolean
  readonly facts?: CrashFacts | null
  readonly peak?: number | null
  readonly changedMs?: number | undefined
  readonly journal?: Evidence | null
}

function rig({ explain = false, facts = FACTS, peak = null, changedMs, journal = null }: Situation = {}) {
  const clock = testClock()
  const observed: Observation[] = []
  const asked: object[] = []
  let peakReads = 0
  const base = unit('app.service')
  const ended = { ...base, run: null, snapshot: base.snapshot && { ...base.snapshot, invocationId: ID, mainPid: 4711 } }
  let state = withUnits(stateOf(base), [ended])
  const options: CrashEvidenceOptions = {
    explain,
    agent: { observe: (o) => void observed.push(o), state: () => state },
    source: {
      crashFacts: () => facts,
      memoryPeak: async () => {
        peakReads += 1
        return peak
      },
    },
    lastMemory: (_, run) => (run === ID ? 4096 : null),
    files: { known: () => undefined, look: async () => changedMs },
    journal: explain
      ? {
          async evidenceOf({ seq }, pid) {
            asked.push({ seq, pid })
            return journal
          },
          notes: () => [],
          stop: () => {},
        }
      : null,
    keeper: createEvidenceKeeper({ directory: null, stream: 's', log: () => {} }),
    clock,
    log: (_, message) => {
      throw new Error(message)
    },
  }
  const it = createCrashEvidence(options)
  return {
    ...{ it, observed, asked },
    peakReads: () => peakReads,
    setState: (changed: Partial<State>) => {
      state = { ...state, ...changed }
    },
    async happens(...events: Event[]) {
      it.accept({ before: state, after: state, events, at: clock.now() })
      await settled()
      return observed.flatMap((o) => (o.kind === 'evidence' ? [{ of: o.of, ...o.evidence }] : []))
    },
  }
}

test('the memory limit and the last reading of this run are known at once', () => {
  const limited = { ...FACTS, memoryMax: 8192 }
  expect(rig({ facts: limited }).it.atOnce(crash())).toEqual({ memory: { limit: 8192, lastSeen: 4096 } })
  expect(rig().it.atOnce(crash({ invocationId: 'another' }))).toEqual({})
  expect(rig({ facts: null }).it.atOnce(crash({ invocationId: null }))).toEqual({})
})

test('the status text is shown only with explain, of a crash that was observed, and without home directories', () => {
  const facts = { ...FACTS, statusText: 'Reading /home/alice/db' }
  expect(rig({ explain: true, facts }).it.atOnce(crash()).statusText).toBe('Reading [path]')
  expect(rig({ explain: false, facts }).it.atOnce(crash()).statusText).toBeUndefined()
  expect(rig({ explain: true, facts }).it.atOnce(crash({ source: 'reconcile' })).statusText).toBeUndefined()
})

test('a crash of which nothing more is known is followed by no event', async () => {
  expect(await rig().happens(crash())).toEqual([])
  expect(await rig({ explain: true, journal: {} }).happens(crash())).toEqual([])
})

test('everything that arrives later is one event', async () => {
  const coredump = { signal: 'SIGSEGV', frames: ['main (app + 0x1)'] }
  const { happens, asked } = rig({
    ...{ explain: true, peak: 9000, changedMs: 60_000 },
    journal: { coredump, signature: 'bbbbbbbbbbbb' },
  })
  const dumped = crash({
    coreDumped: true,
    signal: 'SIGSEGV',
    exitCode: null,
    result: 'core-dump',
    evidence: { ranMs: 500 },
  })
  const signature = 'bbbbbbbbbbbb'
  expect(await happens(dumped)).toEqual([{ of: 1, fileChangedMs: 60_000, memory: { peak: 9000 }, coredump, signature }])
  expect(asked).toEqual([{ seq: 1, pid: 4711 }])
})

test('a file change is not repeated if the crash event had it, and is unknown while the clock is', async () => {
  const changed = () => rig({ changedMs: 60_000 })
  expect(await changed().happens(crash())).toEqual([{ of: 1, fileChangedMs: 60_000 }])
  expect(await changed().happens(crash({ evidence: { fileChangedMs: 60_000 } }))).toEqual([])
  expect(await changed().happens(crash({ clockSynced: false }))).toEqual([])
  expect(await changed().happens(crash({ clockSynced: null }))).toEqual([])
  expect(await changed().happens(crash({ source: 'reconcile' }))).toEqual([])
})

test('the peak is read where it can explain something, and only of the run that ended', async () => {
  const peak = { of: 1, memory: { peak: 9000 } }
  expect(await rig({ peak: 9000 }).happens(crash())).toEqual([])
  expect(await rig({ peak: 9000 }).happens(crash({ result: 'oom-kill' }))).toEqual([peak])
  expect(await rig({ peak: 9000 }).happens(crash({ signal: 'SIGKILL' }))).toEqual([peak])
  expect(await rig({ peak: 9000, facts: { ...FACTS, memoryMax: 1 } }).happens(crash())).toEqual([peak])
  expect(await rig({ peak: 9000 }).happens(crash({ result: 'oom-kill', invocationId: 'another' }))).toEqual([])
})

test('in a crash storm few peaks are read', async () => {
  const { happens, peakReads } = rig({ peak: 9000 })
  await happens(...Array.from({ length: 100 }, (_, i) => crash({ seq: i + 1, result: 'oom-kill' })))
  expect(peakReads()).toBe(10)
})

test('evidence of a crash that was cleared is dropped', async () => {
  const { happens, setState } = rig({ changedMs: 60_000 })
  setState({ clearedSeq: 1 })
  expect(await happens(crash())).toEqual([])
})

test('late evidence is merged into its crash, also without the event that brought it', async () => {
  const { it, happens } = rig()
  const shown = crash({ evidence: { ranMs: 5 } })
  await happens(shown)
  await happens({ ...shown, kind: 'evidence', seq: 2, of: 1, evidence: { fileChangedMs: 7 } } as Event)
  expect(it.merged([shown])[0]).toMatchObject({ evidence: { ranMs: 5, fileChangedMs: 7 } })
})

test('nothing is observed after the stop', async () => {
  const { it, happens } = rig({ changedMs: 60_000 })
  await it.stop()
  expect(await happens(crash())).toEqual([])
})
