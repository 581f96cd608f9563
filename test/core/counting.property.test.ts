// Random histories of a unit against the counting rules: counters always balance, and observed events are counted exactly.
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

/** Simulates a unit with Restart=on-failure as systemd 252 signals it, and counts what really happened. */
class Simulated {
  readonly signals: Partial<UnitSnapshot>[] = []
  expected: Counters = ZERO
  running = false
  private now: Partial<UnitSnapshot> = {}
  private runs = 0
  private jobs = 0

  private emit(change: Partial<UnitSnapshot>) {
    this.now = { ...this.now, ...change }
    this.signals.push(this.now)
  }
  private add(kind: keyof Counters) {
    this.expected = { ...this.expected, [kind]: this.expected[kind] + 1 }
  }
  private open(job: number, restart: boolean) {
    this.add('starts')
    if (restart) this.add('restarts')
    this.running = true
    const fresh = { result: 'success', mainCode: 0, mainStatus: 0 }
    // The new id comes with the states of the previous run, except at an automatic restart, which shows inactive.
    this.emit({
      ...fresh,
      invocationId: `run${++this.runs}`,
      job,
      ...(restart ? { activeState: 'inactive', subState: 'dead' } : {}),
    })
    this.emit({ activeState: 'active', subState: 'running' })
    this.emit({ job: 0 })
  }
  private crash(cause: Partial<UnitSnapshot>) {
    this.add('crashes')
    this.running = false
    this.emit({ ...cause, activeState: 'failed', subState: 'failed' })
    this.emit({ activeState: 'activating', subState: 'auto-restart' })
  }
  private stop(job: number) {
    this.add('stops')
    this.running = false
    this.emit({ activeState: 'deactivating', subState: 'stop-sigterm', job })
    this.emit({ mainCode: 2, mainStatus: 15, activeState: 'inactive', subState: 'dead' })
  }
  private automatic() {
    const job = ++this.jobs
    this.emit({ nRestarts: (this.now.nRestarts ?? 0) + 1, job })
    this.open(job, true)
  }

  do(act: Act) {
    const waiting = this.now.subState === 'auto-restart'
    if (waiting && act !== 'stop' && act !== 'restart' && act !== 'limit' && act !== 'reload') this.automatic()
    switch (act) {
      case 'start':
        if (!this.running) {
          this.emit({ job: ++this.jobs, nRestarts: 0 })
          this.open(this.jobs, false)
        }
        return
      case 'stop':
        if (this.running) this.stop(++this.jobs)
        else this.emit({ job: ++this.jobs, ...(waiting ? { activeState: 'inactive', subState: 'dead' } : {}) })
        return this.emit({ job: 0, nRestarts: 0 })
      case 'restart': {
        const job = ++this.jobs
        const straight = this.running || waiting
        if (this.running) this.stop(job)
        this.emit({ job, nRestarts: 0 })
        return this.open(job, straight)
      }
      case 'exit 0':
        if (!this.running) return
        this.add('stops')
        this.running = false
        return this.emit({ mainCode: 1, mainStatus: 0, activeState: 'inactive', subState: 'dead' })
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
        this.emit({
          job: ++this.jobs,
          nRestarts: 0,
          result: 'success',
          mainCode: 0,
          mainStatus: 0,
          invocationId: `run${++this.runs}`,
        })
        this.emit({ result: 'exec-condition', activeState: 'inactive', subState: 'dead' })
        return this.emit({ job: 0 })
      case 'reset-failed':
        if (this.now.activeState === 'failed')
          this.emit({ result: 'success', activeState: 'inactive', subState: 'dead', nRestarts: 0 })
        return
      case 'limit':
        if (!waiting) return
        this.emit({ nRestarts: (this.now.nRestarts ?? 0) + 1, job: ++this.jobs })
        this.emit({ activeState: 'inactive', subState: 'dead' })
        return this.emit({ activeState: 'failed', subState: 'failed', job: 0 })
      case 'reload':
        return
    }
  }

  /** The properties that a read would return now. */
  get state(): Partial<UnitSnapshot> {
    return this.now
  }
}

const acts = fc.array(fc.constantFrom(...ACTS), { maxLength: 60 })
const asSignals = (signals: readonly Partial<UnitSnapshot>[], from: number): Observation[] =>
  signals.map((s, i) => signal(U, from + i, s))
const begin = () => stepAll(watching(U), [read(U, 1, {}, SETTINGS)]).state

test('observed events are counted exactly, whatever happens to the unit', () => {
  fc.assert(
    fc.property(acts, (list) => {
      const unit = new Simulated()
      for (const act of list) unit.do(act)
      const { state, events } = stepAll(begin(), asSignals(unit.signals, 10))
      expect(unitNamed(state, U).counters).toEqual(unit.expected)
      const ends = events.filter((e) => e.kind === 'stop' || e.kind === 'crash').length
      expect(ends).toBe(unit.expected.stops + unit.expected.crashes)
    }),
    { numRuns: 500 },
  )
})

test('unobserved events are never guessed: no counter exceeds the actual number', () => {
  fc.assert(
    fc.property(acts, acts, acts, (observed, missed, after) => {
      const unit = new Simulated()
      for (const act of observed) unit.do(act)
      const first = asSignals(unit.signals, 10)
      for (const act of missed) unit.do(act)
      const away = unit.signals.length
      const back = read(U, 50_000, unit.state, SETTINGS)
      for (const act of after) unit.do(act)
      const second = asSignals(unit.signals.slice(away), 60_000)
      const { state } = stepAll(begin(), [
        ...first,
        { kind: 'gap', at: { monoMs: 40_000, wallMs: 1 } },
        back,
        ...second,
      ])
      const { starts, stops, crashes, restarts } = unitNamed(state, U).counters
      expect(starts).toBeLessThanOrEqual(unit.expected.starts)
      expect(stops).toBeLessThanOrEqual(unit.expected.stops)
      expect(crashes).toBeLessThanOrEqual(unit.expected.crashes)
      expect(restarts).toBeLessThanOrEqual(unit.expected.restarts)
      expect(unitNamed(state, U).run !== null).toBe(unit.running)
    }),
    { numRuns: 500 },
  )
})

test('no run is lost if only crashes and automatic restarts were missed', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(20), (observed, missed) => {
      const unit = new Simulated()
      unit.do('start')
      for (let i = 0; i < observed; i++) unit.do('SIGKILL')
      unit.do('start')
      const first = asSignals(unit.signals, 10)
      for (let i = 0; i < missed; i++) unit.do('SIGKILL')
      const { state } = stepAll(begin(), [
        ...first,
        { kind: 'gap', at: { monoMs: 400, wallMs: 1 } },
        read(U, 500, unit.state, SETTINGS),
      ])
      expect(unitNamed(state, U).counters).toEqual(unit.expected)
    }),
  )
})

test('random values from the bus neither break the equation of the counters nor throw', () => {
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
    frozen: fc.boolean(),
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
