// A broker that is down, late, frozen or refuses: nothing is lost, and late events are marked as replayed.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { killBroker } from './broker-kills.ts'
import { startGateway } from './gateway.ts'
import { PINGRESP, PUBACK, startLink } from './link.ts'
import { connected, drained, eventsOf, seqsOf } from './received.ts'

const UNIT = 'a.service'

describeUnless(missingPrograms(...MOSQUITTO), 'MQTT with an unreachable broker', () => {
  it('publishes everything, in order and as replayed, to a broker that is started after the agent', async () => {
    await using broker = await startMosquitto({ stopped: true })
    await using link = await startLink(broker.port)
    await using gateway = startGateway({ config: { url: link.url }, units: [UNIT] })
    gateway.fail(UNIT, 20)
    await until(() => gateway.logged.length > 0, { what: 'the failed attempt' })
    await link.close()
    await broker.start()
    await using subscriber = await broker.subscribe('gatewatch/#')
    await link.open()
    await drained(gateway)
    gateway.start(UNIT)
    await until(() => seqsOf(subscriber).length >= gateway.events.length, { what: 'all events' })
    expect(seqsOf(subscriber)).toEqual(gateway.events.map((e) => e.seq))
    expect(eventsOf(subscriber).map((e) => e['replayed'])).toEqual(
      gateway.events.map((_, i, all) => i < all.length - 1),
    )
    expect(eventsOf(subscriber).map((e) => Date.parse(String(e['timestamp'])))).toEqual(
      gateway.events.map((e) => e.atMs),
    )
    const order = subscriber.received.map(({ topic }) => topic.split('/')[2])
    expect(order.slice(0, 4)).toEqual(['availability', 'agent', 'unit', 'event'])
  })

  it('loses nothing when the broker is killed repeatedly under load', async () => {
    const { events, duplicatesPerKillAtMost, ...rest } = await killBroker(20, Math.random)
    expect(events).toBeGreaterThan(40)
    expect(duplicatesPerKillAtMost).toBeLessThanOrEqual(16)
    expect(rest).toMatchObject({ kills: 20, lost: 0, inOrder: true, reconnects: 20, dropped: 0 })
  })

  it('logs once that the connection is lost, and once that it is back', async () => {
    await using broker = await startMosquitto()
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT] })
    await connected(gateway)
    for (let kill = 1; kill <= 2; kill++) {
      await broker.kill()
      await until(() => gateway.logged.length, { what: 'the loss', is: (length) => length === 2 * kill })
      await broker.start()
      await connected(gateway)
    }
    expect(gateway.logged.slice(1).map((line) => line.replace(/\(.*\)|\d+ s/, '...'))).toEqual([
      'warning: mqtt: connection lost ...; reconnecting',
      'info: mqtt: reconnected after ...',
      'warning: mqtt: connection lost ...; reconnecting',
      'info: mqtt: reconnected after ...',
    ])
  })

  it('publishes birth and retained states again after each reconnection', async () => {
    await using broker = await startMosquitto()
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT, 'b.service'] })
    await connected(gateway)
    await broker.kill()
    await broker.start()
    await connected(gateway)
    await until(() => broker.retained('gatewatch/#'), {
      what: 'all retained messages',
      is: (retained) => Object.keys(retained).length === 4 && retained['gatewatch/gw-7/availability'] === 'online',
    })
  })

  it('detects within 1.5 keepalives a link without responses, with events in flight too', async () => {
    await using broker = await startMosquitto()
    await using link = await startLink(broker.port)
    await using gateway = startGateway({ config: { url: link.url, keepalive: 1 }, units: [UNIT], speed: 0.5 })
    const isLost = (line: string | undefined) => line?.includes('lost (Keepalive timeout)') ?? false
    for (const packet of [PINGRESP, PUBACK]) {
      gateway.sink.brokerIsUp()
      await connected(gateway)
      await drained(gateway)
      link.swallow(packet)
      gateway.start(UNIT)
      const begun = performance.now()
      await until(() => gateway.logged.at(-1), { what: 'the loss', is: isLost })
      expect(performance.now() - begun).toBeLessThan(15_000)
      link.swallow(null)
      gateway.crash(UNIT)
    }
    gateway.sink.brokerIsUp()
    await drained(gateway)
  })

  it('ends a connection without acknowledgements, and publishes those events again', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    await using link = await startLink(broker.port)
    await using gateway = startGateway({ config: { url: link.url }, units: [UNIT], speed: 100 })
    await connected(gateway)
    await drained(gateway)
    link.swallow(PUBACK)
    gateway.start(UNIT)
    await until(() => gateway.logged.some((line) => line.includes('lost (no acknowledgement within 30 s)')), {
      what: 'the loss',
    })
    link.swallow(null)
    await drained(gateway)
    await until(() => seqsOf(subscriber).length >= 2, { what: 'the event again' })
    const [first, ...again] = eventsOf(subscriber).map((e) => [e['id'], e['replayed']])
    expect(first).toEqual(['00112233aabbccdd-1', false])
    for (const event of again) expect(event).toEqual(['00112233aabbccdd-1', true])
    const retained = await broker.retained('gatewatch/gw-7/availability')
    expect(Object.values(retained)).toEqual(['online'])
  })

  it('loses nothing when the link is cut between PUBLISH and PUBACK', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    await using link = await startLink(broker.port)
    await using gateway = startGateway({ config: { url: link.url }, units: [UNIT] })
    await connected(gateway)
    gateway.fail(UNIT, 70) // after these, 8 events may be in flight
    await drained(gateway)
    const before = gateway.events.length
    link.swallow(PUBACK)
    gateway.fail(UNIT, 15)
    await until(() => seqsOf(subscriber).length >= before + 8, { what: 'some events at the broker' })
    link.swallow(null)
    link.cut()
    await until(() => gateway.sink.health().reconnects, { what: 'the next connection' })
    await drained(gateway)
    await until(() => new Set(seqsOf(subscriber)).size === gateway.events.length, { what: 'all events' })
    expect(seqsOf(subscriber).length).toBeLessThanOrEqual(gateway.events.length + 16)
    const cut = gateway.events.slice(before).map((e) => e.seq)
    expect(seqsOf(subscriber).slice(-cut.length)).toEqual(cut)
  })

  it('loses nothing while the broker is frozen', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    await using gateway = startGateway({ config: { url: broker.url, keepalive: 1 }, units: [UNIT] })
    await connected(gateway)
    broker.freeze()
    gateway.fail(UNIT, 500)
    await until(() => !gateway.sink.health().connected, { what: 'the loss of the connection' })
    broker.thaw()
    await drained(gateway)
    await until(() => new Set(seqsOf(subscriber)).size === gateway.events.length, { what: 'all events' })
    expect([...new Set(seqsOf(subscriber))]).toEqual(gateway.events.map((e) => e.seq))
  })

  it('stops in time although the broker is frozen, which publishes offline afterwards', async () => {
    await using broker = await startMosquitto()
    const gateway = startGateway({ config: { url: broker.url }, units: [UNIT], speed: 1 })
    await connected(gateway)
    await drained(gateway)
    broker.freeze()
    gateway.fail(UNIT, 20)
    const begun = performance.now()
    await gateway.stop()
    expect(performance.now() - begun).toBeLessThan(10_000)
    broker.thaw()
    await until(() => broker.retained('gatewatch/gw-7/availability'), {
      what: 'offline',
      is: (retained) => Object.values(retained).join() === 'offline',
    })
  })

  it('shows for how long it has been unreachable, after two minutes', async () => {
    await using broker = await startMosquitto({ stopped: true })
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT], speed: 200 })
    expect(gateway.sink.health()).toMatchObject({ problem: 'not connected yet', lostAtMonoMs: expect.any(Number) })
    const refused = 'connection refused (nothing is listening there)'
    const problem = () => gateway.sink.health().problem
    await until(problem, { what: 'the duration', is: (text) => text === `${refused}; not connected for 2m` })
    await broker.start()
    await connected(gateway)
    expect(gateway.sink.health()).toMatchObject({ problem: null, lostAtMonoMs: null })
    await broker.kill()
    await until(problem, {
      what: 'the duration again',
      is: (text) => text?.endsWith('; not connected for 2m') ?? false,
    })
  })

  it('retries after a wrong password, and reads the file again at each attempt', async () => {
    await using broker = await startMosquitto({ anonymous: false })
    broker.passwords({ gatewatch: 'right', rig: 'rig' })
    const passwordFile = join(broker.directory, 'password')
    writeFileSync(passwordFile, 'wrong\n')
    const config = { url: broker.url, username: 'gatewatch', password_file: passwordFile }
    await using gateway = startGateway({ config, units: [UNIT] })
    gateway.start(UNIT)
    await until(() => (broker.log().match(/not auth/gi) ?? []).length >= 3, { what: 'three refusals' })
    expect(gateway.sink.health().problem).toMatch(/^refused: .*\(see mqtt.username and mqtt.password_file\)$/)
    expect(gateway.logged).toHaveLength(1)
    writeFileSync(passwordFile, 'right\n')
    await drained(gateway)
    expect(gateway.logged.join()).not.toMatch(/right|wrong/)
    expect(gateway.sink.health()).toMatchObject({ problem: null, eventsPublished: 1 })
  })

  it('connects at once when the unit of the broker becomes active, and reports its crash at once', async () => {
    const crashes: string[] = []
    await using broker = await startMosquitto({ stopped: true })
    await using gateway = startGateway({
      config: { url: broker.url },
      units: ['mosquitto.service'],
      speed: 1,
      random: () => 0,
      onBrokerCrash: () => void crashes.push('mosquitto'),
    })
    await until(() => gateway.logged.length > 0, { what: 'the failed attempt' })
    await broker.start()
    const begun = performance.now()
    gateway.start('mosquitto.service')
    await connected(gateway)
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(crashes).toEqual([])
    gateway.crash('mosquitto.service')
    expect(crashes).toEqual(['mosquitto'])
  })

  it('retries at short intervals if that unit is active before it listens', async () => {
    await using broker = await startMosquitto({ stopped: true })
    await using gateway = startGateway({
      config: { url: broker.url },
      units: ['mosquitto.service'],
      speed: 0.08, // the shortest back-off takes 12 s
      random: () => 0,
    })
    await until(() => gateway.logged.length > 0, { what: 'the failed attempt' })
    gateway.start('mosquitto.service')
    await broker.start()
    await connected(gateway)
  })
})
