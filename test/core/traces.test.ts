// The counting rules against recordings of the signals of a real systemd 252 in 37 small scenarios.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { TRACES, traceOf } from './recorded-trace.ts'
import { stepAll, unitNamed, watching } from './step-driver.ts'

/** `starts stops crashes restarts lost`, then the events, each with its cause and `requested` if the end was. */
const EXPECTED: Readonly<Record<string, readonly [counts: string, ...events: string[]]>> = {
  '01-start-stop': ['1 1 0 0 0', 'start', 'stop success SIGTERM requested'],
  '02-restart': ['2 2 0 1 0', 'start', 'stop success SIGTERM requested', 'restart', 'stop success SIGTERM requested'],
  '03-exit-0': ['1 1 0 0 0', 'start', 'stop success 0'],
  '04-exit-code-crash': ['1 0 1 0 0', 'start', 'crash exit-code 3', 'gave_up exit-code'],
  '05-sigkill-crash': ['1 0 1 0 0', 'start', 'crash signal SIGKILL', 'gave_up signal'],
  '06-sigkill-autorestart': ['2 1 1 1 0', 'start', 'crash signal SIGKILL', 'restart', 'stop success SIGTERM requested'],
  '07-crash-loop-start-limit': [
    '3 0 3 2 0',
    'start',
    'crash exit-code 3',
    'restart',
    'crash exit-code 3',
    'restart',
    'crash exit-code 3',
    'start_refused start-limit-hit',
    'gave_up exit-code',
  ],
  '08-segv': ['1 0 1 0 0', 'start', 'crash signal SIGSEGV', 'gave_up signal'],
  '09-type-notify': ['1 1 0 0 0', 'start', 'stop success SIGTERM requested'],
  '10-oneshot': ['1 1 0 0 0', 'start', 'stop success 0'],
  '11-oneshot-fail': ['1 0 1 0 0', 'start', 'crash exit-code 7', 'gave_up exit-code'],
  '12-oneshot-remain': ['1 1 0 0 0', 'start', 'stop success 0 requested'],
  '13-watchdog': ['1 0 1 0 0', 'start', 'crash watchdog SIGABRT', 'gave_up watchdog'],
  '14-oom': ['1 0 1 0 0', 'start', 'crash signal SIGKILL', 'gave_up signal'],
  '15-stop-timeout': ['1 0 1 0 0', 'start', 'crash timeout SIGKILL requested'],
  '16-start-timeout': ['1 0 1 0 0', 'start', 'crash timeout SIGTERM', 'gave_up timeout'],
  '17-missing-binary': ['1 0 1 0 0', 'start', 'crash exit-code 203', 'gave_up exit-code'],
  '18-dependency-killed': ['1 1 0 0 0', 'start', 'stop success SIGTERM requested'],
  '19-accounting': ['1 0 0 0 0', 'start'],
  '20-daemon-reload': ['1 1 0 0 0', 'start', 'stop success SIGTERM requested'],
  '21-outside-kill': ['1 0 1 0 0', 'start', 'crash signal SIGKILL', 'gave_up signal'],
  '22-oomd-style-kill': ['1 0 1 0 0', 'start', 'crash oom-kill SIGKILL', 'gave_up oom-kill'],
  '23-exec-condition-skip': ['1 1 0 0 0', 'start', 'stop exec-condition'],
  '24-restart-after-unclean-stop': [
    '2 0 2 1 0',
    'start',
    'crash exit-code 1 requested',
    'restart',
    'crash exit-code 1 requested',
  ],
  '25-resources-start-twice': [
    '2 0 2 0 0',
    'start',
    'crash resources',
    'gave_up resources',
    'start',
    'crash resources',
    'gave_up resources',
  ],
  '26-start-limit-on-manual-start': [
    '2 2 0 0 0',
    'start',
    'stop success SIGTERM requested',
    'start',
    'stop success SIGTERM requested',
    'gave_up start-limit-hit',
    'start_refused start-limit-hit',
  ],
  '27-stop-and-restart-during-auto-restart': [
    '2 0 2 1 0',
    'start',
    'crash signal SIGKILL',
    'restart',
    'crash signal SIGKILL',
  ],
  '28-oneshot-stopped-while-starting': ['1 0 1 0 0', 'start', 'crash signal SIGTERM requested'],
  '29-exec-start-pre-fails': ['1 0 1 0 0', 'start', 'crash exit-code', 'gave_up exit-code'],
  '30-condition-path-skip': ['0 0 0 0 0'],
  '31-dependency-fails': ['0 0 0 0 0', 'start_refused dependency'],
  '32-runtime-max': ['1 0 1 0 0', 'start', 'crash timeout SIGTERM', 'gave_up timeout'],
  '33-exec-stop-post-fails': ['1 0 1 0 0', 'start', 'crash exit-code 0', 'gave_up exit-code'],
  '34-target': ['1 1 0 0 0', 'start', 'stop success requested'],
  '35-socket': ['1 1 0 0 0', 'start', 'stop success requested'],
  '36-timer': ['1 1 0 0 0', 'start', 'stop success requested'],
  '37-mount': ['1 1 0 0 0', 'start', 'stop success requested'],
}

describe('a recorded scenario is counted exactly', () => {
  const files = readdirSync(TRACES).filter((f) => f.endsWith('.txt'))

  test('every recording has an expected result', () => {
    expect(files.map((f) => f.replace('.txt', '')).sort()).toEqual(Object.keys(EXPECTED).sort())
  })

  test.each(files)('%s', (file) => {
    const { unit, observations } = traceOf(readFileSync(join(TRACES, file), 'utf8'))
    const { state, events } = stepAll(watching(unit), observations)
    const c = unitNamed(state, unit).counters
    const actual = events.map((e) => {
      const result = 'result' in e ? [e.result] : []
      const fate = e.kind === 'crash' || e.kind === 'stop' ? [e.exitCode ?? e.signal ?? ''] : []
      const requested = (e.kind === 'crash' || e.kind === 'stop') && e.requested ? ['requested'] : []
      return [e.kind, ...result, ...fate, ...requested].filter((word) => word !== '').join(' ')
    })
    expect([`${c.starts} ${c.stops} ${c.crashes} ${c.restarts} ${c.lost}`, ...actual]).toEqual(
      EXPECTED[file.replace('.txt', '')],
    )
    expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i + 1))
  })
})
