// The agent's path from an observation to the store and the sinks, with literal parts.
import { expect, test } from 'vitest'
import { type Agent, createAgent } from '../src/agent.ts'
import type { Observation } from '../src/core/observation.ts'
import { newState } from '../src/core/state.ts'
import type { StateStore, Step, UnitSource } from '../src/ports.ts'
import { at, read, signal } from './core/step-driver.ts'
import { testClock } from './rig/clock.ts'

/** `atStop`: what the source still reports when it is stopped. */
function rig(evidenceOf?: Parameters<Agent['start']>[2], atStop: readonly Observation[] = []) {
  const order: string[] = []
  const steps: Step[] = []
  const logged: string[] = []
  let emit: (o: Observation) => void = () => {}
  const clock = testClock({ startMs: 0, wallOffsetMs: at(0).wallMs })
  const source = {
    start(observe: typeof emit) {
      emit = observe
    },
    async stop() {
      order.push('source')
      for (const o of atStop) emit(o)
    },
  } as unknown as UnitSource
  const store = {
    remember: () => void order.push('remember'),
    stop: async () => void order.push('store'),
  } as unknown as StateStore
  const sink = {
    accept(step: Step) {
      order.push('accept')
      steps.push(step)
    },
    stop: async () => void order.push('sink'),
  }
  const agent = createAgent({
    state: newState('00112233aabbccdd'),
    bootId: 'b1',
    store,
    clock,
    log: (_level, message) => void logged.push(message),
  })
  agent.start(source, [sink], evidenceOf)
  return {
    agent,
    order,
    steps,
    logged,
    emit: (o: Observation) => {
      clock.skip(Math.max(0, o.at.monoMs - clock.now().monoMs))
      emit(o)
    },
    advance: clock.advance,
    pending: clock.pending,
    /** Without the wait for the time of the observation. */
    emitLate: (o: Observation) => emit(o),
    setWall: clock.setWall,
  }
}

const WATCH: Observation = { kind: 'watch', at: at(0), units: ['u.service'], patterns: [] }
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' }

test('the store remembers a step before any sink accepts it, and stops last', async () => {
  const { agent, order, emit } = rig()
  emit(WATCH)
  order.length = 0
  emit(read('u.service', 1, RUNNING))
  expect(order).toEqual(['remember', 'accept'])
  order.length = 0
  await agent.stop()
  expect(order).toEqual(['source', 'sink', 'store'])
})

test('what is known of a crash at once is part of its event, for the store and for every sink', () => {
  const { emit, steps } = rig(({ unit }) => ({ memory: { limit: unit.length } }))
  emit(WATCH)
  emit(read('u.service', 1, RUNNING, { restart: 'no' }))
  expect(steps.flatMap(({ events }) => events).filter((event) => 'evidence' in event)).toEqual([])
  emit(signal('u.service', 10, { ...RUNNING, activeState: 'failed', subState: 'failed', result: 'signal' }))
  const crash = steps.flatMap(({ events }) => events).find(({ kind }) => kind === 'crash')
  expect(crash).toMatchObject({ evidence: { memory: { limit: 9 } } })
})

test('no timer is left after the stop, whatever the source still reports: it would keep the process alive', async () => {
  const failed = signal('u.service', 10, { ...RUNNING, activeState: 'failed', subState: 'failed', result: 'signal' })
  const { agent, emit, pending } = rig(undefined, [failed])
  emit(WATCH)
  emit(read('u.service', 1, RUNNING, { restart: 'always' }))
  await agent.stop()
  expect(pending()).toBe(0)
})

test('one timer wakes whatever waits for time to pass', () => {
  const { emit, advance, steps } = rig()
  emit(WATCH)
  emit(read('u.service', 1, RUNNING, { restart: 'always' }))
  emit(
    signal('u.service', 10, {
      activeState: 'failed',
      subState: 'failed',
      invocationId: 'a1',
      result: 'signal',
      mainCode: 2,
      mainStatus: 9,
    }),
  )
  advance(249)
  expect(steps.at(-1)?.events.map((e) => e.kind)).toEqual(['crash'])
  advance(1)
  expect(steps.at(-1)?.events.map((e) => e.kind)).toEqual(['gave_up'])
})

test('an observation that cannot be processed is reported once, and watching continues', () => {
  const { agent, emit, logged } = rig()
  emit(WATCH)
  const broken = { kind: 'signal', unit: 'u.service', at: at(1), seen: null } as unknown as Observation
  emit(broken)
  emit(broken)
  emit(read('u.service', 2, RUNNING))
  expect(logged).toHaveLength(1)
  expect(agent.problems()).toHaveLength(1)
  expect(agent.state().units[0]?.counters.starts).toBe(1)
})

test('an agent that was never started observes nothing and can be stopped', async () => {
  const order: string[] = []
  const agent = createAgent({
    state: newState('00112233aabbccdd'),
    bootId: 'b1',
    store: { stop: async () => void order.push('store') } as unknown as StateStore,
    clock: testClock(),
    log: () => {},
  })
  expect(agent.state()).toBe(agent.stateAtStart())
  await agent.stop()
  expect(order).toEqual(['store'])
})

test('the state at the start is the zeroed one after clear', () => {
  const { agent, emit } = rig()
  emit(WATCH)
  emit(read('u.service', 1, RUNNING))
  expect(agent.stateAtStart().units).toEqual([])
  agent.observe({ kind: 'clear', via: 'socket', keepEvents: false, at: at(2) })
  expect(agent.stateAtStart()).toBe(agent.state())
  expect(agent.stateAtStart().units[0]?.counters.starts).toBe(1)
})

test('when the clock was set, that is a step of its own, before the next observation', () => {
  const { agent, steps, logged, emit, emitLate, setWall, advance } = rig()
  emit(WATCH)
  emit(read('u.service', 10_000, { ...RUNNING, changedAtMonoMs: 4_000 }))
  const bootedAt = at(0).wallMs
  expect(agent.state()).toMatchObject({ bootedAtMs: bootedAt, units: [{ changedAtMs: bootedAt + 4_000 }] })
  const before = steps.length
  setWall(bootedAt + 3_600_000)
  advance(90_000)
  agent.lookAtClock()
  agent.lookAtClock()
  expect(steps.slice(before)).toMatchObject([
    { before: { bootedAtMs: bootedAt }, after: { bootedAtMs: bootedAt + 3_600_000 }, events: [] },
  ])
  expect(agent.state().units[0]).toMatchObject({ changedAtMs: bootedAt + 3_604_000 })
  expect(logged).toEqual(['the wall clock was set by 3600 s; the times of this boot are corrected'])
  // An observation from before the step that was held back (the journal was read) has the right time, too.
  emitLate(
    signal('u.service', 95_000, {
      activeState: 'failed',
      result: 'signal',
      mainCode: 2,
      mainStatus: 9,
      invocationId: 'a1',
    }),
  )
  expect(steps.at(-1)?.events).toMatchObject([{ kind: 'crash', atMs: bootedAt + 3_695_000 }, { kind: 'gave_up' }])
})
