// How crash events wait for their lines: nothing overtakes them, and nobody waits for more than a second.
import { describe, expect, test } from 'vitest'
import type { CrashEvent, Event } from '../../src/core/event.ts'
import {
  type CrashLogSink,
  createCrashLogSink,
  HOLD_AT_MOST_MS,
  STEPS_AT_MOST,
} from '../../src/journal/crash-log-sink.ts'
import type { Step } from '../../src/ports.ts'
import { CRASH, stateOf, unit } from '../cli/samples.ts'
import { settled, testClock } from '../store/clock.ts'

const STATE = stateOf(unit('a.service'))
const run = (seq: number) => seq.toString(16).padStart(32, '0')
const crash = (seq: number): CrashEvent => ({ ...CRASH, seq, invocationId: run(seq) })
const other = (seq: number): Event => ({
  ...{ kind: 'lost', seq, atMs: 0, bootId: 'b', source: 'reconcile', clockSynced: null },
  ...{ unit: 'a.service', counters: CRASH.counters, invocationId: null },
})
const stepOf = (...events: Event[]): Step => ({ before: STATE, after: STATE, events, at: { monoMs: 0, wallMs: 0 } })

function rig() {
  const clock = testClock()
  const told: Event[] = []
  const steps: Step[] = []
  const order: string[] = []
  const asked = new Map<string, (lines: readonly string[] | null) => void>()
  const sink = {
    accept(step: Step) {
      steps.push(step)
      told.push(...step.events)
    },
    stop: async () => void order.push('stopped'),
  }
  const it: CrashLogSink = createCrashLogSink({
    ...{ lines: 5, sinks: [sink], clock, log: () => {} },
    journal: {
      check: async () => {},
      linesOf: (id) => new Promise((resolve) => asked.set(id, resolve)),
      missed: () => 0,
    },
  })
  return {
    ...{ it, clock, told, steps, order },
    seqs: () => told.map(({ seq }) => seq),
    answer: async (seq: number, lines: readonly string[] | null) => {
      asked.get(run(seq))?.(lines)
      await settled()
    },
    asked: () => [...asked.keys()],
  }
}

test('a crash is told with its lines, as soon as they are here', async () => {
  const { it, told, answer, clock } = rig()
  it.accept(stepOf(crash(1)))
  await clock.go(100)
  expect(told).toEqual([])
  await answer(1, ['one', 'two'])
  expect(told).toEqual([{ ...crash(1), log: ['one', 'two'] }])
  expect(clock.pending()).toBe(0)
})

test('what is no crash is told at once, in the very same step', () => {
  const { it, steps } = rig()
  const step = stepOf(other(1))
  it.accept(step)
  expect(steps).toEqual([step])
  expect(steps[0]).toBe(step)
})

test('what happens meanwhile waits behind it, and keeps its order', async () => {
  const { it, seqs, answer } = rig()
  it.accept(stepOf(crash(1)))
  it.accept(stepOf(other(2)))
  it.accept(stepOf(crash(3), other(4)))
  it.accept(stepOf())
  await answer(3, ['three'])
  expect(seqs()).toEqual([])
  await answer(1, ['one'])
  expect(seqs()).toEqual([1, 2, 3, 4])
})

test('without an answer it is told after a second, without lines; later ones are known all the same', async () => {
  const { it, told, answer, clock } = rig()
  it.accept(stepOf(crash(1)))
  await clock.go(HOLD_AT_MOST_MS - 1)
  expect(told).toEqual([])
  await clock.go(1)
  expect(told).toEqual([crash(1)])
  await answer(1, ['late'])
  expect(told).toHaveLength(1)
  expect(it.withLines([crash(1)])).toEqual([{ ...crash(1), log: ['late'] }])
})

test('a journal that cannot be read leaves the event as it is; one that is silent says so', async () => {
  const { it, told, answer } = rig()
  it.accept(stepOf(crash(1), crash(2)))
  await answer(1, null)
  await answer(2, [])
  expect(told).toEqual([crash(1), { ...crash(2), log: [] }])
})

test('of a run without an id there is nothing to ask for', () => {
  const { it, seqs, asked } = rig()
  it.accept(stepOf({ ...crash(1), invocationId: null }))
  it.accept(stepOf({ ...crash(2), invocationId: '--merge' }))
  expect(seqs()).toEqual([1, 2])
  expect(asked()).toEqual([])
})

test('in a storm the oldest go on without their lines', () => {
  const { it, seqs } = rig()
  for (let seq = 1; seq <= STEPS_AT_MOST + 10; seq++) it.accept(stepOf(crash(seq)))
  expect(seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

describe('for who asks later', () => {
  test('history has the lines that are still known, and is itself where there are none', async () => {
    const { it, answer } = rig()
    const history = [other(1), crash(2), other(3)]
    expect(it.withLines(history)).toBe(history)
    it.accept(stepOf(crash(2)))
    await answer(2, ['two'])
    expect(it.withLines(history)).toEqual([other(1), { ...crash(2), log: ['two'] }, other(3)])
  })

  test('lines are kept for the newest crashes only', async () => {
    const { it, answer } = rig()
    const lines = Array(8).fill('x'.repeat(1000))
    for (let seq = 1; seq <= 40; seq++) {
      it.accept(stepOf(crash(seq)))
      await answer(seq, lines)
    }
    const known = it.withLines(Array.from({ length: 40 }, (_, i) => crash(i + 1))).filter((event) => 'log' in event)
    expect(known.map(({ seq }) => seq)).toEqual(Array.from({ length: 32 }, (_, i) => i + 9))
  })

  test('what is still held was not told yet', async () => {
    const { it, answer } = rig()
    const events = [other(1), crash(2), other(3)]
    expect(it.delivered(events)).toEqual(events)
    it.accept(stepOf(crash(2)))
    it.accept(stepOf(other(3)))
    expect(it.delivered(events)).toEqual([other(1)])
    await answer(2, [])
    expect(it.delivered(events)).toEqual(events)
  })
})

test('at the end what is held is told before the sinks stop', async () => {
  const { it, seqs, order, clock } = rig()
  it.accept(stepOf(crash(1)))
  const stopped = it.stop()
  await settled()
  expect(order).toEqual([])
  await clock.go(HOLD_AT_MOST_MS)
  await stopped
  expect({ seqs: seqs(), order }).toEqual({ seqs: [1], order: ['stopped'] })
})
