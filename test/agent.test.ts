// The agent's one path from an observation to the store and the sinks, with literal parts.
import { expect, test } from 'vitest'
import { startAgent } from '../src/agent.ts'
import type { Observation } from '../src/core/observation.ts'
import { newState } from '../src/core/state.ts'
import type { Clock, StateStore, Step, UnitSource } from '../src/ports.ts'
import { at, read, signal } from './core/step-driver.ts'

function rig() {
  const order: string[] = []
  const steps: Step[] = []
  const logged: string[] = []
  let timer: { atMs: number; call: () => void } | null = null
  let nowMs = 0
  let emit: (o: Observation) => void = () => {}
  const clock: Clock = {
    now: () => at(nowMs),
    after(ms, call) {
      const mine = { atMs: nowMs + ms, call }
      timer = mine
      return () => {
        if (timer === mine) timer = null
      }
    },
  }
  const source = {
    start(observe: typeof emit) {
      emit = observe
    },
    stop: async () => void order.push('source'),
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
  const agent = startAgent({
    state: newState('00112233aabbccdd'),
    bootId: 'b1',
    store,
    source,
    sinks: [sink],
    clock,
    log: (_level, message) => void logged.push(message),
  })
  return {
    agent,
    order,
    steps,
    logged,
    emit: (o: Observation) => {
      nowMs = Math.max(nowMs, o.at.monoMs)
      emit(o)
    },
    pass(ms: number) {
      nowMs += ms
      const due = timer
      if (due !== null && due.atMs <= nowMs) {
        timer = null
        due.call()
      }
    },
  }
}

const WATCH: Observation = { kind: 'watch', at: at(0), units: ['u.service'], patterns: [] }
const RUNNING = { activeState: 'active', subState: 'running', invocationId: 'a1' }

test('the store remembers before any sink is told, and stops last', async () => {
  const { agent, order, emit } = rig()
  emit(WATCH)
  order.length = 0
  emit(read('u.service', 1, RUNNING))
  expect(order).toEqual(['remember', 'accept'])
  order.length = 0
  await agent.stop()
  expect(order).toEqual(['source', 'sink', 'store'])
})

test('what waits for time is woken by one timer', () => {
  const { emit, pass, steps } = rig()
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
  pass(249)
  expect(steps.at(-1)?.events.map((e) => e.kind)).toEqual(['crash'])
  pass(1)
  expect(steps.at(-1)?.events.map((e) => e.kind)).toEqual(['gave_up'])
})

test('an observation that cannot be taken in is reported once, and watching goes on', () => {
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
