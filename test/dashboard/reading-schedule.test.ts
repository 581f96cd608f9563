// When the card reads again.
import { expect, test } from 'vitest'
import type { ApiEvent } from '../../src/dashboard/api-types.ts'
import { createReadingSchedule } from '../../src/dashboard/card/reading-schedule.ts'

const start: ApiEvent = { id: 's-1', seq: 1, event: 'start' }
const crash: ApiEvent = { id: 's-2', seq: 2, event: 'crash' }
const restart: ApiEvent = { id: 's-3', seq: 3, event: 'restart' }

test('the details are read every 15 s, the explanation every minute and after news', () => {
  const schedule = createReadingSchedule()
  expect(schedule.due([start], 0)).toBe('all')
  expect(schedule.due([start], 14_999)).toBe(null)
  expect(schedule.due([start], 15_000)).toBe('details')
  expect(schedule.due([start, crash], 15_001)).toBe('all')
  expect(schedule.due([start, crash, restart], 15_002)).toBe('all')
  expect(schedule.due([start, crash, restart], 15_003)).toBe(null)
  // More evidence of the crash.
  expect(schedule.due([start, { ...crash, evidence: { ran_ms: 1 } }, restart], 15_004)).toBe('all')
})

test('each minute and each other unit, everything is read', () => {
  const schedule = createReadingSchedule()
  expect([0, 15_000, 30_000, 45_000, 60_000].map((ms) => schedule.due([], ms))).toEqual([
    'all',
    'details',
    'details',
    'details',
    'all',
  ])
  schedule.reset()
  expect(schedule.due([], 60_001)).toBe('all')
})
