// How crash events wait for their lines: in order, and for at most a second.
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
import { settled, testClock } from '../rig/clock.ts'

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
  const delivered: Event[] = []
  const steps: Step[] = []
  const order: string[] = []
  const queried = new Map<string, (lines: readonly string[] | null) => void>()
  const sink = {
    accept(step: Step) {
      steps.push(step)
      delivered.push(...step.events)
    },
    stop: async () => void order.push('stopped'),
  }
  const it: CrashLogSink = createCrashLogSink({
    ...{ lines: 5, sinks: [sink], clock, log: () => {} },
    journal: {
      check: async () => {},
      linesOf: (id) => new Promise((resolve) => queried.set(id, resolve)),
      missed: () => 0,
    },
  })
  return {
    ...{ it, clock, delivered, steps, order },
    seqs: () => delivered.map(({ seq }) => seq),
    respond: async (seq: number, lines: readonly string[] | null) => {
      queried.get(run(seq))?.(lines)
      await settled()
    },
    queried: () => [...queried.keys()],
  }
}

test('a crash is passed on with its lines as soon as they arrive', async () => {
  const { it, delivered, respond, clock } = rig()
  it.accept(stepOf(crash(1)))
  await clock.go(100)
  expect(delivered).toEqual([])
  await respond(1, ['one', 'two'])
  expect(delivered).toEqual([{ ...crash(1), log: ['one', 'two'] }])
  expect(clock.pending()).toBe(0)
})

test('a step without a crash is passed on at once, as the same object', () => {
  const { it, steps } = rig()
  const step = stepOf(other(1))
  it.accept(step)
  expect(steps).toEqual([step])
  expect(steps[0]).toBe(step)
})

test('later steps wait until the crash is passed on, and keep their order', async () => {
  const { it, seqs, respond } = rig()
  it.accept(stepOf(crash(1)))
  it.accept(stepOf(other(2)))
  it.accept(stepOf(crash(3), other(4)))
  it.accept(stepOf())
  await respond(3, ['three'])
  expect(seqs()).toEqual([])
  await respond(1, ['one'])
  expect(seqs()).toEqual([1, 2, 3, 4])
})

test('without lines, a crash is passed on after a second; lines that arrive later are still kept', async () => {
  const { it, delivered, respond, clock } = rig()
  it.accept(stepOf(crash(1)))
  await clock.go(HOLD_AT_MOST_MS - 1)
  expect(delivered).toEqual([])
  await clock.go(1)
  expect(delivered).toEqual([crash(1)])
  await respond(1, ['late'])
  expect(delivered).toHaveLength(1)
  expect(it.withLines([crash(1)])).toEqual([{ ...crash(1), log: ['late'] }])
})

test('a journal that cannot be read leaves the event unchanged; a run that wrote nothing has an empty list', async () => {
  const { it, delivered, respond } = rig()
  it.accept(stepOf(crash(1), crash(2)))
  await respond(1, null)
  await respond(2, [])
  expect(delivered).toEqual([crash(1), { ...crash(2), log: [] }])
})

test('the journal is not queried for a run without a valid id', () => {
  const { it, seqs, queried } = rig()
  it.accept(stepOf({ ...crash(1), invocationId: null }))
  it.accept(stepOf({ ...crash(2), invocationId: '--merge' }))
  expect(seqs()).toEqual([1, 2])
  expect(queried()).toEqual([])
})

test('in a crash storm the oldest are passed on without lines', () => {
  const { it, seqs } = rig()
  for (let seq = 1; seq <= STEPS_AT_MOST + 10; seq++) it.accept(stepOf(crash(seq)))
  expect(seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

describe('for later queries', () => {
  test('history gets the lines that are still kept, and is returned unchanged if there are none', async () => {
    const { it, respond } = rig()
    const history = [other(1), crash(2), other(3)]
    expect(it.withLines(history)).toBe(history)
    it.accept(stepOf(crash(2)))
    await respond(2, ['two'])
    expect(it.withLines(history)).toEqual([other(1), { ...crash(2), log: ['two'] }, other(3)])
  })

  test('lines are kept for the newest crashes only', async () => {
    const { it, respond } = rig()
    const lines = Array(8).fill('x'.repeat(1000))
    for (let seq = 1; seq <= 40; seq++) {
      it.accept(stepOf(crash(seq)))
      await respond(seq, lines)
    }
    const known = it.withLines(Array.from({ length: 40 }, (_, i) => crash(i + 1))).filter((event) => 'log' in event)
    expect(known.map(({ seq }) => seq)).toEqual(Array.from({ length: 32 }, (_, i) => i + 9))
  })

  test('events that are held back do not count as delivered', async () => {
    const { it, respond } = rig()
    const events = [other(1), crash(2), other(3)]
    expect(it.delivered(events)).toEqual(events)
    it.accept(stepOf(crash(2)))
    it.accept(stepOf(other(3)))
    expect(it.delivered(events)).toEqual([other(1)])
    await respond(2, [])
    expect(it.delivered(events)).toEqual(events)
  })
})

test('at stop, held steps are passed on before the sinks stop', async () => {
  const { it, seqs, order, clock } = rig()
  it.accept(stepOf(crash(1)))
  const stopped = it.stop()
  await settled()
  expect(order).toEqual([])
  await clock.go(HOLD_AT_MOST_MS)
  await stopped
  expect({ seqs: seqs(), order }).toEqual({ seqs: [1], order: ['stopped'] })
})
