// The state of systemd itself: boot stages as systemd-analyze computes them, and the state of a real systemd.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cgroupPathOf } from '../../src/systemd/cgroup-path.ts'
import { bootStages } from '../../src/systemd/manager-state.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { watchingConnected } from './watching.ts'

const NONE = { firmware: null, loader: null, kernel: null, initrd: null, userspace: null }
const KernelTimestamp = 1_795_000_000_000_000

test.each([
  ['before anything is known', {}, NONE],
  [
    'a board without initrd',
    { KernelTimestamp, UserspaceTimestampMonotonic: 2_500_000, FinishTimestampMonotonic: 30_000_000 },
    { ...NONE, kernel: 2.5, userspace: 27.5 },
  ],
  [
    'while it boots',
    { KernelTimestamp, UserspaceTimestampMonotonic: 2_500_000, FinishTimestampMonotonic: 0 },
    { ...NONE, kernel: 2.5 },
  ],
  [
    'a PC with all stages',
    {
      KernelTimestamp,
      FirmwareTimestampMonotonic: 9_000_000,
      LoaderTimestampMonotonic: 3_000_000,
      InitRDTimestampMonotonic: 1_000_000,
      UserspaceTimestampMonotonic: 4_000_000,
      FinishTimestampMonotonic: 10_000_000,
    },
    { firmware: 6, loader: 3, kernel: 1, initrd: 3, userspace: 6 },
  ],
  [
    'a container, which has no kernel of its own',
    { KernelTimestamp: 0, UserspaceTimestampMonotonic: 70_000_000, FinishTimestampMonotonic: 71_000_000 },
    { ...NONE, userspace: 1 },
  ],
])('boot stages: %s', (_what, properties: Readonly<Record<string, number>>, stages) => {
  expect(bootStages((name) => properties[name] ?? 0)).toEqual(stages)
})

test.each([
  ['a.service', '/system.slice/a.service', 'system.slice', '', '/system.slice/a.service'],
  ['a.service', '', 'system.slice', '', '/system.slice/a.service'],
  ['a.service', '', 'app.slice', '/user.slice/u.service', '/user.slice/u.service/app.slice/a.service'],
  ['s@1.service', '', 'system-s.slice', '/', '/system.slice/system-s.slice/s@1.service'],
  ['a.scope', '', '-.slice', '', '/a.scope'],
  ['memory.service', '', 'system.slice', '', '/system.slice/_memory.service'],
  ['a.timer', '', '', '', null],
])('the control group of %s has the path that systemd uses', (id, controlGroup, slice, root, path) => {
  expect(cgroupPathOf({ id, controlGroup, slice }, root)).toBe(path)
})

describeUnless(noSystemd(), 'systemd as a whole', () => {
  let systemd: Systemd
  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit('fails.service', '[Service]\nExecStart=/bin/false\n')
    systemd.writeUnit('slow.service', '[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n')
    systemd.writeUnit('runs.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    await systemd.daemonReload()
    await systemd.systemctl('start', 'fails.service')
    await systemd.systemctl('start', '--no-block', 'slow.service')
  })
  afterAll(() => systemd.stop())

  test('is reported with failed units and jobs; a unit has a control group before it runs', async () => {
    await using w = await watchingConnected(systemd.busAddress, ['runs.service', 'basic.target'])
    await until(() => w.source.system(), { what: 'systemd', is: (health) => health !== null })
    const detail = await until(() => w.source.readSystem(), { what: 'the failure', is: (d) => d?.failedUnits === 1 })
    expect(detail).toMatchObject({ failed: ['fails.service'], queue: [{ unit: 'slow.service', type: 'start' }] })
    expect(detail?.state).toMatch(/^(starting|degraded)$/)
    expect(detail?.version).toMatch(/^\d{3}/)
    expect(w.source.controlGroup('runs.service')).toBe('/system.slice/runs.service')
    expect(w.source.controlGroup('basic.target')).toBeNull()
    await systemd.start('runs.service')
    await w.source.reconcile()
    expect(w.source.controlGroup('runs.service')).toBe(
      (await systemd.show('runs.service', 'ControlGroup'))['ControlGroup'],
    )
  })
})
