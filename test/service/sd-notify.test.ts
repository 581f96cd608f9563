// The sd_notify messages, byte by byte, and how they are sent.
import { describe, expect, test } from 'vitest'
import {
  datagram,
  notifyTransport,
  READY,
  reloadingAssignments,
  statusAssignment,
  watchdogMs,
} from '../../src/service/sd-notify.ts'

describe('the transport of notifications', () => {
  const PASSED = { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:notify' }
  test.each([
    ['no notification socket', {}, null],
    ['an empty address', { NOTIFY_SOCKET: '' }, null],
    ['a relative path', { NOTIFY_SOCKET: 'run/notify' }, null],
    ['a path', { NOTIFY_SOCKET: '/run/systemd/notify' }, { by: 'program' }],
    ['an abstract socket', { NOTIFY_SOCKET: '@/org/freedesktop/systemd1/notify/1' }, { by: 'program' }],
    ['a host of a virtual machine', { NOTIFY_SOCKET: 'vsock:2:7777' }, { by: 'program' }],
    ['nothing but the first letter', { NOTIFY_SOCKET: '@' }, null],
    ['a descriptor', { NOTIFY_SOCKET: '/run/systemd/notify', ...PASSED }, { by: 'descriptor', fd: 4 }],
    ['a descriptor but no notification socket', PASSED, null],
    [
      'descriptors for another process',
      { NOTIFY_SOCKET: '/run/systemd/notify', ...PASSED, LISTEN_PID: '41' },
      { by: 'program' },
    ],
    [
      'more names than descriptors',
      { NOTIFY_SOCKET: '/run/systemd/notify', ...PASSED, LISTEN_FDS: '1' },
      { by: 'program' },
    ],
    [
      'descriptors of other names',
      { NOTIFY_SOCKET: '/run/systemd/notify', ...PASSED, LISTEN_FDNAMES: 'http:https' },
      { by: 'program' },
    ],
  ])('%s', (_, env, way) => {
    expect(notifyTransport(env, 42)).toEqual(way)
  })
})

describe('the watchdog', () => {
  test.each([
    ['none', {}, null],
    ['for every process of the unit', { WATCHDOG_USEC: '60000000' }, 60_000],
    ['for us', { WATCHDOG_USEC: '2500000', WATCHDOG_PID: '42' }, 2500],
    ['for another process', { WATCHDOG_USEC: '60000000', WATCHDOG_PID: '41' }, null],
    ['switched off', { WATCHDOG_USEC: '0' }, null],
    ['no number', { WATCHDOG_USEC: '1min' }, null],
  ])('%s', (_, env, ms) => {
    expect(watchdogMs(env, 42)).toBe(ms)
  })
})

test('a message is a list of assignments, one per line', () => {
  expect(datagram([READY, statusAssignment('watching 12 units, 11 running; 1 failed')])).toBe(
    'READY=1\nSTATUS=watching 12 units, 11 running; 1 failed\n',
  )
  expect(datagram(reloadingAssignments(1234.5678))).toBe('RELOADING=1\nMONOTONIC_USEC=1234567\n')
})

test('a status is one line of limited length', () => {
  expect(statusAssignment(' two\n lines\t')).toBe('STATUS=two lines')
  const long = statusAssignment('x'.repeat(300))
  expect(long).toBe(`STATUS=${'x'.repeat(199)}…`)
})
