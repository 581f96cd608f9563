// Random histories of a unit against the counting rules: counters always balance, and observed events are counted exactly.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import { dueAtMonoMs, step } from '../../src/core/step.ts'
import type { UnitSnapshot } from '../../src/core/unit.ts'
import { ACTS, observed, SETTINGS, SimulatedUnit, U } from './simulated-unit.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const acts = fc.array(fc.constantFrom(...ACTS), { maxLength: 60 })
const begin = () => stepAll(watching(U), [read(U, 1, {}, SETTINGS)]).state

test('observed events are counted exactly, whatever happens to the unit', () => {
  fc.assert(
    fc.property(acts, (list) => {
      const unit = new SimulatedUnit()
      for (const act of list) unit.do(act)
      const { state, events } = stepAll(begin(), observed(unit.happenings, 10))
      const { counters, failures, startJobsFailed } = unitNamed(state, U)
      expect(counters).toEqual(unit.expected)
      const requested = Object.values(failures).reduce((sum, { requested }) => sum + requested, 0)
      expect({ requested, startJobsFailed }).toEqual({
        requested: unit.requestedCrashes,
        startJobsFailed: unit.startJobsFailed,
      })
      const ends = events.filter((e) => e.kind === 'stop' || e.kind === 'crash').length
      expect(ends).toBe(unit.expected.stops + unit.expected.crashes)
    }),
    { numRuns: 500 },
  )
})

test('unobserved events are never guessed: no counter exceeds the actual number', () => {
  fc.assert(
    fc.property(acts, acts, acts, (before, missed, after) => {
      const unit = new SimulatedUnit()
      for (const act of before) unit.do(act)
      const first = observed(unit.happenings, 10)
      for (const act of missed) unit.do(act)
      const away = unit.happenings.length
      const back = read(U, 50_000, unit.state, SETTINGS)
      for (const act of after) unit.do(act)
      const second = observed(unit.happenings.slice(away), 60_000)
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
    fc.property(fc.nat(20), fc.nat(20), (before, missed) => {
      const unit = new SimulatedUnit()
      unit.do('start')
      for (let i = 0; i < before; i++) unit.do('SIGKILL')
      unit.do('start')
      const first = observed(unit.happenings, 10)
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
    mainPid: fc.nat(40_000),
    nRestarts: fc.nat(30),
    changedAtMonoMs: fc.nat(1000),
    frozen: fc.boolean(),
  })
  const observation = fc.oneof(
    fc.tuple(fc.nat(1e6), sighting).map(([t, s]) => signal(U, t, s)),
    fc
      .tuple(fc.nat(1e6), sighting, fc.constantFrom('no', 'on-failure', 'always', 'odd'), fc.boolean())
      .map(([t, s, restart, timer]) => read(U, t, s, { restart, startedBy: timer ? ['u.timer'] : [] })),
    fc.nat(1e6).map((monoMs): Observation => ({ kind: 'tick', at: { monoMs, wallMs: 5 } })),
    fc.constantFrom('1', '2').map((bootId): Observation => ({ kind: 'boot', at: { monoMs: 0, wallMs: 5 }, bootId })),
    fc.constantFrom<Observation>(
      { kind: 'gap', at: { monoMs: 0, wallMs: 5 } },
      { kind: 'clear', via: 'socket', keepEvents: false, at: { monoMs: 0, wallMs: 5 } },
      { kind: 'contact-lost', at: { monoMs: 0, wallMs: 5 } },
      { kind: 'reloading', at: { monoMs: 0, wallMs: 5 } },
    ),
    fc.tuple(fc.nat(1e6), fc.boolean()).map(([t, active]): Observation => {
      return { kind: 'triggered', unit: U, at: at(t), active }
    }),
    fc.tuple(fc.nat(1e6), fc.nat(3)).map(([t, job]): Observation => ({ kind: 'job-new', unit: U, at: at(t), job })),
    fc
      .tuple(fc.nat(1e6), fc.nat(3), fc.constantFrom('done', 'failed', 'dependency', 'canceled', 'toString'))
      .map(([t, job, result]): Observation => ({ kind: 'job-removed', unit: U, at: at(t), job, result })),
  )
  fc.assert(
    fc.property(fc.array(observation, { maxLength: 80 }), fc.nat(1e6), (list, monoMs) => {
      const { state, events } = stepAll(watching(U), list)
      expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i + 1))
      // After a tick nothing is due any more: otherwise the timer would run in a loop.
      const after = step(state, { kind: 'tick', at: at(monoMs) }).state
      for (const unit of after.units) expect(dueAtMonoMs(unit, after)).toBeGreaterThan(monoMs)
    }),
    { numRuns: 1000 },
  )
})
