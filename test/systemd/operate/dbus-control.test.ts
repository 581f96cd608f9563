// Operations on a real systemd: what becomes of each job, and what is said where nothing can be done.
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
  createDbusControl({ address, after: clock.after, timeoutMs, retries: () => attempts })

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

  it('wait for the job and tell what became of it', async () => {
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

  it('do not wait where they are told so', async () => {
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

  it("are refused in the user's words", async () => {
    const none = 'no_such_unit: none.service: no such unit: systemd finds no file of that name'
    for (const action of ['start', 'stop', 'restart', 'reset-failed', 'enable'] as const)
      expect([action, await end(action, 'none.service')]).toEqual([action, none])
    expect(await end('start', 'masked.service')).toBe(
      "masked: masked.service is masked: 'systemctl unmask masked.service' lets it be started again",
    )
    expect(await end('start', 'bad.service')).toMatch(/^refused: systemd does not start bad.service: /)
    expect(await end('reload', 'fails.service')).toMatch(/^refused|^failed/)
    expect(await end('start', 'manual.service')).toMatch(/^refused: systemd does not start manual.service: /)
  })

  it('believe nobody but systemd about the end of a job', async () => {
    let ended = ''
    const starting = end('start', 'slow.service').then((how) => {
      ended = how
    })
    const jobs = async () => (await rig.systemctl('list-jobs', '--no-legend')).stdout
    const [, id] = /(\d+) slow/.exec(await until(jobs, { what: 'the job', is: (text) => text.includes('slow') })) ?? []
    const liar = dbus.sessionBus({ busAddress: rig.busAddress })
    await new Promise((resolve) => liar.once('connect', resolve))
    const ask = (member: string) => ({
      ...{
        destination: 'org.freedesktop.DBus',
        path: '/org/freedesktop/DBus',
        interface: 'org.freedesktop.DBus',
        member,
      },
    })
    const [names] = (await liar.call(new dbus.Message(ask('ListNames'))))?.body ?? []
    for (const destination of names.filter((name: string) => name.startsWith(':'))) {
      const job = `/org/freedesktop/systemd1/job/${id}`
      const lie = new dbus.Message({
        ...{ type: dbus.MessageType.SIGNAL, destination, path: '/org/freedesktop/systemd1' },
        ...{ interface: 'org.freedesktop.systemd1.Manager', member: 'JobRemoved', signature: 'uoss' },
        body: [Number(id), job, 'slow.service', 'done'],
      })
      liar.send(lie)
    }
    await liar.call(new dbus.Message(ask('GetId'))) // all of it has gone out
    liar.disconnect()
    expect(await end('start', 'runs.service')).toBe('done') // and come in
    expect(ended).toBe('')
    await end('stop', 'slow.service')
    await starting
    expect(ended).toBe('canceled')
  })

  it('are waited for no longer than they are told', async () => {
    const impatient = open(rig.busAddress, 300)
    await expect(impatient.run('start', 'slow.service')).rejects.toMatchObject({
      code: 'timed_out',
      message: 'timed out: not done within 0.3 s; systemd may still be at it',
    })
    impatient.close()
    expect(await end('stop', 'slow.service')).toBe('done')
  })

  it('go on over a re-executed systemd and over a lost connection', async () => {
    const starting = end('start', 'slow.service')
    await until(async () => (await rig.systemctl('list-jobs', '--no-legend')).stdout, { what: 'the job' })
    expect((await rig.systemctl('daemon-reexec')).code).toBe(0)
    expect(await end('stop', 'slow.service')).toBe('done')
    expect(await starting).toBe('canceled')
    control.close()
    expect(await end('start', 'runs.service')).toBe('done')
  })

  it('200 at once: none is lost', async () => {
    for (let i = 0; i < 100; i++) rig.writeUnit(`many${i}.service`, '[Service]\nType=oneshot\nExecStart=/bin/true\n')
    await rig.daemonReload()
    const ends = await Promise.all(
      Array.from({ length: 200 }, (_, i) => end(i % 2 ? 'start' : 'restart', `many${i >> 1}.service`)),
    )
    expect(ends.filter((one) => one !== 'done' && one !== 'canceled')).toEqual([])
  })
})

it('where nobody is on the bus it says so, after as many retries as are wanted', async () => {
  await using empty = await startDbus()
  const control = open(empty.address)
  await expect(control.run('start', 'a.service')).rejects.toMatchObject({
    code: 'unreachable',
    message: `systemd cannot be reached: systemd is not on the bus at ${empty.address}`,
  })
  const none = open('unix:path=/nowhere/bus', 1000, 2)
  await expect(none.run('start', 'a.service')).rejects.toMatchObject({
    code: 'unreachable',
    message: 'systemd cannot be reached: cannot reach the bus at unix:path=/nowhere/bus: no such socket',
  })
  control.close()
})
