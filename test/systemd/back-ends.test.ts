// Both back ends of unit control, D-Bus and systemctl, on a real systemd: they give the same results and the same errors.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACTIONS, type Action } from '../../src/core/command.ts'
import type { UnitControl } from '../../src/ports.ts'
import { createDbusControl } from '../../src/systemd/operate/dbus-control.ts'
import { createSystemctlControl } from '../../src/systemd/operate/systemctl-control.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { clock } from './clock.ts'
import { writeControlUnits } from './control-units.ts'

describeUnless(noSystemd(), 'both back ends', () => {
  let rig: Systemd
  let controls: { dbus: UnitControl; command: UnitControl }
  const both = async <T>(operation: (control: UnitControl) => Promise<T>) => ({
    dbus: await operation(controls.dbus),
    command: await operation(controls.command),
  })
  /** Runs the operation on both, each after `before`, and returns the result, which must be the same. */
  const agreed = async <T>(operation: (control: UnitControl) => Promise<T>, before = async () => {}): Promise<T> => {
    await before()
    const dbus = await operation(controls.dbus)
    await before()
    expect(await operation(controls.command)).toEqual(dbus)
    return dbus
  }
  const end =
    (action: Action, unit: string, noWait = false) =>
    (control: UnitControl) =>
      control.run(action, unit, noWait).then(
        ({ outcome, cause }) => (cause ? `${outcome} ${cause.result} ${cause.exitCode ?? cause.signal}` : outcome),
        (error) => (error.code === 'refused' ? 'refused' : `${error.code}: ${error.message}`),
      )

  beforeAll(async () => {
    rig = await startSystemd()
    writeControlUnits(rig)
    await rig.daemonReload()
    const run = async (args: readonly string[]) => rig.systemctl(...args)
    controls = {
      dbus: createDbusControl({
        address: rig.busAddress,
        after: clock.after,
        now: clock.now,
        timeoutMs: 20_000,
        retries: () => 0,
      }),
      command: createSystemctlControl({ run, timeoutMs: 20_000, now: clock.now, isRoot: true }),
    }
  })
  afterAll(async () => {
    controls.dbus.close()
    await rig.stop()
  })

  const UNITS = [
    'runs',
    'fails',
    'killed',
    'retried',
    'needs',
    'unmet',
    'unmet-exec',
    'manual',
    'bad',
    'masked',
    'none',
  ]
  const atRest = async (unit: string) => {
    await controls.dbus.run('stop', unit).catch(() => {})
    await controls.dbus.run('reset-failed', unit).catch(() => {})
  }

  describe.each(UNITS)('of %s.service', (name) => {
    const unit = `${name}.service`

    it.each(ACTIONS)('%s has the same result', async (action) => {
      const result = await agreed(end(action, unit), () => atRest(unit))
      expect(result).not.toContain('unreachable')
    })

    it('status and properties are the same', async () => {
      await atRest(unit)
      await controls.dbus.run('start', unit).catch(() => {})
      const { dbus, command } = await both((control) => control.status(unit))
      const volatile = { memoryBytes: null, cpuSeconds: null, tasks: null }
      // systemctl prints `Conditions=[unprintable]`.
      const start = command.start && { ...command.start, conditions: dbus.start?.conditions }
      expect(command.start?.conditions).toEqual([])
      expect({ ...command, start, ...volatile }).toEqual({ ...dbus, ...volatile })
      const texts = await both((control) => control.properties(unit))
      const differing = [...new Set(Object.values(texts).flatMap(Object.keys))].filter(
        (property) => sorted(texts.dbus[property]) !== sorted(texts.command[property]) && !VOLATILE.has(property),
      )
      expect(differing.map((p) => `${p}: ${texts.dbus[p]} | ${texts.command[p]}`)).toEqual([])
    })
  })

  it('list the same units', async () => {
    const { dbus, command } = await both((control) => control.list())
    expect(command).toEqual(dbus)
    expect(dbus.find(({ unit }) => unit === 'basic.target')).toEqual({
      ...{ unit: 'basic.target', description: 'Basic System' },
      ...{ loadState: 'loaded', activeState: 'active', subState: 'active' },
    })
  })

  it('reload the unit files', async () => {
    rig.writeUnit('new.service', '[Service]\nExecStart=/bin/true\n')
    await controls.dbus.daemonReload()
    expect((await controls.command.status('new.service')).description).toBe('new.service')
    rig.writeUnit('new.service', '[Unit]\nDescription=Newer\n[Service]\nExecStart=/bin/true\n')
    await controls.command.daemonReload()
    expect((await controls.dbus.status('new.service')).description).toBe('Newer')
  })

  it('report a job that timed out, was canceled, or was not waited for', async () => {
    const jobs = async () => (await rig.systemctl('list-jobs', '--no-legend')).stdout
    expect(await agreed(end('start', 'jobtimeout.service'), () => atRest('jobtimeout.service'))).toBe('timeout')
    const canceled = async (control: UnitControl) => {
      const starting = end('start', 'slow.service')(control)
      await until(jobs, { what: 'the job' })
      await atRest('slow.service')
      return starting
    }
    expect(await agreed(canceled)).toBe('canceled')
    expect(await agreed(end('start', 'slow.service', true), () => atRest('slow.service'))).toBe('queued')
    await atRest('slow.service')
  })
})

/** The order of the units in a list is not defined. */
const sorted = (text: string | undefined) => text?.split(' ').sort().join(' ')
/** Properties that may change between two reads. */
const VOLATILE = new Set([
  ...['MemoryCurrent', 'MemoryAvailable', 'MemoryPeak', 'MemorySwapCurrent', 'CPUUsageNSec', 'TasksCurrent'],
  ...['IOReadBytes', 'IOReadOperations', 'IOWriteBytes', 'IOWriteOperations'],
])
