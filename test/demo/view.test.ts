// The screen of the demo and its command line, checked with literal data.
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parseArguments } from './arguments.ts'
import { unitsToWatch } from './host-systemd.ts'
import type { Model } from './model.ts'
import { entryText, frame, minutesAndSeconds } from './view.ts'

const NOW = Date.parse('2026-11-20T10:15:23Z')
const ZERO = { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 }
const CRASHED = {
  service: 'mosquitto.service',
  load_state: 'loaded',
  active_state: 'activating',
  sub_state: 'auto-restart',
  since: '2026-11-20T10:15:22Z',
  flapping: false,
  gave_up: false,
  counters: { ...ZERO, starts: 5, crashes: 5, restarts: 4 },
  last_crash: { timestamp: '2026-11-20T10:15:21Z', result: 'signal', exit_code: null, signal: 'SIGKILL' },
}
const IDLE = {
  ...CRASHED,
  active_state: 'inactive',
  sub_state: 'dead',
  since: null,
  counters: ZERO,
  last_crash: null,
}
const CRASH = {
  event: 'crash',
  service: 'mosquitto.service',
  timestamp: '2026-11-20T10:15:21Z',
  result: 'signal',
  exit_code: null,
  signal: 'SIGKILL',
  will_restart: true,
  counters: CRASHED.counters,
}

function model(units = 12): Model {
  const idle = Array.from({ length: units - 1 }, (_, i) => ({ ...IDLE, service: `wirepas-sink-ttys${i}.service` }))
  return {
    environment: 'a private systemd',
    agent: { version: '0.1.0', gatewayId: 'demo', metricsUrl: 'http://127.0.0.1:4711/metrics' },
    subscribe: "mosquitto_sub -v -h 127.0.0.1 -p 1883 -t 'gatewatch/#'",
    startedAtMs: NOW - 18_000,
    endsAtMs: NOW + 42_000,
    status: { units: [CRASHED, ...idle] },
    log: [
      ...Array.from({ length: 50 }, (_, i) => ({ atMs: NOW - 60_000, action: `action ${i}` })),
      { atMs: NOW - 2_000, action: 'kill -9 mosquitto.service' },
      { atMs: NOW - 1_000, event: CRASH },
    ],
    events: 1,
  }
}

const plain = (columns: number, rows: number) => frame(model(), { columns, rows, color: false }, NOW)

describe('the screen', () => {
  it('fits everything into 80 x 24', () => {
    const lines = plain(80, 24)
    expect(lines).toHaveLength(24)
    expect(Math.max(...lines.map((line) => line.length))).toBe(80)
    expect(lines.slice(0, 6)).toEqual([
      'gatewatch 0.1.0, gateway demo, on a private systemd         0:42 left, q to quit',
      'metrics  http://127.0.0.1:4711/metrics',
      "events   mosquitto_sub -v -h 127.0.0.1 -p 1883 -t 'gatewatch/#'",
      '',
      'UNIT                 STATE         SINCE START STOP CRASH RESTART  LAST CAUSE',
      'mosquitto            activating       1s     5    0     5       4  SIGKILL',
    ])
  })

  it.each([
    [80, 24],
    [120, 40],
    [72, 16],
    [200, 10],
    [80, 3],
    [20, 1],
  ])('never exceeds %i x %i, with or without colours', (columns, rows) => {
    const painted = frame(model(), { columns, rows, color: true }, NOW).map(stripVTControlCharacters)
    expect(painted).toEqual(plain(columns, rows))
    expect(painted.length).toBeLessThanOrEqual(rows)
    if (columns >= 72) for (const line of painted) expect(line.length).toBeLessThanOrEqual(columns)
  })

  it('shows the newest events last, truncated to the width', () => {
    const last = plain(80, 24).slice(-2)
    expect(last).toEqual([
      expect.stringMatching(/^\d\d:\d\d:21 {2}demo: {10}kill -9 mosquitto.service$/),
      expect.stringMatching(/^\d\d:\d\d:21 {2}crash {10}mosquitto: SIGKILL, will restart \(crash 5\)$/),
    ])
    expect(plain(72, 24).every((line) => line.length <= 72)).toBe(true)
  })

  it('shows sub-states and ages if there is room', () => {
    expect(plain(120, 40).join('\n')).toMatch(/mosquitto +activating \(auto-restart\) +1s .* SIGKILL, 2s ago/)
  })

  it('formats elapsed and remaining time', () => {
    expect([
      minutesAndSeconds(0),
      minutesAndSeconds(41_001),
      minutesAndSeconds(3_665_000),
      minutesAndSeconds(-5),
    ]).toEqual(['0:00', '0:42', '61:05', '0:00'])
  })

  it('prints an event as a line with the date into a pipe', () => {
    expect(entryText({ atMs: NOW, event: CRASH })).toMatch(/^2026-11-20 \d\d:\d\d:21 {2}crash {10}mosquitto: SIGKILL/)
  })
})

describe('the command line', () => {
  it.each([
    [[], { help: false, seconds: null }],
    [['--seconds', '6'], { help: false, seconds: 6 }],
    [['--seconds=60'], { help: false, seconds: 60 }],
    [['--help'], { help: true, seconds: null }],
    [['--seconds'], { problem: '--seconds requires a whole number from 1 to 86400' }],
    [['--seconds', '0'], { problem: "--seconds requires a whole number from 1 to 86400, not '0'" }],
    [['--seconds', '1.5'], { problem: "--seconds requires a whole number from 1 to 86400, not '1.5'" }],
    [['--second', '6'], { problem: "unknown argument '--second'; valid arguments are --seconds N and --help" }],
  ])('%j', (argv, parsed) => {
    expect(parseArguments(argv)).toEqual(parsed)
  })
})

it('chooses default units first, then active units, and only loaded ones', () => {
  const table = [
    'cron.service            loaded    active   running Regular jobs',
    'emergency.service       loaded    inactive dead    Emergency Shell',
    'auditd.service          not-found inactive dead    auditd.service',
    'broken.service          loaded    failed   failed  Broken',
    'mosquitto.service       loaded    inactive dead    MQTT broker',
  ].join('\n')
  expect(unitsToWatch(table)).toEqual(['mosquitto.service', 'cron.service', 'broken.service', 'emergency.service'])
})
