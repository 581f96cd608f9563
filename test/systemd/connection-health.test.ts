// Contact to systemd is lost after 30 s without a connection: once per loss, and not if it returns in time.
import { beforeEach, expect, it } from 'vitest'
import { busError } from '../../src/dbus/bus.ts'
import { createConnectionHealth } from '../../src/systemd/connection-health.ts'
import { type TestClock, testClock } from '../rig/clock.ts'

let clock: TestClock
let calls: string[]
let health: ReturnType<typeof createConnectionHealth>
beforeEach(() => {
  clock = testClock()
  calls = []
  health = createConnectionHealth({
    clock,
    log: () => {},
    random: () => 0.5,
    onLost: (what) => calls.push(what === 'gap' ? 'lost' : `contact lost at ${clock.now().monoMs - 10_000}`),
  })
})

it('is lost 30 s after the start without a connection', () => {
  health.started()
  clock.advance(1000)
  health.down('no such file')
  clock.advance(60_000)
  expect(calls).toEqual(['contact lost at 30000'])
})

it('is lost 30 s after the connection, however often reconnecting fails', () => {
  health.started()
  health.up()
  clock.advance(100_000)
  for (let i = 0; i < 7; i++) {
    health.down(`reason ${i}`)
    clock.advance(10_000)
  }
  expect(calls).toEqual(['lost', 'contact lost at 130000'])
  health.up()
  health.down('again')
  clock.advance(30_000)
  expect(calls).toEqual(['lost', 'contact lost at 130000', 'lost', 'contact lost at 200000'])
})

it('is kept if the connection returns in time, and after the source was stopped', () => {
  health.started()
  health.up()
  for (let i = 0; i < 3; i++) {
    health.down('restart of the bus')
    clock.advance(29_999)
    health.up()
  }
  clock.advance(60_000)
  health.down('the end')
  health.stopped()
  clock.advance(60_000)
  expect(calls).toEqual(['lost', 'lost', 'lost', 'lost'])
})

it('counts the calls that failed by method, and none whose error is a result', () => {
  expect(health.read().callsFailed).toEqual({})
  const failed = (member: string, name: string) => health.reports.onFailure(member, busError(name, 'failed'))
  failed('Subscribe', 'org.freedesktop.systemd1.AlreadySubscribed')
  failed('GetNameOwner', 'org.freedesktop.DBus.Error.NameHasNoOwner')
  failed('Get', 'org.freedesktop.systemd1.NoSuchUnit')
  failed('Get', 'org.freedesktop.DBus.Error.UnknownObject')
  expect(health.read().callsFailed).toEqual({})
  failed('GetAll', 'timeout')
  failed('GetAll', 'closed')
  failed('Subscribe', 'org.freedesktop.DBus.Error.AccessDenied')
  expect(health.read().callsFailed).toEqual({ GetAll: 2, Subscribe: 1 })
})
