// What starts a unit, when, and what prevents it: from the properties of a timer and of the unit, with the same result over D-Bus and from systemctl's texts.
import { expect, it } from 'vitest'
import { startFactsIn } from '../../../src/systemd/operate/start-facts.ts'
import { shownProperties } from '../../../src/systemd/operate/systemctl-show.ts'
import { triggerIn, triggersIn } from '../../../src/systemd/operate/unit-status.ts'

const NOW = { wallMs: Date.parse('2026-11-20T10:00:00Z'), monoMs: 100_000 }
const AT_10_05_US = Date.parse('2026-11-20T10:05:00Z') * 1000
const NEVER = 18446744073709551615n

it.each([
  { of: 'a calendar time', realtime: AT_10_05_US, monotonic: NEVER, inS: 300 },
  { of: 'a time since boot', realtime: 0, monotonic: 160e6, inS: 60 },
  { of: 'the earlier of both', realtime: AT_10_05_US, monotonic: 160e6, inS: 60 },
  { of: 'none', realtime: 0, monotonic: NEVER, inS: null },
])('a timer elapses next at $of', ({ realtime, monotonic, inS }) => {
  const properties = { ActiveState: 'active', NextElapseUSecRealtime: realtime, NextElapseUSecMonotonic: monotonic }
  const nextMs = inS === null ? null : NOW.wallMs + inS * 1000
  expect(triggerIn('a.timer', properties, NOW)).toEqual({ unit: 'a.timer', activeState: 'active', nextMs })
  expect(triggerIn('a.timer', { ...properties, ActiveState: 'inactive' }, NOW).nextMs).toBeNull()
})

it('the texts of systemctl have the same values', () => {
  const shown = (realtime: string, monotonic: string) =>
    shownProperties(`ActiveState=active\nNextElapseUSecRealtime=${realtime}\nNextElapseUSecMonotonic=${monotonic}\n`)
  expect(shown('Fri 2026-11-20 10:05:00.000000 UTC', '2min 40s')).toEqual({
    ActiveState: 'active',
    NextElapseUSecRealtime: AT_10_05_US,
    NextElapseUSecMonotonic: 160e6,
  })
  expect(triggerIn('a.timer', shown('', 'infinity'), NOW).nextMs).toBeNull()
  expect(triggerIn('a.timer', shown('n/a', '[not set]'), NOW).nextMs).toBeNull()
})

it('a unit is started by what triggers it and what upholds it, each once', () => {
  expect(triggersIn({ TriggeredBy: ['b.timer', 'a.path'], UpheldBy: ['c.target', 'a.path'] })).toEqual([
    'a.path',
    'b.timer',
    'c.target',
  ])
  expect(triggersIn({})).toEqual([])
})

it('what decides about a start is the same over D-Bus and from systemctl, which does not print conditions', () => {
  const overDbus = startFactsIn({
    LoadError: ['org.freedesktop.systemd1.BadUnitSetting', 'Unit a.service has a bad unit file setting.'],
    Job: [7, '/org/freedesktop/systemd1/job/7'],
    Restart: 'on-failure',
    RestartUSec: 3_000_000,
    StartLimitBurst: 5,
    StartLimitIntervalUSec: 10_000_000,
    ActiveEnterTimestampMonotonic: 0,
    InactiveEnterTimestampMonotonic: 17,
    Conditions: [
      ['ConditionPathExists', true, true, '/etc/off', 0],
      ['ConditionPathExists', false, false, '/nowhere', -1],
    ],
    ConditionTimestampMonotonic: 5,
    ConditionResult: false,
    Asserts: [['AssertPathExists', false, false, '/etc', 1]],
    AssertTimestampMonotonic: 0,
    AssertResult: false,
  })
  const facts = {
    wasActive: true,
    loadError: 'Unit a.service has a bad unit file setting.',
    hasJob: true,
    restart: 'on-failure',
    restartDelayMs: 3000,
    limit: { starts: 5, withinMs: 10_000 },
    conditionsMet: false,
    assertsMet: null,
  }
  expect(overDbus).toEqual({
    ...facts,
    conditions: [
      { setting: 'ConditionPathExists', parameter: '|!/etc/off', met: null },
      { setting: 'ConditionPathExists', parameter: '/nowhere', met: false },
      { setting: 'AssertPathExists', parameter: '/etc', met: true },
    ],
  })
  const shown =
    shownProperties(`LoadError=org.freedesktop.systemd1.BadUnitSetting "Unit a.service has a bad unit file setting."
Job=7
Restart=on-failure
RestartUSec=3s
StartLimitBurst=5
StartLimitIntervalUSec=10s
ActiveEnterTimestampMonotonic=0
InactiveEnterTimestampMonotonic=17
Conditions=[unprintable]
ConditionTimestampMonotonic=5
ConditionResult=no
Asserts=[unprintable]
AssertTimestampMonotonic=0
AssertResult=no
`)
  expect(startFactsIn(shown)).toEqual({ ...facts, conditions: [] })
})

it('a unit of which systemd has no such values', () => {
  expect(startFactsIn({ Job: [0, '/'], LoadError: ['', ''] })).toEqual({
    wasActive: false,
    loadError: null,
    hasJob: false,
    restart: null,
    restartDelayMs: null,
    limit: null,
    conditions: [],
    conditionsMet: null,
    assertsMet: null,
  })
})
