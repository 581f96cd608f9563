// The former program's service_states.json.
import { expect, test } from 'vitest'
import { parseLegacyCounters } from '../../src/config/legacy-counters.ts'

const entry = (starts: unknown, stops: unknown, crashes: unknown) => ({
  last_state: 'active',
  last_change_time: '2025-07-07 10:15:23',
  starts,
  stops,
  crashes,
  logged_unloaded: false,
})

test('counters become baselines, and stops lose the crashes that were booked among them', () => {
  const text = JSON.stringify({ 'mosquitto.service': entry(592, 592, 296), devmgmt: entry(3, 1, 2), hwcheck: {} })
  expect(parseLegacyCounters(text)).toEqual({
    baselines: new Map([
      ['mosquitto.service', { starts: 592, stops: 296, crashes: 296, restarts: 0, lost: 0 }],
      ['devmgmt.service', { starts: 3, stops: 0, crashes: 2, restarts: 0, lost: 0 }],
      ['hwcheck.service', { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 }],
    ]),
    problems: [],
    notes: ['297 of the stops were crashes, which the former program booked as stops too: subtracted'],
  })
})

test('what cannot be taken over is named by unit and value, the rest is taken', () => {
  const text = JSON.stringify({
    a: entry(1, '2', -3),
    b: entry(1, 1.5, 0),
    c: [],
    'd e': entry(1, 0, 0),
    f: entry(1, 0, 0),
    'f.service': entry(2, 0, 0),
    g: entry(null, 0, 0),
  })
  const { baselines, problems } = parseLegacyCounters(text)
  expect([...baselines.keys()]).toEqual(['f.service', 'g.service'])
  expect(problems).toEqual([
    'a: stops is "2", not a whole number from 0',
    'a: crashes is -3, not a whole number from 0',
    'b: stops is 1.5, not a whole number from 0',
    'c: [] is not an object of counters',
    '"d e" is not a unit name: " " is not allowed in it',
    '"f.service" stands for f.service, which came before',
  ])
})

test.each([
  ['[]', 'is not a service_states.json: expected an object {"UNIT": {"starts": ...}}'],
  ['{"a": ', 'is not JSON: Unexpected end of JSON input'],
])('%j is refused', (text, problem) => {
  expect(parseLegacyCounters(text)).toEqual({ baselines: new Map(), problems: [problem], notes: [] })
})
