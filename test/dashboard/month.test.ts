// The last 30 days of a unit, as literal tables.
import { expect, test } from 'vitest'
import { dayCountsText, monthOf, monthText } from '../../src/dashboard/card/month.ts'

const NOW = Date.parse('2026-12-01T00:30:00Z')
const none = { starts: 0, stops: 0, crashes: 0, lost: 0 }

test('the month ends today (UTC), and a day on which nothing was counted has no counts', () => {
  const month = monthOf([{ ...none, day: '2026-12-01', crashes: 1 }], NOW)
  expect(month.length).toBe(30)
  expect([month[0]?.day, month.at(-1)?.day]).toEqual(['2026-11-02', '2026-12-01'])
  expect(month.filter(({ counts }) => counts !== null).map(({ day }) => day)).toEqual(['2026-12-01'])
})

test.each([
  ['no day', [], 'nothing counted'],
  ['a quiet day', [{ ...none, day: '2026-11-28', starts: 1 }], 'no crash counted'],
  ['a lost run', [{ ...none, day: '2026-11-28', lost: 1 }], 'no crash counted; 1 run lost'],
  ['one crash', [{ ...none, day: '2026-11-28', crashes: 1 }], '1 crash on 1 day: 1 on 28 Nov'],
  [
    'several days, and one that is too old',
    [
      { ...none, day: '2026-11-01', crashes: 7 },
      { ...none, day: '2026-11-28', crashes: 12, lost: 2 },
      { ...none, day: '2026-11-30', crashes: 5 },
    ],
    '17 crashes on 2 days: 12 on 28 Nov, 5 on 30 Nov; 2 runs lost',
  ],
])('text of a month with %s', (_, days, text) => {
  expect(monthText(monthOf(days, NOW))).toBe(text)
})

test('text of a day', () => {
  expect(dayCountsText({ day: '2026-11-28', counts: null })).toBe('28 Nov: nothing counted')
  const counts = { day: '2026-11-28', starts: 2, stops: 1, crashes: 1, lost: 1 }
  expect(dayCountsText({ day: '2026-11-28', counts })).toBe('28 Nov: 2 starts, 1 stop, 1 crash, 1 lost')
})
