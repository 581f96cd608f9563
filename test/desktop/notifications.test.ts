// Desktop notifications on a real session bus, with a notification daemon that follows the specification: typed calls, ids, replacement.
import dbus, { type Message } from 'dbus-next'
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import { newState } from '../../src/core/state.ts'
import { connectBus } from '../../src/dbus/connection.ts'
import { createNotifications } from '../../src/desktop/notifications.ts'
import { startDbus } from '../rig/dbus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { crashOf } from '../store/sample.ts'
import { clock } from '../systemd/clock.ts'

interface ShownNotification {
  readonly id: number
  readonly replaces: number
  readonly urgency: number
  readonly summary: string
  readonly body: string
}

/** A notification daemon according to the Desktop Notifications Specification 1.2. */
async function daemonOn(address: string, replies = true) {
  const shown: ShownNotification[] = []
  const bus = dbus.sessionBus({ busAddress: address })
  await new Promise((resolve) => bus.once('connect', resolve))
  let ids = 0
  bus.addMethodHandler((message: Message) => {
    if (message.interface !== 'org.freedesktop.Notifications' || message.member !== 'Notify') return false
    const [, replaces, , summary, body, , hints] = message.body
    const id = replaces > 0 ? replaces : ++ids
    shown.push({ id, replaces, urgency: hints['urgency'].value, summary, body })
    expect([message.signature, hints['urgency'].signature]).toEqual(['susssasa{sv}i', 'y'])
    if (replies) bus.send(dbus.Message.newMethodReturn(message, 'u', [id]))
    return true
  })
  await bus.requestName('org.freedesktop.Notifications', 0)
  return { shown, stop: () => bus.disconnect() }
}

describeUnless(missingPrograms('dbus-daemon'), 'desktop notifications', () => {
  const state = newState('0123456789abcdef')
  const step = (...events: Event[]) => ({ before: state, after: state, events, at: clock.now() })
  const crash = (seq: number, willRestart: boolean | null = false) => ({ ...crashOf('a<b>.service', seq), willRestart })
  const { fromState, toState, subState, ...rest } = crashOf('a<b>.service', 3)
  const { result: _r, exitCode: _e, signal: _s, coreDumped: _c, requested: _q, willRestart: _w, ...common } = rest
  const gaveUp: Event = { ...common, fromState, toState, subState, kind: 'gave_up', result: 'start-limit-hit' }
  const start: Event = { ...common, fromState, toState, subState, kind: 'start' }

  test('show crashes, giving up and recovery, with one bubble per unit', async () => {
    await using bus = await startDbus()
    const daemon = await daemonOn(bus.address)
    let enabled = true
    const logged: string[] = []
    const sink = createNotifications({
      address: bus.address,
      enabled: () => enabled,
      gatewayId: 'gw-7',
      clock: { ...clock, after: (ms, call) => clock.after(ms === 5000 ? 50 : ms, call) }, // recovers at once
      connect: (address, given) => connectBus(address, { ...given, after: clock.after }), // but waits for replies as always
      log: (level, message) => logged.push(`${level} ${message}`),
    })
    const shownCount = (count: number) => until(() => daemon.shown.length >= count, { what: `${count} notifications` })
    sink.accept(step(crash(1, true)))
    await shownCount(1)
    sink.accept(step(gaveUp))
    await shownCount(2)
    sink.accept(step(start))
    await shownCount(3)
    sink.accept(step({ ...crash(5), requested: true }, start))
    sink.accept(step(crash(6)))
    await shownCount(4)
    enabled = false
    sink.accept(step(crash(7)))
    await sink.stop()
    daemon.stop()
    expect(logged).toEqual([])
    expect(daemon.shown).toEqual([
      {
        ...{ id: 1, replaces: 0, urgency: 1, summary: 'a<b> crashed' },
        body: 'SIGKILL; systemd will restart it; crash 1 (gw-7)',
      },
      {
        ...{ id: 1, replaces: 1, urgency: 2, summary: 'a<b> is down' },
        body: 'systemd will not restart it (start-limit-hit) (gw-7)',
      },
      { ...{ id: 1, replaces: 1, urgency: 0, summary: 'a<b> is running again' }, body: 'gw-7' },
      // A new bubble, or the last one if the reply to that is still pending.
      {
        ...{ id: expect.any(Number), replaces: expect.any(Number), urgency: 2, summary: 'a<b> crashed' },
        body: 'SIGKILL; crash 6 (gw-7)',
      },
    ])
  })

  test('a notification without a reply is not a problem when the agent stops', async () => {
    await using bus = await startDbus()
    const daemon = await daemonOn(bus.address, false)
    const logged: string[] = []
    const log = (level: string, message: string) => logged.push(`${level} ${message}`)
    const sink = createNotifications({ address: bus.address, enabled: () => true, gatewayId: 'gw-7', clock, log })
    sink.accept(step(crash(1)))
    await until(() => daemon.shown.length === 1, { what: 'the notification' })
    await sink.stop()
    await new Promise(setImmediate)
    daemon.stop()
    expect(logged).toEqual([])
  })

  test('a crash storm shows only the newest crash, and a bus without a daemon is logged once', async () => {
    await using bus = await startDbus()
    const logged: string[] = []
    const options = { address: bus.address, enabled: () => true, gatewayId: 'gw-7', clock }
    const log = (level: string, message: string) => logged.push(`${level} ${message}`)
    const withoutDaemon = createNotifications({ ...options, log })
    withoutDaemon.accept(step(crash(1)))
    await until(() => logged.length > 0, { what: 'a log line' })
    withoutDaemon.accept(step(crash(2)))
    await withoutDaemon.stop()
    expect(logged).toEqual([
      expect.stringMatching(/^warning notify: cannot show notifications: .*; retrying after 30 s$/),
    ])

    const daemon = await daemonOn(bus.address)
    const sink = createNotifications({ ...options, log })
    sink.accept(step(...Array.from({ length: 500 }, (_, i) => crash(i + 1))))
    await until(() => daemon.shown.at(-1)?.body.includes('crash 500'), { what: 'the newest' })
    await sink.stop()
    daemon.stop()
    expect(daemon.shown.length).toBeLessThan(5)
  })
})
