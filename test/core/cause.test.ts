// Why a run ended, and whether systemd will restart the unit, as literal tables.
import { expect, test } from 'vitest'
import {
  causeOf,
  isCrash,
  isEnded,
  restartProvesCrash,
  signalName,
  signalNumber,
  UNKNOWN_CAUSE,
  willRestart,
} from '../../src/core/cause.ts'
import { IDLE, SETTINGS } from './step-driver.ts'

test('the cause is how the main process ended, if it ran', () => {
  const cause = (snapshot: object) => causeOf({ ...IDLE, ...snapshot })
  expect(cause({ mainCode: 0, mainStatus: 0, result: 'exit-code' })).toMatchObject({ exitCode: null, signal: null })
  expect(cause({ mainCode: 1, mainStatus: 3 })).toMatchObject({ exitCode: 3, signal: null, coreDumped: false })
  expect(cause({ mainCode: 2, mainStatus: 9 })).toMatchObject({ exitCode: null, signal: 'SIGKILL', coreDumped: false })
  expect(cause({ mainCode: 3, mainStatus: 11 })).toMatchObject({ exitCode: null, signal: 'SIGSEGV', coreDumped: true })
})

test('a unit of a type without Result crashed if it is failed', () => {
  expect(causeOf({ ...IDLE, result: null, activeState: 'failed' }).result).toBe('unknown')
  expect(causeOf({ ...IDLE, result: null }).result).toBe('success')
})

test('skipped runs and clean exits are not crashes, everything else is', () => {
  const crash = (result: string) => isCrash({ ...UNKNOWN_CAUSE, result })
  expect([crash('success'), crash('exec-condition')]).toEqual([false, false])
  expect(['exit-code', 'signal', 'core-dump', 'timeout', 'watchdog', 'oom-kill', 'new in 300'].map(crash)).toEqual(
    Array(7).fill(true),
  )
})

test('a run has ended if the unit is inactive, failed, or waits for its restart', () => {
  const ended = (activeState: string, subState: string) => isEnded({ ...IDLE, activeState, subState })
  expect([ended('inactive', 'dead'), ended('failed', 'failed'), ended('activating', 'auto-restart')]).toEqual([
    true,
    true,
    true,
  ])
  expect(ended('activating', 'auto-restart-queued')).toBe(true)
  expect([ended('active', 'running'), ended('deactivating', 'stop'), ended('refreshing', 'x')]).toEqual([
    false,
    false,
    false,
  ])
})

test('signal numbers map to names and back, from 34 on relative to SIGRTMIN', () => {
  expect([1, 9, 15, 31, 34, 37, 64, 99].map(signalName)).toEqual(
    'SIGHUP SIGKILL SIGTERM SIGSYS SIGRTMIN+0 SIGRTMIN+3 SIGRTMIN+30 SIG99'.split(' '),
  )
  expect(['SIGHUP', 'SIGRTMIN+3', 'SIG99', 'SIGNONE'].map(signalNumber)).toEqual([1, 37, 99, null])
})

/** systemd.service(5), the table under Restart=: each Result that each setting restarts. */
const RESTARTED: Readonly<Record<string, string>> = {
  no: '',
  'on-success': 'success',
  always: 'success exit-code signal core-dump timeout watchdog',
  'on-failure': 'exit-code signal core-dump timeout watchdog',
  'on-abnormal': 'signal core-dump timeout watchdog',
  'on-abort': 'signal core-dump',
  'on-watchdog': 'watchdog',
}

test.each(Object.entries(RESTARTED))('Restart=%s restarts after: %s', (restart, results) => {
  for (const result of ['success', 'exec-condition', 'exit-code', 'signal', 'core-dump', 'timeout', 'watchdog']) {
    const forecast = willRestart({ ...SETTINGS, restart }, { ...UNKNOWN_CAUSE, result }, IDLE, false)
    expect([result, forecast]).toEqual([result, results.split(' ').includes(result)])
  }
})

test('the forecast is null if the settings do not decide it', () => {
  const crash = { ...UNKNOWN_CAUSE, result: 'exit-code' }
  const forecast = (settings: object, requested = false) =>
    willRestart({ ...SETTINGS, ...settings }, crash, IDLE, requested)
  expect(willRestart(null, crash, IDLE, false)).toBeNull()
  expect(forecast({ restart: 'always' }, true)).toBeNull()
  expect(forecast({ restart: 'on-mars' })).toBeNull()
  expect(forecast({ restart: null, loadState: 'not-found' })).toBeNull()
  expect(forecast({ restart: 'on-failure', restartPrevented: true })).toBeNull()
  expect(forecast({ restart: 'on-watchdog', restartPrevented: true })).toBe(false)
  expect(forecast({ restart: 'no', restartForced: true })).toBeNull()
  expect(forecast({ restart: 'on-watchdog', restartForced: true })).toBeNull()
  expect(forecast({ restart: 'on-failure', restartForced: true })).toBe(true)
  expect(forecast({ restart: null })).toBe(false)
})

test('a restart that systemd has announced overrides the settings', () => {
  for (const subState of ['auto-restart', 'failed-before-auto-restart', 'auto-restart-queued'])
    expect(willRestart(null, UNKNOWN_CAUSE, { ...IDLE, subState }, true)).toBe(true)
})

test('a restart proves a crash only if clean exits are not restarted', () => {
  const proves = (restart: string | null, restartForced = false) =>
    restartProvesCrash({ ...SETTINGS, restart, restartForced })
  expect(['on-failure', 'on-abnormal', 'on-abort', 'on-watchdog'].map((restart) => proves(restart))).toEqual(
    Array(4).fill(true),
  )
  expect(['no', 'always', 'on-success', null].map((restart) => proves(restart))).toEqual(Array(4).fill(false))
  expect(proves('on-failure', true)).toBe(false)
  expect(restartProvesCrash(null)).toBe(false)
})
