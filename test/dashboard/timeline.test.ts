// The timeline of a unit's last 24 hours from literal events: it shows only what is known.
import { expect, test } from 'vitest'
import type { UnitView } from '../../src/core/views/api-views.ts'
import type { EventView } from '../../src/core/views/event-text.ts'
import { timelineOf, timelineText } from '../../src/dashboard/timeline.ts'

const NOW = Date.parse('2026-11-20T12:00:00Z')
const HOUR = 3_600_000
const ago = (hours: number) => new Date(NOW - hours * HOUR).toISOString()

/** An event this many hours ago. */
const event = (kind: string, hours: number, more: Partial<EventView> = {}): EventView => {
  return { event: kind, service: 'a.service', timestamp: ago(hours), source: 'signal', ...more }
}

function unit(active_state: string, sinceHours: number | null): UnitView {
  return {
    ...{ service: 'a.service', load_state: 'loaded', active_state, sub_state: null, flapping: false, gave_up: false },
    since: sinceHours === null ? null : ago(sinceHours),
    counters: { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 },
    last_crash: null,
  }
}

/** `24h running, 3h failed`: each phase with the hours since it started. */
function phases(now: UnitView, events: readonly EventView[], wholeFromHours: number) {
  const { spans } = timelineOf(now, events, NOW - wholeFromHours * HOUR, NOW)
  return spans.map(({ fromMs, phase }) => `${(NOW - fromMs) / HOUR}h ${phase}`).join(', ')
}

test.each([
  ['without an event, from the time that systemd reports', unit('active', 5), [], 30, '24h unknown, 5h running'],
  ['without an event, for longer than a day', unit('active', 50), [], 2, '24h running'],
  ['never started', unit('inactive', null), [], 30, '24h unknown, 0h stopped'],
  [
    'a crash, a restart and a stop',
    unit('inactive', 1),
    [event('start', 30), event('crash', 8), event('restart', 7.5), event('stop', 1)],
    30,
    '24h running, 8h failed, 7.5h running, 1h stopped',
  ],
  [
    'the first event is an end: it ran before, back to the oldest event',
    unit('failed', 3),
    [event('crash', 3)],
    10,
    '24h unknown, 10h running, 3h failed',
  ],
  [
    'the first event is a start that was detected later',
    unit('active', 3),
    [event('start', 3, { source: 'reconcile' })],
    10,
    '24h unknown, 3h running',
  ],
  [
    'an unobserved end',
    unit('active', 2),
    [event('start', 30), event('lost', 4), event('start', 2)],
    30,
    '24h running, 4h unknown, 2h running',
  ],
  [
    'reset-failed, which no event reports',
    unit('inactive', 1),
    [event('start', 30), event('crash', 6)],
    30,
    '24h running, 6h failed, 1h stopped',
  ],
  [
    'a clock that was set back: the failure has no duration',
    unit('active', 4),
    [event('start', 30), event('crash', 2), event('restart', 4)],
    30,
    '24h running',
  ],
])('%s', (_, now, events, wholeFrom, expected) => {
  expect(phases(now, events, wholeFrom)).toBe(expected)
})

test('crashes of the last day are counted, including those in a summary', () => {
  const events = [
    event('start', 90),
    event('crash', 50),
    event('restart', 50),
    event('crash', 2),
    event('summary', 1, { crashes: 400 }),
  ]
  const { crashes, crashesMs } = timelineOf(unit('failed', 1), events, NOW - 90 * HOUR, NOW)
  expect([crashes, crashesMs]).toEqual([401, [NOW - 2 * HOUR, NOW - HOUR]])
})

test('screen readers get it as text', () => {
  const events = [event('start', 90), event('crash', 0.1)]
  const text = timelineText(timelineOf(unit('failed', 0.1), events, NOW - 90 * HOUR, NOW))
  expect(text).toBe('last 24 hours: running over 99%, failed under 1%, 1 crash')
})
