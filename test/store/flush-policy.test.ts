import { expect, test } from 'vitest'
import type { FlushBudget, FlushLimits } from '../../src/store/flush-budget.ts'
import {
  commitDueMs,
  isFirstCrash,
  longestDelayMs,
  NOTHING_UNCOMMITTED,
  paidBy,
  readerMayCommit,
  type Uncommitted,
  uncommittedAfter,
} from '../../src/store/flush-policy.ts'
import { commitsUnder } from './simulated-load.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** The bucket holds up to 1,000 bytes, and gains 937.5 an hour. */
const LIMITS: FlushLimits = { flushIntervalMs: MINUTE, bytesPerDay: 24_000 }
const BYTE_MS = HOUR / 937.5

interface Left {
  readonly bytes?: number
  readonly pace?: number
  readonly reserve?: number
  readonly lastCommitMs?: number | null
}
const left = ({ bytes = 1000, pace = 5, reserve = 10, lastCommitMs = null }: Left = {}): FlushBudget => ({
  bytes: { tokens: bytes, atMs: 0 },
  pace: { tokens: pace, atMs: 0 },
  reserve: { tokens: reserve, atMs: 0 },
  lastCommitMs,
})
const full = (lastCommitMs: number | null = null) => left({ lastCommitMs })
const since = (sinceMs: number): Uncommitted => ({ ...NOTHING_UNCOMMITTED, sinceMs })
const first = (atMs: number): Uncommitted => ({ ...NOTHING_UNCOMMITTED, sinceMs: atMs, firstCrashMs: atMs })
const again = (atMs: number): Uncommitted => ({ ...NOTHING_UNCOMMITTED, sinceMs: atMs, crashAgainMs: atMs })
const NUMBERS_LOW: Uncommitted = { ...NOTHING_UNCOMMITTED, numbersLow: true }
const EMPTY = { bytes: -1000, pace: -5 }

test.each<[string, FlushBudget, Uncommitted, number | null]>([
  ['without changes no commit is due', full(), NOTHING_UNCOMMITTED, null],
  ['a start after a quiet time is due within the interval', full(), since(1000), 60_500],
  ['a start soon after a commit is due one interval after that commit', full(900), since(1000), 60_900],
  ['a start long after a commit is due within the interval', full(900), since(90_000), 149_500],
  ['a start is due within the interval while the bucket is not in debt', left({ bytes: 0 }), since(1000), 60_500],
  ['a start is due when the debt of bytes is paid', left({ bytes: -100 }), since(1000), 100 * BYTE_MS],
  ['a start is due within 15 minutes, whatever the debt', left({ bytes: -900 }), since(1000), 900_500],
  ['a first crash is due in half a second', full(), first(1000), 1500],
  ['a first crash soon after a commit is due in half a second', full(900), first(1000), 1500],
  ['a first crash is not delayed by a debt', left(EMPTY), first(1000), 1500],
  [
    'a first crash with the last token of the reserve is due in half a second',
    left({ ...EMPTY, reserve: 1 }),
    first(1000),
    1500,
  ],
  [
    'a first crash without a token of the reserve is due when one is added',
    left({ ...EMPTY, reserve: 0.75 }),
    first(1000),
    30_000,
  ],
  ['a first crash does not need the reserve while the budget is full', left({ reserve: 0 }), first(1000), 1500],
  ['a repeated crash of a unit is due in half a second while the budget is full', full(), again(1000), 1500],
  ['a repeated crash of a unit waits for the pace', left({ pace: 0.75 }), again(1000), 30_000],
  [
    'a repeated crash of a unit waits while only half of the bytes are left',
    left({ bytes: 499 }),
    again(1000),
    BYTE_MS,
  ],
  ['a commit is due at once if event numbers run out', left({ ...EMPTY, reserve: 0 }), NUMBERS_LOW, 0],
])('%s', (_, budget, uncommitted, due) => {
  const dueMs = commitDueMs(budget, uncommitted, LIMITS)
  if (due === null) expect(dueMs).toBeNull()
  else expect(dueMs).toBeCloseTo(due, 3)
})

test('a flush interval above 15 minutes is never stretched', () => {
  const limits = { ...LIMITS, flushIntervalMs: HOUR }
  expect(commitDueMs(left({ bytes: -1000 }), since(1000), limits)).toBe(1000 + HOUR - 500)
  expect(longestDelayMs(left({ bytes: -1000 }), since(1000), 5000, limits)).toBe(HOUR)
})

test.each<[string, FlushBudget, Uncommitted, boolean]>([
  ['may commit changes', full(), since(1000), true],
  ['does not commit without changes', full(), NOTHING_UNCOMMITTED, false],
  ['may use the last token of the pace', left({ pace: 1 }), since(1000), true],
  ['may not use more', left({ pace: 0.9 }), since(1000), false],
  ['may use the upper half of the bytes', left({ bytes: 500 }), since(1000), true],
  ['may not use the lower half', left({ bytes: 499 }), since(1000), false],
])('a reader %s', (_, budget, uncommitted, may) => {
  expect(readerMayCommit(budget, uncommitted, 0, LIMITS)).toBe(may)
})

test.each<[string, FlushBudget, Uncommitted, number, 'budget' | 'reserve']>([
  ['a routine commit', full(), since(0), 60_000, 'budget'],
  ['a first crash while the budget is full', full(), first(0), 1000, 'budget'],
  ['a first crash that the budget would delay', left(EMPTY), first(0), 1000, 'reserve'],
  ['a first crash whose routine commit is due', left({ ...EMPTY, bytes: 0 }), first(0), 60_000, 'budget'],
  ['a repeated crash', left({ ...EMPTY, bytes: 0 }), again(0), 60_000, 'budget'],
  ['event numbers that run out', left(EMPTY), { ...first(0), numbersLow: true }, 0, 'budget'],
])('what pays for %s', (_, budget, uncommitted, nowMs, by) => {
  expect(paidBy(budget, uncommitted, nowMs, LIMITS)).toBe(by)
})

test.each<[string, FlushBudget, Uncommitted, number, number]>([
  ['the flush interval while there are bytes', full(), since(1000), 5000, MINUTE],
  ['until the debt is paid, from the oldest change on', left({ bytes: -100 }), since(1000), 5000, 100 * BYTE_MS - 1000],
  ['from now on while nothing is uncommitted', left({ bytes: -100 }), NOTHING_UNCOMMITTED, 5000, 100 * BYTE_MS - 5000],
  ['15 minutes at most', left({ bytes: -900 }), since(1000), 5000, 900_000],
])('the longest delay is %s', (_, budget, uncommitted, nowMs, delay) => {
  expect(longestDelayMs(budget, uncommitted, nowMs, LIMITS)).toBeCloseTo(delay, 3)
})

test('a crash is a first one if the unit has not crashed for an hour, also before a restart of the agent', () => {
  expect(isFirstCrash(null, 5000)).toBe(true)
  expect(isFirstCrash(5000, 5000 + HOUR)).toBe(true)
  expect(isFirstCrash(5000, 5000 + HOUR - 1)).toBe(false)
  expect(isFirstCrash(5000, 4999)).toBe(true) // the clock shows an earlier time than the last crash
})

test('the oldest change of each type counts', () => {
  const one = uncommittedAfter(NOTHING_UNCOMMITTED, 'again', 30_000)
  expect(one).toEqual(again(30_000))
  expect(uncommittedAfter(one, 'first', 40_000)).toEqual({ ...again(30_000), firstCrashMs: 40_000 })
  expect(uncommittedAfter(since(5), null, 30_000)).toEqual(since(5))
})

/** The number of commits in a day with a crash every `everyMs`, of `units` in turn, and a scrape every 15 s. */
function commitsOfADay(everyMs: number, units: number, scrapes: boolean): number {
  const limits = { flushIntervalMs: MINUTE, bytesPerDay: 1e12 }
  const load = { everyMs, firstMs: 0, units, limits, untilMs: 24 * HOUR, scrapes, bytesAt: () => 4096 }
  return [...commitsUnder(load)].length
}

test.each([
  [500, 1],
  [1000, 1],
  [5000, 12],
  [7000, 1000],
  [59_000, 1],
  [61_000, 1],
  [119_000, 2],
])(
  'without a limit of bytes, a crash every %i ms, of %i units in turn, causes about one commit a minute',
  (everyMs, units) => {
    expect(commitsOfADay(everyMs, units, false)).toBeLessThanOrEqual(1456)
    expect(commitsOfADay(everyMs, units, true)).toBeLessThanOrEqual(1456)
  },
)
