// The states of all units on a real systemd: reported while they are followed, with the match rules that this needs.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { UnitState } from '../../../src/core/views/unit-state.ts'
import { connectBus } from '../../../src/dbus/connection.ts'
import { createAllUnits } from '../../../src/systemd/listing/all-units.ts'
import { testClock } from '../../rig/clock.ts'
import { type Systemd, startSystemd } from '../../rig/systemd.ts'
import { describeUnless, noSystemd } from '../../rig/unavailable.ts'
import { until } from '../../rig/until.ts'
import { fakeBus } from '../fake-bus.ts'
import { watching, watchingConnected } from '../watching.ts'

const row = (unit: string, activeState: string, subState: string) => [unit, '', 'loaded', activeState, subState, '']

it('what changed without a signal is reported by the next comparison, and nothing by the first one', async () => {
  const reported: UnitState[] = []
  const all = createAllUnits(testClock(), (unit) => unit === 'watched.service')
  const { bus, reply } = fakeBus()
  const compare = async (...rows: unknown[]) => {
    const done = all.compare(bus)
    reply(rows)
    expect(await done).toBe(true)
    return reported.splice(0)
  }
  all.follow((state) => reported.push(state))
  const up = row('a.service', 'active', 'running')
  expect(await compare(up, row('b.service', 'failed', 'failed'), row('watched.service', 'active', 'running'))).toEqual(
    [],
  )
  expect(await compare(up, row('c.service', 'inactive', 'dead'), row('d.service', 'activating', 'start'))).toEqual([
    { unit: 'b.service', activeState: 'inactive', subState: 'dead', sinceMs: null },
    { unit: 'd.service', activeState: 'activating', subState: 'start', sinceMs: null },
  ])
  const path = '/org/freedesktop/systemd1/unit/d_2eservice'
  const properties = { ActiveState: 'active', SubState: 'running', StateChangeTimestampMonotonic: 5_000_000 }
  all.changed(path, ['org.freedesktop.systemd1.Unit', properties, []])
  all.changed(path, ['org.freedesktop.systemd1.Unit', properties, []])
  all.changed(path, ['org.freedesktop.systemd1.Service', { MainPID: 7 }, []])
  expect(reported.splice(0)).toEqual([
    { unit: 'd.service', activeState: 'active', subState: 'running', sinceMs: 1_752_000_005_000 },
  ])
  all.changed('/org/freedesktop/systemd1/unit/new_2eservice', [
    'org.freedesktop.systemd1.Unit',
    { ...properties, ActiveState: 'inactive', SubState: 'dead' }, // loaded, and about to start
    [],
  ])
  expect(await compare(up, row('d.service', 'active', 'running'))).toEqual([])
  all.unfollow()
  all.changed(path, ['org.freedesktop.systemd1.Unit', { ...properties, SubState: 'exited' }, []])
  expect(reported).toEqual([])
})

describeUnless(noSystemd(), 'all units of a real systemd', () => {
  let rig: Systemd
  beforeAll(async () => {
    rig = await startSystemd()
    for (const name of ['ours', 'other']) rig.writeUnit(`${name}.service`, '[Service]\nExecStart=/bin/sleep 1000\n')
    await rig.daemonReload()
    await rig.start('ours.service')
  })
  afterAll(() => rig.stop())

  it('are reported from when `ready` resolves, except watched ones, and their signals are delivered no longer than needed', async () => {
    const received: string[] = []
    const connect: typeof connectBus = async (addresses, options) => {
      const bus = await connectBus(addresses, options)
      return {
        ...bus,
        onSignal: (listener, wants = () => true) =>
          bus.onSignal(listener, (header) => {
            if (header.member === 'PropertiesChanged') received.push(header.path.replace(/.*\//, ''))
            return wants(header)
          }),
      }
    }
    await using w = await watchingConnected(rig.busAddress, ['ours'], { connect })
    const reported: UnitState[] = []
    const of = (unit: string) => reported.filter((state) => state.unit === unit)
    const following = w.source.followAll((state) => reported.push(state))
    expect(await following.ready).toBe(true)
    await rig.start('other.service')
    await rig.stop('ours.service')
    await until(() => of('other.service').at(-1), { what: 'the start', is: (last) => last?.subState === 'running' })
    expect(Math.abs((of('other.service').at(-1)?.sinceMs ?? 0) - Date.now())).toBeLessThan(60_000)
    await w.becomes('ours.service', { activeState: 'inactive', job: 0 })
    expect(of('ours.service')).toEqual([])

    await w.source.reconcile() // which keeps the match rules
    await rig.stop('other.service')
    await until(() => of('other.service').at(-1), { what: 'the end', is: (last) => last?.activeState === 'inactive' })

    following.stop()
    await until(
      async () => {
        received.length = 0
        await rig.start('other.service')
        await rig.start('ours.service')
        await w.becomes('ours.service', { subState: 'running', job: 0 })
        await rig.stop('ours.service')
        await rig.stop('other.service')
        await w.becomes('ours.service', { activeState: 'inactive', job: 0 })
        return received.includes('other_2eservice')
      },
      { what: 'the end of the signals', is: (delivered) => !delivered },
    )
    expect(w.kinds()).not.toContain('gap')
  })

  it('that changed while there was no connection are reported after it', async () => {
    const buses: { close(reason: string): void }[] = []
    const connect: typeof connectBus = async (addresses, options) => {
      const bus = await connectBus(addresses, options)
      buses.push(bus)
      return bus
    }
    await using w = await watchingConnected(rig.busAddress, ['ours'], { connect })
    const reported: UnitState[] = []
    const following = w.source.followAll((state) => reported.push(state))
    expect(await following.ready).toBe(true)
    buses[0]?.close('for this test')
    await rig.start('other.service')
    await until(() => reported.findLast(({ unit }) => unit === 'other.service'), {
      what: 'the state of the other unit',
      is: (state) => state?.activeState === 'active',
    })
    following.stop()
    await rig.stop('other.service')
  })

  it('are not followed without a connection', async () => {
    await using w = await watching('unix:path=/nonexistent', ['ours'])
    expect(await w.source.followAll(() => {}).ready).toBe(false)
  })
})
