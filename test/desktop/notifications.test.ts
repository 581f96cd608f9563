// Desktop notifications on a real session bus, before a daemon that is as faithful as its specification: typed calls, ids, replacing.
import dbus, { type Message } from 'dbus-next'
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import { newState } from '../../src/core/state.ts'
import { createNotifications } from '../../src/desktop/notifications.ts'
import { startDbus } from '../rig/dbus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { crashOf } from '../store/sample.ts'
import { clock } from '../systemd/clock.ts'

interface Told {
  readonly id: number
  readonly replaces: number
  readonly urgency: number
  readonly summary: string
  readonly body: string
}

/** org.freedesktop.Notifications as its specification 1.2 has it. */
async function daemonOn(address: string) {
  const told: Told[] = []
  const bus = dbus.sessionBus({ busAddress: address })
  await new Promise((resolve) => bus.once('connect', resolve))
  let ids = 0
  bus.addMethodHandler((message: Message) => {
    if (message.interface !== 'org.freedesktop.Notifications' || message.member !== 'Notify') return false
    const [, replaces, , summary, body, , hints] = message.body
    const id = replaces > 0 ? replaces : ++ids
    told.push({ id, replaces, urgency: hints['urgency'].value, summary, body })
    expect([message.signature, hints['urgency'].signature]).toEqual(['susssasa{sv}i', 'y'])
    bus.send(dbus.Message.newMethodReturn(message, 'u', [id]))
    return true
  })
  await bus.requestName('org.freedesktop.Notifications', 0)
  return { told, stop: () => bus.disconnect() }
}

describeUnless(missingPrograms('dbus-daemon'), 'desktop notifications', () => {
  const state = newState('0123456789abcdef')
  const step = (...events: Event[]) => ({ before: state, after: state, events, at: clock.now() })
  const crash = (seq: number, willRestart: boolean | null = false) => ({ ...crashOf('a<b>.service', seq), willRestart })
  const { fromState, toState, subState, ...rest } = crashOf('a<b>.service', 3)
  const { result: _r, exitCode: _e, signal: _s, coreDumped: _c, requested: _q, willRestart: _w, ...told } = rest
  const gaveUp: Event = { ...told, fromState, toState, subState, kind: 'gave_up', result: 'start-limit-hit' }
  const start: Event = { ...told, fromState, toState, subState, kind: 'start' }

  test('tell of crashes, of giving up and of being well again, each unit in one bubble', async () => {
    await using bus = await startDbus()
    const daemon = await daemonOn(bus.address)
    let enabled = true
    const logged: string[] = []
    const sink = createNotifications({
      address: bus.address,
      enabled: () => enabled,
      gatewayId: 'gw-7',
      clock: { ...clock, after: (ms, call) => clock.after(ms === 5000 ? 50 : ms, call) }, // well again at once
      log: (level, message) => logged.push(`${level} ${message}`),
    })
    const heard = (count: number) => until(() => daemon.told.length >= count, { what: `${count} notifications` })
    sink.accept(step(crash(1, true)))
    await heard(1)
    sink.accept(step(gaveUp))
    await heard(2)
    sink.accept(step(start))
    await heard(3)
    sink.accept(step({ ...crash(5), requested: true }, start))
    sink.accept(step(crash(6)))
    await heard(4)
    enabled = false
    sink.accept(step(crash(7)))
    await sink.stop()
    daemon.stop()
    expect(logged).toEqual([])
    expect(daemon.told).toEqual([
      {
        ...{ id: 1, replaces: 0, urgency: 1, summary: 'a<b> crashed' },
        body: 'SIGKILL; systemd starts it again; crash 1 (gw-7)',
      },
      {
        ...{ id: 1, replaces: 1, urgency: 2, summary: 'a<b> is down' },
        body: 'systemd does not start it again (start-limit-hit) (gw-7)',
      },
      { ...{ id: 1, replaces: 1, urgency: 0, summary: 'a<b> is running again' }, body: 'gw-7' },
      // A bubble of its own, or the last one where the daemon's answer to that is still under way.
      {
        ...{ id: expect.any(Number), replaces: expect.any(Number), urgency: 2, summary: 'a<b> crashed' },
        body: 'SIGKILL; crash 6 (gw-7)',
      },
    ])
  })

  test('a storm becomes the newest word, and a bus without a daemon is said once', async () => {
    await using bus = await startDbus()
    const logged: string[] = []
    const options = { address: bus.address, enabled: () => true, gatewayId: 'gw-7', clock }
    const log = (level: string, message: string) => logged.push(`${level} ${message}`)
    const lonely = createNotifications({ ...options, log })
    lonely.accept(step(crash(1)))
    await until(() => logged.length > 0, { what: 'a word' })
    lonely.accept(step(crash(2)))
    await lonely.stop()
    expect(logged).toEqual([expect.stringMatching(/^warning notify: no notification can be shown \(/)])

    const daemon = await daemonOn(bus.address)
    const sink = createNotifications({ ...options, log })
    sink.accept(step(...Array.from({ length: 500 }, (_, i) => crash(i + 1))))
    await until(() => daemon.told.at(-1)?.body.includes('crash 500'), { what: 'the newest' })
    await sink.stop()
    daemon.stop()
    expect(daemon.told.length).toBeLessThan(5)
  })
})
