// The lines of units against recordings of a real systemd: the change first, then the counter; no change is left out.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { step } from '../../src/core/step.ts'
import { createLogSink } from '../../src/log/event-sink.ts'
import { openLog } from '../../src/log/log.ts'
import { NOON } from '../cli/fake-agent.ts'
import { IDENTITY } from '../cli/samples.ts'
import { TRACES, traceOf } from '../core/recorded-trace.ts'
import { watching } from '../core/step-driver.ts'

/** The lines of a recording, without those of events that have no state. */
function linesOf(name: string): string[] {
  const lines: string[] = []
  const settings = { log_file: null, log_max_bytes: 1e6, log_backups: 1, log_format: 'text', debug: false } as const
  const stderr = (text: string) => void lines.push(text.trimEnd().replace(/^<\d>\[\w+\] (\S+: *)?/, ''))
  const logger = openLog(settings, { stderr, reader: 'journal', now: () => NOON })
  const clock = { after: () => () => {} }
  const sink = createLogSink(logger, { identity: () => IDENTITY, clock, statsEveryMs: () => 60_000 })
  const { unit, observations } = traceOf(readFileSync(join(TRACES, `${name}.txt`), 'utf8'))
  let state = watching(unit)
  for (const o of observations) {
    const { state: after, events } = step(state, o)
    sink.accept({ before: state, after, events, at: o.at })
    state = after
  }
  return lines
}

test('a restart by a job', () => {
  expect(linesOf('02-restart')).toMatchInlineSnapshot(`
    [
      "Initial state for a.service: inactive (SubState: dead)",
      "inactive      -> active        (SubState: running)",
      "Incrementing start counter -> 1",
      "active        -> deactivating  (SubState: stop-sigterm)",
      "deactivating  -> inactive      (SubState: dead)",
      "Incrementing stop counter -> 1",
      "inactive      -> active        (SubState: running)",
      "Incrementing start counter -> 2, restart counter -> 1",
      "active        -> deactivating  (SubState: stop-sigterm)",
      "deactivating  -> inactive      (SubState: dead)",
      "Incrementing stop counter -> 2",
    ]
  `)
})

test('an automatic restart after a crash', () => {
  expect(linesOf('06-sigkill-autorestart')).toMatchInlineSnapshot(`
    [
      "Initial state for ar.service: inactive (SubState: dead)",
      "inactive      -> active        (SubState: running)",
      "Incrementing start counter -> 1",
      "active        -> deactivating  (SubState: stop-sigterm)",
      "deactivating  -> failed        (SubState: failed)",
      "**CRASH** (ExitCode: none, Signal: 9 (SIGKILL)), Result: signal, will restart, Starts: 1, Stops: 0, Crashes: 1, Restarts: 0, Lost: 0",
      "failed        -> activating    (SubState: auto-restart)",
      "activating    -> active        (SubState: running)",
      "Incrementing start counter -> 2, restart counter -> 1",
      "active        -> deactivating  (SubState: stop-sigterm)",
      "deactivating  -> inactive      (SubState: dead)",
      "Incrementing stop counter -> 1",
    ]
  `)
})

test('a oneshot that fails before it runs', () => {
  expect(linesOf('29-exec-start-pre-fails')).toMatchInlineSnapshot(`
    [
      "Initial state for pre.service: inactive (SubState: dead)",
      "inactive      -> activating    (SubState: start-pre)",
      "Incrementing start counter -> 1",
      "activating    -> failed        (SubState: failed)",
      "**CRASH** (ExitCode: none, Signal: none), Result: exit-code, will not restart, Starts: 1, Stops: 0, Crashes: 1, Restarts: 0, Lost: 0",
      "**GAVE UP** (Result: exit-code): systemd will not restart it",
    ]
  `)
})

describe('in every recording', () => {
  const names = readdirSync(TRACES).map((file) => file.replace('.txt', ''))

  test.each(names)('%s', (name) => {
    const lines = linesOf(name)
    expect(lines[0]).toMatch(/^Initial state for /)
    let state = /: (\w+) \(SubState/.exec(lines[0] ?? '')?.[1]
    for (const [i, line] of lines.entries()) {
      const [, from, to] = /^(\w+) +-> (\w+) +\(SubState: /.exec(line) ?? []
      if (from !== undefined) expect(from).toBe(state)
      state = to ?? state
      if (/^Incrementing (start|stop)|^\*\*CRASH/.test(line))
        expect(lines[i - 1]).toMatch(/^Initial state| -> \w+ +\(SubState/)
    }
  })
})
