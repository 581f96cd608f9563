// Parsing service_states.json of the former program.
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

test('counters become baselines, and crashes are subtracted from the stops', () => {
  const text = JSON.stringify({
    'mosquitto.service': entry(592, 592, 296),
    devmgmt: entry(3, 1, 2),
    hwcheck: { starts: 1 },
  })
  expect(parseLegacyCounters(text)).toEqual({
    baselines: new Map([
      ['mosquitto.service', { starts: 592, stops: 296, crashes: 296, restarts: 0, lost: 0 }],
      ['devmgmt.service', { starts: 3, stops: 0, crashes: 2, restarts: 0, lost: 0 }],
      ['hwcheck.service', { starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 }],
    ]),
    problems: [],
    notes: ['subtracted 297 stops: the former program counted each crash as a stop as well'],
  })
})

test('each unit that cannot be imported is reported with its value, and the rest is imported', () => {
  const text = JSON.stringify({
    a: entry(1, '2', -3),
    b: entry(1, 1.5, 0),
    c: [],
    'd e': entry(1, 0, 0),
    f: entry(1, 0, 0),
    'f.service': entry(2, 0, 0),
    h: { last_state: 'active', start: 5 },
  })
  const { baselines, problems } = parseLegacyCounters(text)
  expect([...baselines.keys()]).toEqual(['f.service'])
  expect(problems).toEqual([
    'a: stops is "2", expected a whole number from 0 to 140737488355328',
    'a: crashes is -3, expected a whole number from 0 to 140737488355328',
    'b: stops is 1.5, expected a whole number from 0 to 140737488355328',
    'c: [] is not an object of counters',
    '"d e" is not a unit name: " " is not allowed',
    '"f.service" is a duplicate of f.service',
    'h: has none of starts, stops, crashes',
  ])
})

test.each([
  ['-1', '-1'],
  ['0.5', '0.5'],
  ['140737488355329', '140737488355329'],
  ['9007199254740993', '9007199254740992'],
  ['1e400', 'Infinity'],
  ['null', 'null'],
  ['true', 'true'],
  ['"3"', '"3"'],
  ['[3]', '[3]'],
])('a count of %s is impossible', (count, shown) => {
  const { baselines, problems } = parseLegacyCounters(`{"a": {"starts": ${count}}, "b": {"starts": 140737488355328}}`)
  expect(problems).toEqual([`a: starts is ${shown}, expected a whole number from 0 to 140737488355328`])
  expect([...baselines.keys()]).toEqual(['b.service'])
})

test.each([
  ['[]', 'is not a service_states.json: expected an object {"UNIT": {"starts": ...}}'],
  ['{"a": ', 'is not JSON: Unexpected end of JSON input'],
  [`{"a": ${'['.repeat(100_000)}`, 'is not JSON: nested more than 20 levels deep'],
  ['\0{}', 'is not JSON: Unexpected token \'\\x00\', "\\x00{}" is not valid JSON'],
])('%.20j is refused', (text, problem) => {
  expect(parseLegacyCounters(text)).toEqual({ baselines: new Map(), problems: [problem], notes: [] })
})

test('what is reported of a value is one short line, however deep and long the value is', () => {
  const deep = `${'['.repeat(19)}"${'x'.repeat(5_000)}"${']'.repeat(19)}`
  const { problems } = parseLegacyCounters(
    `{"a": ${deep}, "b": "${'x'.repeat(5_000)}", "c\\n${'x'.repeat(5_000)}": {}}`,
  )
  expect(problems).toEqual([
    `a: ${'['.repeat(19)}"${'x'.repeat(57)}... is not an object of counters`,
    `b: "${'x'.repeat(76)}... is not an object of counters`,
    expect.stringMatching(/^"c\\nx{70,80}\.\.\. is not a unit name: "\\n" is not allowed$/),
  ])
})

test('a message that quotes a key of line feeds is as short as any other (found by fuzzing)', () => {
  const { problems } = parseLegacyCounters(JSON.stringify({ [`${'\n'.repeat(3000)}a`]: [] }))
  expect(problems).toEqual([`${'\\n'.repeat(500)}...`])
})
