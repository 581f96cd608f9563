// The log lines for steps: one line when something changes, none when nothing does.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import type { State } from '../../src/core/state.ts'
import { newUnit, type Unit } from '../../src/core/unit.ts'
import { eventJson } from '../../src/core/views/api-json.ts'
import { createLogSink } from '../../src/log/event-sink.ts'
import { openEventsFile } from '../../src/log/events-file.ts'
import { eventLine } from '../../src/log/lines.ts'
import { openLog } from '../../src/log/log.ts'
import type { RotationLimits } from '../../src/log/rotating-file.ts'
import { NOON } from '../cli/fake-agent.ts'
import { CRASH, EVENTS, IDENTITY, LOADED, unit as sampleUnit, snapshot, stateOf } from '../cli/samples.ts'
import { until } from '../rig/until.ts'

process.env.TZ = 'UTC'

function sinkTo(format: 'text' | 'json' = 'text', debug = false) {
  const lines: string[] = []
  const timers: { ms: number; call: () => void }[] = []
  const settings = { log_file: null, log_max_bytes: 1e6, log_backups: 1, log_format: format, debug }
  const stderr = (text: string) => void lines.push(text.trimEnd())
  const logger = openLog(settings, { stderr, reader: 'journal', now: () => NOON })
  const after = (ms: number, call: () => void) => {
    const timer = { ms, call }
    timers.push(timer)
    return () => void timers.splice(timers.indexOf(timer), 1)
  }
  const options = { identity: () => IDENTITY, clock: { after }, statsEveryMs: () => 60_000 }
  const sink = createLogSink(logger, options)
  const step = (before: State, after: State, events: readonly Event[] = []) =>
    sink.accept({ before, after, events, at: { monoMs: 0, wallMs: NOON } })
  return { lines, timers, sink, step }
}

const M = 'mosquitto.service'
/** A unit that was read before. */
const unit = (name: string, more: Partial<Unit> = {}) => sampleUnit(name, { tracking: 'continuous', ...more })
const inactive = (more: Partial<Unit> = {}) => unit(M, { snapshot: snapshot('inactive', 'dead'), ...more })

describe('a change of state', () => {
  test.each([
    [inactive(), unit(M), '<6>[INFO] mosquitto.service:  inactive      -> active        (SubState: running)'],
    [
      unit(M),
      unit(M, { snapshot: snapshot('deactivating', 'stop-sigterm') }),
      '<6>[INFO] mosquitto.service:  active        -> deactivating  (SubState: stop-sigterm)',
    ],
    [
      unit(M),
      inactive({ settings: { ...LOADED, loadState: 'masked' } }),
      '<6>[INFO] mosquitto.service:  active        -> unloaded      (SubState: dead)',
    ],
  ])('is one line', (before, after, line) => {
    const { lines, step } = sinkTo()
    step(stateOf(before), stateOf(after))
    expect(lines).toEqual([line])
  })

  test('is not logged if only the sub-state differs, except for debugging', () => {
    const before = stateOf(unit(M, { snapshot: snapshot('activating', 'start-pre') }))
    const after = stateOf(unit(M, { snapshot: snapshot('activating', 'start') }))
    const quiet = sinkTo()
    quiet.step(before, after)
    expect(quiet.lines).toEqual([])
    const loud = sinkTo('text', true)
    loud.step(before, after)
    expect(loud.lines).toEqual(['<7>[DEBUG] mosquitto.service:  activating (SubState: start-pre -> start)'])
    loud.step(after, stateOf(unit(M, { snapshot: snapshot('failed', 'failed') })), [CRASH])
    expect(loud.lines).toHaveLength(3)
  })

  test('is not logged if nothing differs', () => {
    const { lines, step } = sinkTo('text', true)
    const state = stateOf(unit(M))
    step(state, state)
    step(state, stateOf(unit(M, { tracking: 'continuous' })))
    expect(lines).toEqual([])
  })

  test('is not logged when contact to systemd is lost, and only a real change is logged when it is back', () => {
    const { lines, step } = sinkTo()
    const states = [stateOf(unit(M)), stateOf(unit(M, { outOfContact: true })), stateOf(unit(M)), stateOf(inactive())]
    for (const [i, after] of states.entries()) if (i > 0) step(states[i - 1] as State, after)
    expect(lines).toEqual(['<6>[INFO] mosquitto.service:  active        -> inactive      (SubState: dead)'])
  })

  test('is found even if the set of units changed', () => {
    const { lines, step } = sinkTo()
    step(stateOf(unit('a.service'), inactive()), stateOf(unit(M)))
    expect(lines).toEqual(['<6>[INFO] mosquitto.service:  inactive      -> active        (SubState: running)'])
  })

  test('is not logged while a summary covers the unit', () => {
    const { lines, step } = sinkTo()
    const counted = { starts: 1, stops: 0, crashes: 1, restarts: 1, lost: 0 }
    const summary = { counted, byResult: {}, firstMs: 0, lastMs: 0 }
    step(stateOf(inactive()), stateOf(unit(M, { burst: { sinceMonoMs: 0, ends: 121, summary } })))
    expect(lines).toEqual([])
  })

  test('is an object in a JSON log', () => {
    const { lines, step } = sinkTo('json')
    step(stateOf(inactive()), stateOf(unit(M)))
    expect(JSON.parse(lines[0]?.slice(3) ?? '')).toEqual({
      timestamp: '2026-11-20T12:00:00.000Z',
      level: 'info',
      message: 'mosquitto.service:  inactive      -> active        (SubState: running)',
      service: M,
      from_state: 'inactive',
      to_state: 'active',
      sub_state: 'running',
    })
  })
})

test('a clock that is not synchronised is reported once, and once more when it is', () => {
  const { lines, step } = sinkTo()
  const of = (clockSynced: boolean | null) => ({ ...stateOf(), clockSynced })
  for (const synced of [null, false, false, true, true]) step(of(synced), of(synced))
  expect(lines).toEqual([
    '<4>[WARNING] clock: not synchronised; the times of events may be wrong',
    '<6>[INFO] clock: synchronised',
  ])
  const right = sinkTo()
  right.step(of(true), of(true))
  expect(right.lines).toEqual([])
})

describe('the first reading of a unit', () => {
  test('is a line with its state, and none with counters if there are none', () => {
    const { lines, step } = sinkTo()
    step(stateOf(newUnit(M)), stateOf(unit(M)))
    expect(lines).toEqual(['<6>[INFO] Initial state for mosquitto.service: active (SubState: running)'])
    step(stateOf(unit(M)), stateOf(inactive()))
    expect(lines[1]).toBe('<6>[INFO] mosquitto.service:  active        -> inactive      (SubState: dead)')
  })

  test('at a later start of the agent has the counters that were loaded; then come the events of the gap', () => {
    const { lines, step } = sinkTo()
    const counters = { starts: 5, stops: 1, crashes: 3, restarts: 3, lost: 0 }
    const loaded = unit(M, { tracking: 'interrupted', counters })
    step(stateOf({ ...loaded, tracking: 'continuous' }), stateOf(loaded)) // the boot
    step(stateOf(loaded), stateOf(inactive({ counters: CRASH.counters })), [{ ...CRASH, source: 'reconcile' }])
    expect(lines).toEqual([
      '<6>[INFO] Initial state for mosquitto.service: inactive (SubState: dead)',
      '<6>[INFO] mosquitto.service:  Loaded counters: Starts: 5, Stops: 1, Crashes: 3, Restarts: 3, Lost: 0',
      expect.stringMatching(/^<3>\[ERROR\] mosquitto.service: \*\*CRASH\*\* .* \(detected later\)$/),
    ])
  })

  test('after a gap is not a first one', () => {
    const { lines, step } = sinkTo()
    step(stateOf(newUnit(M)), stateOf(unit(M)))
    step(stateOf(unit(M, { tracking: 'interrupted' })), stateOf(inactive()))
    expect(lines.slice(1)).toEqual(['<6>[INFO] mosquitto.service:  active        -> inactive      (SubState: dead)'])
  })

  test('is an object in a JSON log', () => {
    const { lines, step } = sinkTo('json')
    step(stateOf(newUnit(M)), stateOf(unit(M)))
    expect(JSON.parse(lines[0]?.slice(3) ?? '')).toMatchObject({ service: M, state: 'active', sub_state: 'running' })
  })
})

test('each kind of event is one line', () => {
  expect(EVENTS.map((event) => eventLine(event)).map(({ level, text }) => `${level} ${text}`)).toMatchInlineSnapshot(`
    [
      "info mosquitto.service:  Incrementing start counter -> 5 (gap of 64 event numbers)",
      "info mosquitto.service:  Incrementing start counter -> 5, restart counter -> 4",
      "info mosquitto.service:  Incrementing stop counter -> 1",
      "error mosquitto.service: **CRASH** (ExitCode: none, Signal: 9 (SIGKILL)), Result: signal, will restart, Starts: 5, Stops: 1, Crashes: 4, Restarts: 4, Lost: 0",
      "error mosquitto.service: **CRASH** (ExitCode: 3, Signal: none), Result: exit-code, will not restart, Starts: 5, Stops: 1, Crashes: 4, Restarts: 4, Lost: 0",
      "error mosquitto.service: **CRASH** (ExitCode: none, Signal: 11 (SIGSEGV)), Result: core-dump, core dumped, requested, Starts: 5, Stops: 1, Crashes: 4, Restarts: 4, Lost: 0",
      "error mosquitto.service: **CRASH** (ExitCode: none, Signal: none), Result: unknown, Starts: 5, Stops: 1, Crashes: 4, Restarts: 4, Lost: 0 (detected later)",
      "warning mosquitto.service:  Incrementing lost counter -> 1: run ended unobserved",
      "error mosquitto.service: **GAVE UP** (Result: exit-code): systemd will not restart it",
      "warning mosquitto.service:  Flapping: 5 crashes in 300 s",
      "info mosquitto.service:  No longer flapping",
      "warning mosquitto.service:  Event rate too high; last 60 s: Starts: 600, Stops: 0, Crashes: 600, Restarts: 600, Lost: 0 (exit-code 598, signal 2)",
      "info mosquitto.service:  Unit appeared (LoadState: loaded)",
      "warning mosquitto.service:  Unit vanished (LoadState: not-found)",
      "info mosquitto.service:  Command restart via mqtt: done",
      "warning mosquitto.service:  Command stop via http by ops: denied",
      "warning mosquitto.service:  Start refused (Result: dependency)",
      "info mosquitto.service:  Evidence of the event with sequence number 41",
      "info gatewatch:  Command clear via socket: done",
      "warning gatewatch: **IDENTITY CHANGED** machine ffffffffffffffffffffffffffffffff -> aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, gateway_id gw-6 -> gw-7: the state file came from another machine; its counters are the baseline, and events have new ids",
    ]
  `)
})

test('a crash line has the format of the contract', () => {
  expect(eventLine(CRASH).text).toMatch(/^mosquitto.service: \*\*CRASH\*\* \(ExitCode: none, Signal: 9 \(SIGKILL\)\)/)
  expect(eventLine({ ...CRASH, exitCode: 3, signal: null }).text).toContain('(ExitCode: 3, Signal: none)')
})

test('an event in a JSON log is the event itself', () => {
  const { lines, step } = sinkTo('json')
  const state = stateOf(unit(M))
  step(state, state, [CRASH])
  expect(lines).toEqual([`<3>${JSON.stringify(eventJson(CRASH, IDENTITY))}`])
})

describe('the summary', () => {
  test('is one line an interval after the first event, and none without events', () => {
    const { lines, timers, step } = sinkTo()
    const state = stateOf(unit(M))
    step(stateOf(inactive()), state)
    expect(timers).toEqual([])
    step(state, state, [CRASH])
    step(state, state, [CRASH, { ...CRASH, unit: 'a.service' }])
    expect(timers.map(({ ms }) => ms)).toEqual([60_000])
    timers.shift()?.call()
    expect(lines.at(-1)).toBe('<6>[INFO] Summary: crash 3; 2 units')
    expect(timers).toEqual([])
    step(state, state, [CRASH])
    expect(timers).toHaveLength(1)
  })

  test('is also written at the end, if there were events since the last one', async () => {
    const { lines, timers, sink, step } = sinkTo()
    const state = stateOf(unit(M))
    step(state, state, [CRASH])
    await sink.stop()
    expect(lines.at(-1)).toBe('<6>[INFO] Summary: crash 1; 1 unit')
    expect(timers).toEqual([])
    const idle = sinkTo()
    await idle.sink.stop()
    expect(idle.lines).toEqual([])
  })
})

describe('the events file', () => {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gatewatch-events-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  function eventsFileWith(limits: () => RotationLimits, path = join(directory, 'events.jsonl')) {
    const logged: string[] = []
    const log = (_: unknown, message: string) => void logged.push(message)
    const sink = openEventsFile({ path, limits, identity: () => IDENTITY, log })
    const state = stateOf(unit(M))
    const accept = (...events: Event[]) =>
      sink.accept({ before: state, after: state, events, at: { monoMs: 0, wallMs: NOON } })
    return { path, logged, sink, accept }
  }

  test('gets every event as a line of JSON', async () => {
    const { path, logged, sink, accept } = eventsFileWith(() => ({ maxBytes: 1e6, backups: 1 }))
    for (const event of EVENTS) accept(event)
    await sink.stop()
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines).toEqual(EVENTS.map((event) => JSON.stringify(eventJson(event, IDENTITY))))
    expect({ logged, dropped: sink.dropped() }).toEqual({ logged: [], dropped: 0 })
  })

  test('reports that it cannot be written as long as it is so', async () => {
    const path = join(directory, 'later', 'events.jsonl')
    const { logged, sink, accept } = eventsFileWith(() => ({ maxBytes: 1e6, backups: 1 }), path)
    expect(sink.problem()).toBeNull()
    accept(CRASH)
    await until(() => sink.dropped() === 1, { what: 'the problem' })
    expect(sink.problem()).toBe(`cannot write events file ${path} (ENOENT)`)
    expect(logged).toEqual([`${sink.problem()}; dropping events until it can be written again`])
    mkdirSync(join(directory, 'later'))
    accept(CRASH)
    await sink.stop()
    expect(sink.problem()).toBeNull()
    expect(logged.slice(1)).toEqual([`events file ${path} can be written again; 1 event dropped so far`])
  })

  test('follows limits that change while it is open', async () => {
    let limits = { maxBytes: 1e6, backups: 1 }
    const { sink, accept } = eventsFileWith(() => limits)
    accept(CRASH, CRASH, CRASH)
    limits = { maxBytes: 1024, backups: 3 }
    for (let i = 0; i < 8; i++) accept(CRASH)
    await sink.stop()
    expect(readdirSync(directory)).toHaveLength(4)
  })
})
