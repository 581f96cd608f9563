// The text of `gatewatch system`.
import { expect, test } from 'vitest'
import { systemText } from '../../../src/cli/commands/system.ts'

const HOST = { memory_used_ratio: 0.254, cpu_used_ratio: null, disks: [], flash: [] }
const BOOT = { firmware: null, loader: null, kernel: 2.25, initrd: null, userspace: 20.5 }

test('shows what is known and leaves out what is unknown', () => {
  const running = { state: 'running', systemd_version: '252', failed: [], queue: [], boot_seconds: BOOT, host: HOST }
  expect(systemText(running, { color: false, columns: null })).toEqual([
    'systemd 252: running',
    '  boot time: kernel 2.3 s, userspace 20.5 s',
    '  in use: memory 25 %',
  ])
  const degraded = {
    ...running,
    state: 'degraded',
    failed: ['a.service', 'b.mount'],
    queue: [{ id: 12, unit: 'c.service', type: 'start', state: 'running' }],
    boot_seconds: {},
    host: {
      ...HOST,
      disks: [{ path: '/', used_ratio: 0.9 }],
      flash: [{ device: 'mmcblk0', life_used_ratio: 1.1 }],
    },
  }
  expect(systemText(degraded, { color: false, columns: null })).toEqual([
    'systemd 252: degraded',
    '  in use: memory 25 %, disk / 90 %, flash life of mmcblk0 110 %',
    '  failed: a.service, b.mount',
    '',
    'JOB  UNIT       TYPE   STATE',
    ' 12  c.service  start  running',
  ])
})
