// Unit commands on a real systemd: the result of each job, and the errors.
import dbus from 'dbus-next'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Action } from '../../../src/core/command.ts'
import type { UnitControl } from '../../../src/ports.ts'
import { createDbusControl } from '../../../src/systemd/operate/dbus-control.ts'
import { startDbus } from '../../rig/dbus.ts'
import { type Systemd, startSystemd } from '../../rig/systemd.ts'
import { describeUnless, noSystemd } from '../../rig/unavailable.ts'
import { until } from '../../rig/until.ts'
import { clock } from '../clock.ts'
import { writeControlUnits } from '../control-units.ts'

const open = (address: string, timeoutMs = 20_000, attempts = 0) =>
  createDbusControl({ address, after: clock.after, now: clock.now, timeoutMs, retries: () => attempts })

describeUnless(noSystemd(), 'operations over D-Bus', () => {
  let rig: Systemd
  let control: UnitControl
  const end = async (action: Action, unit: string, noWait = false) =>
    control.run(action, unit, noWait).then(
      ({ outcome, cause }) =>
        cause === null ? outcome : `${outcome} ${cause.result} ${cause.exitCode ?? cause.signal}`,
      (error) => `${error.code}: ${error.message}`,
    )

  beforeAll(async () => {
    rig = await startSystemd()
    writeControlUnits(rig)
    await rig.daemonReload()
    control = open(rig.busAddress)
  })
  afterAll(async () => {
    control.close()
    await rig.stop()
  })

  it('wait for the job and return its result', async () => {
    expect(await end('start', 'runs.service')).toBe('done')
    expect(await rig.show('runs.service', 'ActiveState')).toEqual({ ActiveState: 'active' })
    expect(await end('restart', 'runs.service')).toBe('done')
    expect(await end('reload', 'runs.service')).toBe('done')
    expect(await end('stop', 'runs.service')).toBe('done')
    expect(await end('start', 'fails.service')).toBe('failed exit-code 3')
    expect(await end('reset-failed', 'fails.service')).toBe('done')
    expect(await end('reset-failed', 'runs.service')).toBe('done')
    expect(await end('start', 'needs.service')).toBe('dependency')
    expect(await end('start', 'unmet.service')).toBe('skipped')
    expect(await end('start', 'unmet-exec.service')).toBe('skipped')
    expect(await end('start', 'jobtimeout.service')).toBe('timeout')
  })

  it('do not wait with noWait', async () => {
    expect(await end('start', 'slow.service', true)).toBe('queued')
    expect(await rig.show('slow.service', 'ActiveState')).toEqual({ ActiveState: 'activating' })
    const starting = end('start', 'slow.service')
    await until(async () => (await rig.systemctl('list-jobs', '--no-legend')).stdout, { what: 'the job' })
    expect(await end('stop', 'slow.service')).toBe('done')
    expect(await starting).toBe('canceled')
  })

  it('change the links of unit files', async () => {
    expect(await end('enable', 'runs.service')).toBe('done')
    expect((await rig.systemctl('is-enabled', 'runs.service')).stdout).toBe('enabled\n')
    expect(await end('disable', 'runs.service')).toBe('done')
    expect((await rig.systemctl('is-enabled', 'runs.service')).stdout).toBe('disabled\n')
    expect(await end('enable', 'fails.service')).toBe('skipped')
  })

  it('are refused with a message for the user', async () => {
    const none = 'no_such_unit: none.service: no such unit: systemd found no unit file with this name'
    for (const action of ['start', 'stop', 'restart', 'reset-failed', 'enable'] as const)
      expect([action, await end(action, 'none.service')]).toEqual([action, none])
    expect(await end('start', 'masked.service')).toBe(
      "masked: masked.service is masked; run 'systemctl unmask masked.service' to allow it to start",
    )
    expect(await end('start', 'bad.service')).toMatch(/^refused: systemd refused to start bad.service: /)
    expect(await end('reload', 'fails.service')).toMatch(/^refused|^failed/)
    expect(await end('start', 'manual.service')).toMatch(/^refused: systemd refused to start manual.service: /)
  })

  it('ignore JobRemoved from other senders than systemd', async () => {
    let ended = ''
    const starting = end('start', 'slow.service').then((how) => {
      ended = how
    })
    const jobs = async () => (await rig.systemctl('list-jobs', '--no-legend')).stdout
    const [, id] = /(\d+) slow/.exec(await until(jobs, { what: 'the job', is: (text) => text.includes('slow') })) ?? []
    const forger = dbus.sessionBus({ busAddress: rig.busAddress })
    await new Promise((resolve) => forger.once('connect', resolve))
    const driverCall = (member: string) => ({
      ...{
        destination: 'org.freedesktop.DBus',
        path: '/org/freedesktop/DBus',
        interface: 'org.freedesktop.DBus',
        member,
      },
    })
    const [names] = (await forger.call(new dbus.Message(driverCall('ListNames'))))?.body ?? []
    for (const destination of names.filter((name: string) => name.startsWith(':'))) {
      const job = `/org/freedesktop/systemd1/job/${id}`
      const forged = new dbus.Message({
        ...{ type: dbus.MessageType.SIGNAL, destination, path: '/org/freedesktop/systemd1' },
        ...{ interface: 'org.freedesktop.systemd1.Manager', member: 'JobRemoved', signature: 'uoss' },
        body: [Number(id), job, 'slow.service', 'done'],
      })
      forger.send(forged)
    }
    await forger.call(new dbus.Message(driverCall('GetId'))) // everything has been sent
    forger.disconnect()
    expect(await end('start', 'runs.service')).toBe('done') // and everything has been received
    expect(ended).toBe('')
    await end('stop', 'slow.service')
    await starting
    expect(ended).toBe('canceled')
  })

  it('time out after timeoutMs', async () => {
    const impatient = open(rig.busAddress, 300)
    await expect(impatient.run('start', 'slow.service')).rejects.toMatchObject({
      code: 'timed_out',
      message: 'timed out after 0.3 s; systemd may still be working on it',
    })
    impatient.close()
    expect(await end('stop', 'slow.service')).toBe('done')
  })

  it('survive a re-executed systemd and a lost connection', async () => {
    const starting = end('start', 'slow.service')
    await until(async () => (await rig.systemctl('list-jobs', '--no-legend')).stdout, { what: 'the job' })
    expect((await rig.systemctl('daemon-reexec')).code).toBe(0)
    expect(await end('stop', 'slow.service')).toBe('done')
    expect(await starting).toBe('canceled')
    control.close()
    expect(await end('start', 'runs.service')).toBe('done')
  })

  it('200 at once all get their result', async () => {
    for (let i = 0; i < 100; i++) rig.writeUnit(`many${i}.service`, '[Service]\nType=oneshot\nExecStart=/bin/true\n')
    await rig.daemonReload()
    const ends = await Promise.all(
      Array.from({ length: 200 }, (_, i) => end(i % 2 ? 'start' : 'restart', `many${i >> 1}.service`)),
    )
    expect(ends.filter((one) => one !== 'done' && one !== 'canceled')).toEqual([])
  })
})

it('without systemd on the bus they fail, after the configured number of retries', async () => {
  await using empty = await startDbus()
  const control = open(empty.address)
  await expect(control.run('start', 'a.service')).rejects.toMatchObject({
    code: 'unreachable',
    message: `cannot reach systemd: systemd is not on the bus at ${empty.address}`,
  })
  const none = open('unix:path=/nowhere/bus', 1000, 2)
  await expect(none.run('start', 'a.service')).rejects.toMatchObject({
    code: 'unreachable',
    message: 'cannot reach systemd: cannot connect to the bus at unix:path=/nowhere/bus: no such socket',
  })
  control.close()
})
