// The headline of the dashboard and the order of its units, as literal tables.
import { describe, expect, test } from 'vitest'
import type { UnitView } from '../../src/core/views/api-views.ts'
import { byUrgency, verdictOf } from '../../src/dashboard/verdict.ts'

const NOW = Date.parse('2026-11-20T10:00:00Z')

function unit(service: string, fields: Partial<UnitView> = {}): UnitView {
  return {
    service,
    load_state: 'loaded',
    active_state: 'active',
    sub_state: 'running',
    since: '2026-11-20T09:00:00Z',
    flapping: false,
    gave_up: false,
    counters: { starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 },
    last_crash: null,
    ...fields,
  }
}

const RUNS = unit('runs.service')
const ABSENT = unit('absent.service', { load_state: 'not-found', active_state: 'unloaded', missing: 'not-found' })
const MASKED = unit('masked.service', { load_state: 'masked', active_state: 'unloaded', missing: 'masked' })
const FAILED = unit('failed.service', { active_state: 'failed' })
const UNREAD = unit('unread.service', { active_state: 'unknown', load_state: null })

describe('the headline', () => {
  test.each([
    ['no unit', [], 'warn', 'No unit is watched'],
    ['a running unit', [RUNS], 'ok', 'All OK'],
    ['a unit that is not found', [RUNS, ABSENT], 'warn', '1 of 2 units needs attention'],
    ['a masked unit', [MASKED], 'warn', '1 of 1 unit needs attention'],
    ['a failed and an absent unit', [ABSENT, FAILED, RUNS], 'bad', '2 of 3 units need attention'],
    ['a unit that was not read yet', [RUNS, UNREAD], 'unknown', 'The state of 1 of 2 units is unknown'],
  ])('%s', (_, units, tone, headline) => {
    expect(verdictOf({ units }, null, NOW)).toMatchObject({ tone, headline })
  })

  test('a pattern that matches no unit is not OK either', () => {
    const unmatched_patterns = [{ pattern: 'sensor@*.service', reason: 'no unit has such a name' }]
    expect(verdictOf({ units: [RUNS], unmatched_patterns }, null, NOW)).toEqual({
      tone: 'warn',
      headline: '1 pattern matches no unit',
      detail: 'sensor@*.service: no unit has such a name',
    })
  })

  test('the detail names the most urgent units, at most six', () => {
    expect(verdictOf({ units: [ABSENT, RUNS, FAILED] }, null, NOW).detail).toBe('failed: failed; absent: not found')
    const units = Array.from({ length: 8 }, (_, i) => unit(`u${i}.service`, { active_state: 'failed' }))
    expect(verdictOf({ units }, null, NOW).detail).toMatch(/^u0: failed; .*; u5: failed; and 2 more$/)
  })
})

test('units that need attention come first, each group in the order of the configuration', () => {
  const order = byUrgency([RUNS, UNREAD, ABSENT, unit('b.service'), MASKED, FAILED]).map(({ service }) => service)
  expect(order).toEqual([
    'failed.service',
    'absent.service',
    'masked.service',
    'unread.service',
    'runs.service',
    'b.service',
  ])
})
