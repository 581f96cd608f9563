// The strip of a unit's last day, out of literal events: only what is known, from when on it is known.
import { expect, test } from 'vitest'
import type { UnitView } from '../../src/core/api-views.ts'
import type { EventView } from '../../src/core/event-text.ts'
import { timelineOf, timelineText } from '../../src/dashboard/timeline.ts'

const NOW = Date.parse('2026-11-20T12:00:00Z')
const HOUR = 3_600_000
const ago = (hours: number) => new Date(NOW - hours * HOUR).toISOString()

/** An event so many hours ago. */
const told = (event: string, hours: number, more: Partial<EventView> = {}): EventView => {
  return { event, service: 'a.service', timestamp: ago(hours), source: 'signal', ...more }
}

function unit(active_state: string, sinceHours: number | null): UnitView {
  return {
    ...{ service: 'a.service', load_state: 'loaded', active_state, sub_state: null, flapping: false, gave_up: false },
    since: sinceHours === null ? null : ago(sinceHours),
    counters: { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 },
    last_crash: null,
  }
}

/** `24h running, 3h failed`: what it was from so many hours ago on. */
function strip(now: UnitView, events: readonly EventView[], wholeFromHours: number) {
  const { spans } = timelineOf(now, events, NOW - wholeFromHours * HOUR, NOW)
  return spans.map(({ fromMs, phase }) => `${(NOW - fromMs) / HOUR}h ${phase}`).join(', ')
}

test.each([
  ['without an event, since when systemd says', unit('active', 5), [], 30, '24h unknown, 5h running'],
  ['without an event, for longer than a day', unit('active', 50), [], 2, '24h running'],
  ['never started', unit('inactive', null), [], 30, '24h unknown, 0h stopped'],
  [
    'a crash, a restart and a stop',
    unit('inactive', 1),
    [told('start', 30), told('crash', 8), told('restart', 7.5), told('stop', 1)],
    30,
    '24h running, 8h failed, 7.5h running, 1h stopped',
  ],
  [
    'the first event is an end: it ran before, as far as anything is known',
    unit('failed', 3),
    [told('crash', 3)],
    10,
    '24h unknown, 10h running, 3h failed',
  ],
  [
    'the first event is a start found out afterwards',
    unit('active', 3),
    [told('start', 3, { source: 'reconcile' })],
    10,
    '24h unknown, 3h running',
  ],
  [
    'an end that nobody saw',
    unit('active', 2),
    [told('start', 30), told('lost', 4), told('start', 2)],
    30,
    '24h running, 4h unknown, 2h running',
  ],
  [
    'reset-failed, which no event tells',
    unit('inactive', 1),
    [told('start', 30), told('crash', 6)],
    30,
    '24h running, 6h failed, 1h stopped',
  ],
  [
    'a clock that was set back: the failure has no length',
    unit('active', 4),
    [told('start', 30), told('crash', 2), told('restart', 4)],
    30,
    '24h running',
  ],
])('%s', (_, now, events, wholeFrom, expected) => {
  expect(strip(now, events, wholeFrom)).toBe(expected)
})

test('crashes of the last day are counted, those of a summary too', () => {
  const events = [
    told('start', 90),
    told('crash', 50),
    told('restart', 50),
    told('crash', 2),
    told('summary', 1, { crashes: 400 }),
  ]
  const { crashes, crashesMs } = timelineOf(unit('failed', 1), events, NOW - 90 * HOUR, NOW)
  expect([crashes, crashesMs]).toEqual([401, [NOW - 2 * HOUR, NOW - HOUR]])
})

test('who does not see it reads it', () => {
  const events = [told('start', 90), told('crash', 0.1)]
  const words = timelineText(timelineOf(unit('failed', 0.1), events, NOW - 90 * HOUR, NOW))
  expect(words).toBe('last 24 hours: running over 99%, failed under 1%, 1 crash')
})
