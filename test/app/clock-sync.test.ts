// When the kernel is queried for a synchronised clock, and that it never is once the clock is synchronised.
import { expect, test } from 'vitest'
import { createClockSync } from '../../src/app/clock-sync.ts'
import { newState, type State } from '../../src/core/state.ts'
import { testClock } from '../rig/clock.ts'

function rig({ marked = false, connected = true } = {}) {
  const clock = testClock({ startMs: 0 })
  const queriedAt: number[] = []
  const observed: boolean[] = []
  let reply: boolean | null = null
  let isConnected = connected
  let found = () => {}
  let watches = true
  const sync = createClockSync({
    watchMark(call) {
      found = call
      if (marked) call()
      return () => {
        watches = false
      }
    },
    query: async () => {
      queriedAt.push(clock.now().monoMs / 1000)
      return reply
    },
    connected: () => isConnected,
    observe: (synced) => void observed.push(synced),
    clock,
  })
  const state: State = { ...newState('00'), bootedAtMs: 1000 }
  return {
    clock,
    queriedAt,
    observed,
    sync,
    watches: () => watches,
    mark: () => found(),
    replies: (now: boolean | null) => {
      reply = now
    },
    connects: () => {
      isConnected = true
    },
    accept: (after: Partial<State> = {}) =>
      sync.accept({ before: state, after: { ...state, ...after }, events: [], at: clock.now() }),
  }
}

test('with the mark nothing is queried, because a query would start a daemon', async () => {
  const { clock, sync, queriedAt, observed } = rig({ marked: true })
  sync.start()
  await clock.go(1_000_000)
  expect([observed, queriedAt]).toEqual([[true], []])
})

test('the kernel is queried with back-off, 15 min at most, until the clock is synchronised, and never again', async () => {
  const { clock, sync, queriedAt, observed, replies, watches, accept } = rig()
  replies(false)
  sync.start()
  await clock.go(0)
  await clock.go(3_000_000)
  expect(queriedAt).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 1923, 2823])
  expect(new Set(observed)).toEqual(new Set([false]))
  replies(true)
  await clock.go(900_000)
  expect(observed.at(-1)).toBe(true)
  expect(watches()).toBe(false)
  const queries = queriedAt.length
  accept({ bootedAtMs: 5_000_000 })
  await clock.go(10_000_000)
  expect(queriedAt).toHaveLength(queries)
})

test('the mark ends the queries', async () => {
  const { clock, sync, queriedAt, observed, replies, mark } = rig()
  replies(false)
  sync.start()
  await clock.go(5_000)
  mark()
  await clock.go(1_000_000)
  expect(observed.at(-1)).toBe(true)
  expect(queriedAt).toEqual([0, 1, 3])
})

test('what is not known is not reported', async () => {
  const { clock, sync, observed } = rig()
  sync.start()
  await clock.go(100_000)
  expect(observed).toEqual([])
})

test('a step of the clock is a reason to query again soon: a time server was reached', async () => {
  const { clock, sync, queriedAt, observed, replies, accept } = rig()
  replies(false)
  sync.start()
  await clock.go(300_000)
  expect(queriedAt.at(-1)).toBe(255)
  accept()
  await clock.go(5_000)
  expect(queriedAt.at(-1)).toBe(255)
  replies(true)
  accept({ bootedAtMs: 1_795_000_000_000 })
  await clock.go(1_000)
  expect(queriedAt.at(-1)).toBe(306)
  expect(observed.at(-1)).toBe(true)
})

test('without a connection nothing is queried; the first step after it does', async () => {
  const { clock, sync, queriedAt, connects, accept } = rig({ connected: false })
  sync.start()
  await clock.go(100_000)
  accept()
  await clock.go(0)
  expect(queriedAt).toEqual([])
  connects()
  accept()
  await clock.go(0)
  expect(queriedAt).toEqual([100])
})

test('after the stop nothing is queried', async () => {
  const { clock, sync, queriedAt, watches } = rig()
  sync.start()
  await clock.go(0)
  await sync.stop()
  await clock.go(1_000_000)
  expect(queriedAt).toEqual([0])
  expect(watches()).toBe(false)
})
