// The flash budget: the bytes of simulated days on each file system, and what a restart of the agent keeps.
import { expect, test } from 'vitest'
import { createSideWriteCounter, flashCostOf, loneCommitBytes } from '../../src/store/file/write-amplification.ts'
import {
  afterCommit,
  type FlushBudget,
  type FlushLimits,
  fullFlushBudget,
  isExceeded,
  limited,
  restoredFlushBudget,
  storedBudget,
} from '../../src/store/flush-budget.ts'
import { longestDelayMs, NOTHING_UNCOMMITTED } from '../../src/store/flush-policy.ts'
import { commitsUnder, STEP_MS } from './simulated-load.ts'

const MINUTE = 60_000
const DAY = 1440 * MINUTE
const MB = 1_000_000
const PAGE = 4096
const BY_DEFAULT: FlushLimits = { flushIntervalMs: MINUTE, bytesPerDay: 30 * MB }

const costOf = (type: string, blockBytes?: number, ...options: string[]) => flashCostOf({ type, options }, blockBytes)

interface Load {
  readonly everyMs: number
  readonly units: number
  readonly cost?: ReturnType<typeof costOf>
  readonly limits?: FlushLimits
  readonly days?: number
}

/** Crashes every `everyMs` of the units in turn, and a scrape every 15 s. */
function run({ everyMs, units, cost = costOf('ext4'), limits = BY_DEFAULT, days = 2 }: Load) {
  const sideWriteBytes = createSideWriteCounter(cost.sideWrites)
  const bytesAt = (nowMs: number) => PAGE + sideWriteBytes(nowMs)
  const load = { everyMs, firstMs: STEP_MS, units, limits, untilMs: days * DAY, scrapes: true, bytesAt }
  let exceeded = false
  const written: { readonly atMs: number; readonly bytes: number }[] = []
  let [longestMs, longestFirstMs, delayMs] = [0, 0, 0]
  for (const { nowMs, bytes, uncommitted, before, after } of commitsUnder(load)) {
    const shown = longestDelayMs(before, uncommitted, nowMs, limits)
    delayMs = Math.max(delayMs, shown)
    exceeded = isExceeded(after, exceeded, nowMs, limits)
    const waitedMs = nowMs - (uncommitted.sinceMs ?? nowMs)
    expect(waitedMs).toBeLessThanOrEqual(shown + STEP_MS)
    longestMs = Math.max(longestMs, waitedMs)
    if (uncommitted.firstCrashMs !== null) longestFirstMs = Math.max(longestFirstMs, nowMs - uncommitted.firstCrashMs)
    written.push({ atMs: nowMs, bytes })
  }
  return { worstDay: worstDay(written), longestMs, longestFirstMs, delayMs, exceeded, commits: written.length / days }
}

/** The most bytes in any 24 hours. */
function worstDay(written: readonly { readonly atMs: number; readonly bytes: number }[]): number {
  let [sum, most, from] = [0, 0, 0]
  for (const { atMs, bytes } of written) {
    sum += bytes
    for (; (written[from]?.atMs ?? atMs) <= atMs - DAY; from++) sum -= written[from]?.bytes ?? 0
    most = Math.max(most, sum)
  }
  return most
}

test.each([
  ['ext4 with blocks of 4 KiB', costOf('ext4'), 63_000],
  ['ext4 with blocks of 1 KiB', costOf('ext4', 1024), 61_000],
  ['ext4 with commit=300', costOf('ext4', 4096, 'rw', 'commit=300'), 61_000],
  ['xfs', costOf('xfs'), 75_000],
  ['btrfs', costOf('btrfs'), 900_000],
  ['a file system that was not measured', costOf('f2fs'), 63_000],
])('an endless crash loop on %s stays within the budget in any 24 hours', (_, cost, withinMs) => {
  const { worstDay, exceeded, longestMs, commits } = run({ everyMs: 5_000, units: 1, cost })
  expect(worstDay).toBeLessThanOrEqual(30 * MB)
  expect(exceeded).toBe(false)
  expect(longestMs).toBeLessThanOrEqual(withinMs)
  expect(commits).toBeGreaterThan(95)
})

test('a tenth of the budget on btrfs: commits are made every 15 minutes, and that it is exceeded is reported', () => {
  const limits = { ...BY_DEFAULT, bytesPerDay: 3 * MB }
  const { worstDay, exceeded, longestMs, delayMs, commits } = run({
    everyMs: 5_000,
    units: 1,
    cost: costOf('btrfs'),
    limits,
  })
  expect(worstDay).toBeGreaterThan(3 * MB)
  expect(exceeded).toBe(true)
  expect(longestMs).toBe(900_000 - 500)
  expect(delayMs).toBe(900_000)
  expect(commits).toBeLessThan(100)
})

test('first crashes are not delayed on btrfs, although each costs a hundredth of the budget; it is reported', () => {
  const { worstDay, exceeded, longestFirstMs } = run({ everyMs: 5 * MINUTE, units: 13, cost: costOf('btrfs') })
  expect(longestFirstMs).toBeLessThanOrEqual(1_000)
  expect(worstDay).toBeGreaterThan(70 * MB)
  expect(exceeded).toBe(true)
})

test('a calm day does not stretch anything, on btrfs too', () => {
  const { longestFirstMs, delayMs, exceeded } = run({ everyMs: 30 * MINUTE, units: 12, cost: costOf('btrfs') })
  expect([longestFirstMs, delayMs, exceeded]).toEqual([500, MINUTE, false])
})

test('after a time above the budget, it is kept again within two hours', () => {
  const limits = { ...BY_DEFAULT, bytesPerDay: 1 * MB }
  let budget: FlushBudget = fullFlushBudget(0, limits)
  for (let i = 0; i < 1000; i++) budget = afterCommit(budget, 'budget', 20_480, i * 1000, limits)
  const nowMs = 1000 * 1000
  expect(isExceeded(budget, false, nowMs, limits)).toBe(true)
  expect(longestDelayMs(budget, NOTHING_UNCOMMITTED, nowMs, limits)).toBe(900_000)
  expect(isExceeded(budget, true, nowMs + 50 * MINUTE, limits)).toBe(true)
  expect(isExceeded(budget, true, nowMs + 120 * MINUTE, limits)).toBe(false)
  expect(longestDelayMs(budget, NOTHING_UNCOMMITTED, nowMs + 120 * MINUTE, limits)).toBe(MINUTE)
})

test('an agent that restarts all the time does not get a new budget each time', () => {
  const cost = loneCommitBytes(costOf('ext4').sideWrites)
  let budget = fullFlushBudget(0, BY_DEFAULT)
  let nowMs = 0
  for (let restarts = 0; restarts < 200; restarts++) {
    // One commit for the start, one for the stop, which stores the budget before it; then another boot.
    nowMs += 1_000
    budget = afterCommit(budget, 'budget', cost, nowMs, BY_DEFAULT)
    const stored = storedBudget(budget, 'reserve', nowMs, BY_DEFAULT)
    budget = restoredFlushBudget(stored, cost, 1_000, 5, BY_DEFAULT)
    nowMs = 5
  }
  expect(isExceeded(budget, false, nowMs, BY_DEFAULT)).toBe(true)
  expect(budget.reserve.tokens).toBeLessThan(3)
  expect(longestDelayMs(budget, NOTHING_UNCOMMITTED, nowMs, BY_DEFAULT)).toBe(900_000)
})

test('a stored budget is filled for the time since, and never above the limit or below the largest debt', () => {
  const burst = BY_DEFAULT.bytesPerDay / 24
  const after = (bytes: number, elapsedMs: number, limits = BY_DEFAULT) =>
    restoredFlushBudget({ bytes, reserve: 3 }, 0, elapsedMs, 7_000, limits).bytes.tokens
  expect(after(0, 0)).toBe(0)
  expect(after(0, 60_000)).toBeCloseTo((BY_DEFAULT.bytesPerDay * (15 / 16)) / 1440, 3)
  expect(after(0, 30 * DAY)).toBe(burst)
  expect(after(2 ** 48, 0)).toBe(burst)
  expect(after(-(2 ** 48), 0)).toBe(-burst)
  expect(after(0, -5_000)).toBe(0)
  expect(after(burst, 0, { ...BY_DEFAULT, bytesPerDay: MB })).toBe(MB / 24)
})

test('other limits at run time apply to what is left', () => {
  const low = { ...BY_DEFAULT, bytesPerDay: MB }
  const inDebt = afterCommit(fullFlushBudget(0, BY_DEFAULT), 'budget', 30 * MB, 0, BY_DEFAULT)
  expect(limited(inDebt, 0, low).bytes.tokens).toBe(-MB / 24)
  expect(limited(fullFlushBudget(0, BY_DEFAULT), 0, low).bytes.tokens).toBe(MB / 24)
})
