// Which files the service can write, with its unit file and drop-ins, and what the advice is if it cannot.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fixForService, isWritable, writablePaths } from '../../src/config/service-files.ts'
import { problemsOf } from './load-text.ts'

const SYSTEMD = join(import.meta.dirname, '../../systemd')
const UNIT = readFileSync(join(SYSTEMD, 'gatewatch.service'), 'utf8')
const LOGS = readFileSync(join(SYSTEMD, 'drop-ins/log-files.conf'), 'utf8')

test.each([
  ['/var/lib/gatewatch/monitor.log', [UNIT], true],
  ['/run/gatewatch/monitor.log', [UNIT], true],
  ['/tmp/monitor.log', [UNIT], true],
  ['/var/log/service_monitor.log', [UNIT], false],
  ['/var/log/gatewatch/monitor.log', [UNIT], false],
  ['/var/log/gatewatch/monitor.log', [UNIT, LOGS], true],
  ['/var/log/gatewatch2/monitor.log', [UNIT, LOGS], false],
  ['/data/log/monitor.log', [UNIT, '[Service]\nReadWritePaths=/srv -/data/log\n'], true],
  ['/data/monitor.log', [UNIT, '[Service]\nProtectSystem=no\n'], true],
  ['/var/log/monitor.log', [], false],
  ['/var/lib/gatewatch/../monitor.log', [UNIT], false],
  ['/var/log/monitor.log', [UNIT, '[Service]\nLogsDirectory=\n'], false],
])('%s', (path, texts, writable) => {
  expect(isWritable(path, writablePaths(texts))).toBe(writable)
})

test('the advice is a file that the service can write once the drop-in of the advice exists', () => {
  const fix = fixForService('log_file', '/var/log/service_monitor.log')
  const [, file = '', dropIn = ''] = /^set log_file to (\S+), .* printf '(.*?)' >/.exec(fix) ?? []
  expect(file).toBe('/var/log/gatewatch/service_monitor.log')
  expect(isWritable(file, writablePaths([UNIT, dropIn.replaceAll('\\n', '\n')]))).toBe(true)
  expect(fixForService('events_file', '/var/log/gatewatch/e.jsonl')).toMatch(/^allow it with the drop-in /)
})

test('a relative path is a problem in the file and in the environment, and is accepted on the command line', async () => {
  const relative = 'is a relative path, but the service has no working directory; expected an absolute one'
  expect(await problemsOf('{"log_file": "monitor.log", "events_file": "./e.jsonl"}')).toEqual([
    `/etc/gatewatch/config.json:1:14: log_file: "monitor.log" ${relative}`,
    `/etc/gatewatch/config.json:1:44: events_file: "./e.jsonl" ${relative}`,
  ])
  expect(await problemsOf(null, { GATEWATCH_PERSISTENCE_FILE: 'state.ring' })).toEqual([
    `GATEWATCH_PERSISTENCE_FILE: "state.ring" ${relative}`,
  ])
  expect(await problemsOf(null, {}, 'run -l monitor.log')).toEqual([])
})

test('the stream of a process, as used in containers, is not a log file', async () => {
  const stream = 'is an open stream, not a file'
  const instead = `${stream}; without log_file, the log goes to stderr`
  expect(await problemsOf('{"log_file": "/dev/stdout", "events_file": "/dev/fd/3"}')).toEqual([
    `/etc/gatewatch/config.json:1:14: log_file: "/dev/stdout" ${instead}`,
    `/etc/gatewatch/config.json:1:44: events_file: "/dev/fd/3" ${stream}`,
  ])
  expect(await problemsOf(null, { GATEWATCH_LOG_FILE: '/proc/self/fd/2' })).toEqual([
    `GATEWATCH_LOG_FILE: "/proc/self/fd/2" ${instead}`,
  ])
  expect(await problemsOf(null, {}, 'run -l /dev/stderr')).toEqual([`-l: "/dev/stderr" ${instead}`])
  expect(await problemsOf('{"log_file": "/dev/null"}')).toEqual([])
})

test('a partition is allowed by the drop-in for it, or by a unit without a device policy', () => {
  const device = '/dev/disk/by-partlabel/gatewatch'
  const dropIn = readFileSync(join(SYSTEMD, 'drop-ins/partition.conf'), 'utf8')
  expect(isWritable(device, writablePaths([UNIT]))).toBe(false)
  expect(isWritable(device, writablePaths([UNIT, dropIn]))).toBe(true)
  expect(isWritable(device, writablePaths([UNIT, '[Service]\nDevicePolicy=auto\n']))).toBe(true)
  expect(fixForService('persistence_file', device)).toMatch(
    /^a partition needs the drop-in partition.conf .* the udev rule partition.rules/,
  )
})

test('the udev rule is for the partition of the drop-in, and leaves it to the user gatewatch alone', () => {
  const rule = readFileSync(join(SYSTEMD, 'drop-ins/partition.rules'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  expect(rule).toHaveLength(1)
  for (const part of ['ENV{ID_PART_ENTRY_NAME}=="gatewatch"', 'OWNER="gatewatch"', 'GROUP="gatewatch"', 'MODE="0600"'])
    expect(rule[0]?.split(', ')).toContain(part)
})
