import { expect, test } from 'vitest'
import {
  afterCommit,
  commitDueMs,
  commitReason,
  type FlushBudget,
  fullFlushBudget,
  NOTHING_UNCOMMITTED,
  readerMayCommit,
  type Uncommitted,
  uncommittedAfter,
} from '../../src/store/flush-policy.ts'

const MINUTE = 60_000
const full = (lastCommitMs: number | null = null): FlushBudget => left(10, 10, lastCommitMs)
const left = (early: number, average = 10, lastCommitMs: number | null = null): FlushBudget => ({
  early: { tokens: early, atMs: 0 },
  average: { tokens: average, atMs: 0 },
  lastCommitMs,
})
const since = (sinceMs: number): Uncommitted => ({ ...NOTHING_UNCOMMITTED, sinceMs })
const first = (atMs: number): Uncommitted => ({ ...NOTHING_UNCOMMITTED, sinceMs: atMs, firstCrashMs: atMs })
const again = (atMs: number): Uncommitted => ({ ...NOTHING_UNCOMMITTED, sinceMs: atMs, crashAgainMs: atMs })

test.each<[string, FlushBudget, Uncommitted, number | null]>([
  ['without changes no commit is due', full(), NOTHING_UNCOMMITTED, null],
  ['a start after a quiet time is due within the interval', full(), since(1000), 60_500],
  ['a start soon after a commit is due one interval after that commit', full(900), since(1000), 60_900],
  ['a start long after a commit is due within the interval', full(900), since(90_000), 149_500],
  ['a first crash is due in half a second', full(), first(1000), 1500],
  ['a first crash soon after a commit is due in half a second', full(900), first(1000), 1500],
  ['a first crash with the last token is due in half a second', left(1), first(1000), 1500],
  ['a first crash without a token is due when one is added', left(0.75), first(1000), 30_000],
  ['a first crash without a token for long is due with the routine commit', left(0), first(1000), 60_500],
  ['a first crash with an empty average bucket is due when a token is added', left(10, 0.75), first(1000), 15_000],
  ['a repeated crash of a unit is due in half a second if there are spare tokens', left(6), again(1000), 1500],
  [
    'a repeated crash of a unit is due with the routine commit if only reserved tokens are left',
    left(5),
    again(1000),
    60_500,
  ],
  ['a commit is due at once if event numbers run out', left(0, -5, 0), { ...NOTHING_UNCOMMITTED, numbersLow: true }, 0],
])('%s', (_, budget, uncommitted, due) => {
  expect(commitDueMs(budget, uncommitted, MINUTE)).toBe(due)
})

test.each<[string, FlushBudget, Uncommitted, boolean]>([
  ['may commit changes', full(), since(1000), true],
  ['does not commit without changes', full(), NOTHING_UNCOMMITTED, false],
  ['may not use the last five tokens', left(5.9), since(1000), false],
  ['may use the sixth token', left(6), since(1000), true],
  ['may not empty the average bucket', left(10, 5), since(1000), false],
])('a reader %s', (_, budget, uncommitted, may) => {
  expect(readerMayCommit(budget, uncommitted, 0, MINUTE)).toBe(may)
})

test('a token is added every two minutes, up to ten', () => {
  const spent = afterCommit(full(), 'early', 0, MINUTE)
  expect(spent).toEqual({ early: { tokens: 9, atMs: 0 }, average: { tokens: 9, atMs: 0 }, lastCommitMs: 0 })
  const soon = afterCommit(spent, 'routine', 60_000, MINUTE)
  expect(soon).toMatchObject({ early: { tokens: 9.5 }, average: { tokens: 9 } })
  const late = afterCommit(spent, 'routine', 9_999_999, MINUTE)
  expect(late).toMatchObject({ early: { tokens: 10 }, average: { tokens: 9 } })
})

test.each([
  ['a routine commit costs no token', since(0), 60_000, 'routine'],
  ['a crash before the routine commit costs one', first(0), 1000, 'early'],
  [
    'the bound of event numbers is raised even without tokens',
    { ...NOTHING_UNCOMMITTED, numbersLow: true },
    0,
    'forced',
  ],
] as const)('%s', (_, uncommitted, nowMs, why) => {
  expect(commitReason(full(), uncommitted, nowMs, MINUTE)).toBe(why)
})

test('a crash is a first one if the unit has not crashed for an interval', () => {
  const last = new Map([['a', 1000]])
  expect(uncommittedAfter(NOTHING_UNCOMMITTED, ['a'], last, 30_000, MINUTE)).toEqual({ ...again(30_000) })
  expect(uncommittedAfter(NOTHING_UNCOMMITTED, ['a'], last, 61_000, MINUTE)).toEqual({ ...first(61_000) })
  expect(uncommittedAfter(NOTHING_UNCOMMITTED, ['a', 'b'], last, 30_000, MINUTE)).toEqual({
    ...again(30_000),
    firstCrashMs: 30_000,
  })
  expect(uncommittedAfter(since(5), [], last, 30_000, MINUTE)).toEqual(since(5))
})

/** The number of commits in a day with a crash every `everyMs`, of `units` in turn, and a scrape every 15 s. */
function commitsOfADay(everyMs: number, units: number, scrapes: boolean, intervalMs = MINUTE): number {
  let budget = fullFlushBudget(0)
  let uncommitted = NOTHING_UNCOMMITTED
  let commits = 0
  const last = new Map<string, number>()
  for (let nowMs = 0, crashes = 0; nowMs < 86_400_000; nowMs += 500) {
    if (nowMs % everyMs === 0) {
      const unit = `${crashes++ % units}`
      uncommitted = uncommittedAfter(uncommitted, [unit], last, nowMs, intervalMs)
      last.set(unit, nowMs)
    }
    const due = commitDueMs(budget, uncommitted, intervalMs)
    const read = scrapes && nowMs % 15_000 === 0 && readerMayCommit(budget, uncommitted, nowMs, intervalMs)
    if (!read && (due === null || due > nowMs)) continue
    budget = afterCommit(budget, commitReason(budget, uncommitted, nowMs, intervalMs), nowMs, intervalMs)
    uncommitted = NOTHING_UNCOMMITTED
    commits++
  }
  return commits
}

test.each([
  [500, 1],
  [1000, 1],
  [5000, 12],
  [7000, 1000],
  [59_000, 1],
  [61_000, 1],
  [119_000, 2],
])('a crash every %i ms, of %i units in turn, causes at most 1,450 commits a day', (everyMs, units) => {
  expect(commitsOfADay(everyMs, units, false)).toBeLessThanOrEqual(1450)
  expect(commitsOfADay(everyMs, units, true)).toBeLessThanOrEqual(1450)
})

test('random events cause at most ten commits more than there are intervals', () => {
  let seed = 1
  const random = () => {
    seed = (seed * 48271) % 2147483647
    return seed / 2147483647
  }
  for (let day = 0; day < 12; day++) {
    let [budget, uncommitted, commits] = [fullFlushBudget(0), NOTHING_UNCOMMITTED, 0]
    const last = new Map<string, number>()
    const pace = 10 ** (1 + random() * 4)
    for (let nowMs = 0; nowMs < 10_000_000; nowMs += Math.ceil(random() * pace) + 200) {
      const unit = `${Math.floor(random() * 30)}`
      const crashed = random() < 0.5 ? [unit] : []
      uncommitted = uncommittedAfter(uncommitted, crashed, last, nowMs, MINUTE)
      for (const one of crashed) last.set(one, nowMs)
      const due = commitDueMs(budget, uncommitted, MINUTE) ?? Number.POSITIVE_INFINITY
      if (due > nowMs && !(random() < 0.1 && readerMayCommit(budget, uncommitted, nowMs, MINUTE))) continue
      budget = afterCommit(budget, commitReason(budget, uncommitted, nowMs, MINUTE), nowMs, MINUTE)
      uncommitted = NOTHING_UNCOMMITTED
      commits++
    }
    expect(commits).toBeLessThanOrEqual(10 + 10_000_000 / MINUTE)
  }
})
