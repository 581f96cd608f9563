// Random lives of units against the counting rules: the law always holds, and what was heard is counted exactly.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import { type Counters, type UnitSnapshot, ZERO } from '../../src/core/unit.ts'
import { read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const U = 'u.service'
const SETTINGS = { restart: 'on-failure' }

type Act = 'start' | 'stop' | 'restart' | 'exit 0' | 'exit 3' | 'SIGKILL' | 'skip' | 'reset-failed' | 'limit' | 'reload'
const ACTS: readonly Act[] = [
  'start',
  'stop',
  'restart',
  'exit 0',
  'exit 3',
  'SIGKILL',
  'skip',
  'reset-failed',
  'limit',
  'reload',
]

/** A unit with Restart=on-failure as systemd 252 signals it, and the truth of what it went through. */
class Simulated {
  readonly signals: Partial<UnitSnapshot>[] = []
  truth: Counters = ZERO
  running = false
  private now: Partial<UnitSnapshot> = {}
  private runs = 0
  private jobs = 0

  private tell(change: Partial<UnitSnapshot>) {
    this.now = { ...this.now, ...change }
    this.signals.push(this.now)
  }
  private add(kind: keyof Counters) {
    this.truth = { ...this.truth, [kind]: this.truth[kind] + 1 }
  }
  private open(job: number, restart: boolean) {
    this.add('starts')
    if (restart) this.add('restarts')
    this.running = true
    const fresh = { result: 'success', mainCode: 0, mainStatus: 0 }
    // The states of the run before stand beside the new id, but for an automatic restart, which shows inactive.
    this.tell({
      ...fresh,
      invocationId: `run${++this.runs}`,
      job,
      ...(restart ? { activeState: 'inactive', subState: 'dead' } : {}),
    })
    this.tell({ activeState: 'active', subState: 'running' })
    this.tell({ job: 0 })
  }
  private crash(cause: Partial<UnitSnapshot>) {
    this.add('crashes')
    this.running = false
    this.tell({ ...cause, activeState: 'failed', subState: 'failed' })
    this.tell({ activeState: 'activating', subState: 'auto-restart' })
  }
  private stop(job: number) {
    this.add('stops')
    this.running = false
    this.tell({ activeState: 'deactivating', subState: 'stop-sigterm', job })
    this.tell({ mainCode: 2, mainStatus: 15, activeState: 'inactive', subState: 'dead' })
  }
  private automatic() {
    const job = ++this.jobs
    this.tell({ nRestarts: (this.now.nRestarts ?? 0) + 1, job })
    this.open(job, true)
  }

  do(act: Act) {
    const waiting = this.now.subState === 'auto-restart'
    if (waiting && act !== 'stop' && act !== 'restart' && act !== 'limit' && act !== 'reload') this.automatic()
    switch (act) {
      case 'start':
        if (!this.running) {
          this.tell({ job: ++this.jobs, nRestarts: 0 })
          this.open(this.jobs, false)
        }
        return
      case 'stop':
        if (this.running) this.stop(++this.jobs)
        else this.tell({ job: ++this.jobs, ...(waiting ? { activeState: 'inactive', subState: 'dead' } : {}) })
        return this.tell({ job: 0, nRestarts: 0 })
      case 'restart': {
        const job = ++this.jobs
        const straight = this.running || waiting
        if (this.running) this.stop(job)
        this.tell({ job, nRestarts: 0 })
        return this.open(job, straight)
      }
      case 'exit 0':
        if (!this.running) return
        this.add('stops')
        this.running = false
        return this.tell({ mainCode: 1, mainStatus: 0, activeState: 'inactive', subState: 'dead' })
      case 'exit 3':
        if (this.running) this.crash({ result: 'exit-code', mainCode: 1, mainStatus: 3 })
        return
      case 'SIGKILL':
        if (this.running) this.crash({ result: 'signal', mainCode: 2, mainStatus: 9 })
        return
      case 'skip':
        if (this.running) return
        this.add('starts')
        this.add('stops')
        this.tell({
          job: ++this.jobs,
          nRestarts: 0,
          result: 'success',
          mainCode: 0,
          mainStatus: 0,
          invocationId: `run${++this.runs}`,
        })
        this.tell({ result: 'exec-condition', activeState: 'inactive', subState: 'dead' })
        return this.tell({ job: 0 })
      case 'reset-failed':
        if (this.now.activeState === 'failed')
          this.tell({ result: 'success', activeState: 'inactive', subState: 'dead', nRestarts: 0 })
        return
      case 'limit':
        if (!waiting) return
        this.tell({ nRestarts: (this.now.nRestarts ?? 0) + 1, job: ++this.jobs })
        this.tell({ activeState: 'inactive', subState: 'dead' })
        return this.tell({ activeState: 'failed', subState: 'failed', job: 0 })
      case 'reload':
        return
    }
  }

  /** What a read answers now. */
  get state(): Partial<UnitSnapshot> {
    return this.now
  }
}

const acts = fc.array(fc.constantFrom(...ACTS), { maxLength: 60 })
const told = (signals: readonly Partial<UnitSnapshot>[], from: number): Observation[] =>
  signals.map((s, i) => signal(U, from + i, s))
const begin = () => stepAll(watching(U), [read(U, 1, {}, SETTINGS)]).state

test('what is heard is counted exactly, whatever a unit goes through', () => {
  fc.assert(
    fc.property(acts, (list) => {
      const unit = new Simulated()
      for (const act of list) unit.do(act)
      const { state, events } = stepAll(begin(), told(unit.signals, 10))
      expect(unitNamed(state, U).counters).toEqual(unit.truth)
      const ends = events.filter((e) => e.kind === 'stop' || e.kind === 'crash').length
      expect(ends).toBe(unit.truth.stops + unit.truth.crashes)
    }),
    { numRuns: 500 },
  )
})

test('what is not heard is never guessed: no count exceeds the truth, and starts follow where they are proven', () => {
  fc.assert(
    fc.property(acts, acts, acts, (heard, missed, after) => {
      const unit = new Simulated()
      for (const act of heard) unit.do(act)
      const first = told(unit.signals, 10)
      for (const act of missed) unit.do(act)
      const away = unit.signals.length
      const back = read(U, 50_000, unit.state, SETTINGS)
      for (const act of after) unit.do(act)
      const second = told(unit.signals.slice(away), 60_000)
      const { state } = stepAll(begin(), [
        ...first,
        { kind: 'gap', at: { monoMs: 40_000, wallMs: 1 } },
        back,
        ...second,
      ])
      const { starts, stops, crashes, restarts } = unitNamed(state, U).counters
      expect(starts).toBeLessThanOrEqual(unit.truth.starts)
      expect(stops).toBeLessThanOrEqual(unit.truth.stops)
      expect(crashes).toBeLessThanOrEqual(unit.truth.crashes)
      expect(restarts).toBeLessThanOrEqual(unit.truth.restarts)
      expect(unitNamed(state, U).run !== null).toBe(unit.running)
    }),
    { numRuns: 500 },
  )
})

test('while only crashes and automatic restarts go unseen, nothing is lost', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(20), (heard, missed) => {
      const unit = new Simulated()
      unit.do('start')
      for (let i = 0; i < heard; i++) unit.do('SIGKILL')
      unit.do('start')
      const first = told(unit.signals, 10)
      for (let i = 0; i < missed; i++) unit.do('SIGKILL')
      const { state } = stepAll(begin(), [
        ...first,
        { kind: 'gap', at: { monoMs: 400, wallMs: 1 } },
        read(U, 500, unit.state, SETTINGS),
      ])
      expect(unitNamed(state, U).counters).toEqual(unit.truth)
    }),
  )
})

test('nonsense from the bus breaks neither the law nor the agent', () => {
  const word = fc.constantFrom('active', 'inactive', 'failed', 'activating', 'auto-restart', 'dead', 'running', 'x', '')
  const sighting: fc.Arbitrary<UnitSnapshot> = fc.record({
    activeState: word,
    subState: word,
    invocationId: fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e')),
    job: fc.nat(3),
    result: fc.option(fc.constantFrom('success', 'exit-code', 'signal', 'toString', 'exec-condition')),
    mainCode: fc.integer({ min: -1, max: 5 }),
    mainStatus: fc.integer({ min: -1, max: 300 }),
    nRestarts: fc.nat(30),
    changedAtMonoMs: fc.nat(1000),
  })
  const observation = fc.oneof(
    fc.tuple(fc.nat(1e6), sighting).map(([t, s]) => signal(U, t, s)),
    fc
      .tuple(fc.nat(1e6), sighting, fc.constantFrom('no', 'on-failure', 'always', 'odd'))
      .map(([t, s, restart]) => read(U, t, s, { restart })),
    fc.nat(1e6).map((monoMs): Observation => ({ kind: 'tick', at: { monoMs, wallMs: 5 } })),
    fc.constantFrom('1', '2').map((bootId): Observation => ({ kind: 'boot', at: { monoMs: 0, wallMs: 5 }, bootId })),
    fc.constantFrom<Observation>(
      { kind: 'gap', at: { monoMs: 0, wallMs: 5 } },
      { kind: 'clear', at: { monoMs: 0, wallMs: 5 } },
    ),
  )
  fc.assert(
    fc.property(fc.array(observation, { maxLength: 80 }), (list) => {
      const { events } = stepAll(watching(U), list)
      expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i + 1))
    }),
    { numRuns: 1000 },
  )
})
