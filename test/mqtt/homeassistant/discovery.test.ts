// Home Assistant discovery over a real mosquitto: when the device is published, in how many messages, and with which buttons.
import { expect, it } from 'vitest'
import { newState } from '../../../src/core/state.ts'
import type { UnitCommands } from '../../../src/ports.ts'
import { MOSQUITTO, type Mosquitto, type ReceivedMessage, startMosquitto } from '../../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../../rig/unavailable.ts'
import { until } from '../../rig/until.ts'
import { STREAM, startGateway } from '../gateway.ts'
import { faults, inFull, type Json } from '../homeassistant-schema.ts'
import { startLink } from '../link.ts'
import { connected, drained, json } from '../received.ts'

const TOPIC = 'homeassistant/device/gatewatch-gw-7/config'
/** CONNACK for MQTT 5: unacceptable protocol version. */
const REFUSAL = Buffer.from([0x20, 2, 0, 1])
const PER_UNIT = 10
const OF_GATEWAY = 3

/** The entities in a message, without those that are only to be removed. */
function idsIn({ payload }: Pick<ReceivedMessage, 'payload'>): string[] {
  if (payload === '') return []
  const components = inFull(JSON.parse(payload))['components'] as Record<string, Json>
  return Object.keys(components).filter((id) => Object.keys(components[id] ?? {}).length > 1)
}

async function retainedIds(broker: Mosquitto): Promise<string[]> {
  const messages = await broker.retained('homeassistant/device/gatewatch-gw-7/#')
  return Object.values(messages).flatMap((payload) => idsIn({ payload }))
}

const count = (units: number) => (units === 0 ? 0 : units * PER_UNIT + OF_GATEWAY)

async function retains(broker: Mosquitto, units: number, ...ids: string[]): Promise<void> {
  await until(() => retainedIds(broker), {
    what: `the entities of ${units} units`,
    is: (all) => all.length === count(units) && ids.every((id) => all.includes(id)),
  })
}

describeUnless(missingPrograms(...MOSQUITTO), 'Home Assistant at a real mosquitto', () => {
  const start = (broker: Mosquitto, homeassistant: boolean, units: string[], speed = 100) =>
    startGateway({ config: { url: broker.url, homeassistant }, units, speed })

  it('gets the device once, again each time it starts, and again from a broker that has lost it', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe(TOPIC)
    await using gateway = start(broker, true, ['a.service'])
    await until(() => subscriber.received.length === 1, { what: 'the device' })
    expect(faults(json(subscriber.received[0]))).toEqual([])
    broker.publish('homeassistant/status', 'offline')
    broker.publish('homeassistant/status', 'online')
    await until(() => subscriber.received.length === 2, { what: 'the device again' })
    await retains(broker, 1)
    await broker.kill()
    await broker.start()
    await connected(gateway)
    await retains(broker, 1)
  })

  it('does not get the device again if its birth message was retained: it has not just started', async () => {
    await using broker = await startMosquitto()
    broker.publish('homeassistant/status', 'online', '-r')
    await using subscriber = await broker.subscribe(TOPIC)
    await using gateway = start(broker, true, ['a.service'])
    await retains(broker, 1)
    gateway.watch('a.service', 'b.service') // after which the birth message has been processed
    await retains(broker, 2)
    expect(subscriber.received).toHaveLength(2)
  })

  it('gets all states after it has started, if the broker does not retain them', async () => {
    await using broker = await startMosquitto({ config: 'retain_available false' })
    await using subscriber = await broker.subscribe('#')
    await using _gateway = start(broker, true, ['a.service'], 20)
    const received = () => subscriber.received.map(({ topic }) => topic)
    await until(() => received().includes(TOPIC), { what: 'the device' })
    broker.publish('homeassistant/status', 'online')
    const afterBirth = () => received().slice(received().indexOf('homeassistant/status') + 1)
    const states = ['gatewatch/gw-7/availability', 'gatewatch/gw-7/unit/a.service/state']
    await until(afterBirth, {
      what: 'the device, then the states',
      is: (topics) => `${topics.filter((topic) => topic !== 'gatewatch/gw-7/agent')}` === `${[TOPIC, ...states]}`,
    })
  })

  it('does not get what the broker still has after a reconnection or a restart of the agent', async () => {
    await using broker = await startMosquitto()
    await using link = await startLink(broker.port)
    await using subscriber = await broker.subscribe(TOPIC)
    const config = { url: link.url, homeassistant: true }
    const hasRead = (times: number) =>
      until(() => broker.log().split('Received UNSUBSCRIBE').length > 2 * times, {
        what: 'it to read what is retained',
      })
    const gateway = startGateway({ config, units: ['a.service'], speed: 1 })
    await until(() => subscriber.received.length === 1, { what: 'the device' })
    link.cut()
    await hasRead(2)
    gateway.start('a.service')
    await until(() => gateway.sink.health().eventsPublished === 1, { what: 'a later event' })
    await gateway.stop()
    await using again = startGateway({ config, units: ['a.service'], speed: 1 })
    await hasRead(3)
    again.start('a.service')
    await until(() => again.sink.health().eventsPublished === 1, { what: 'a later event' })
    expect(subscriber.received).toHaveLength(1)
  })

  it('gets the device under another discovery prefix, and again after a birth message of either topic', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('#')
    const config = { url: broker.url, homeassistant: true, discovery_prefix: 'home/ha' }
    await using _gateway = startGateway({ config, units: ['a.service'] })
    const devices = () => subscriber.received.filter(({ topic }) => topic.endsWith('/config')).map(({ topic }) => topic)
    const topic = 'home/ha/device/gatewatch-gw-7/config'
    await until(devices, { what: 'the device', is: (all) => `${all}` === topic })
    broker.publish('home/ha/status', 'online')
    await until(devices, { what: 'the device again', is: (all) => `${all}` === `${[topic, topic]}` })
    broker.publish('homeassistant/status', 'online')
    await until(devices, { what: 'the device a third time', is: (all) => `${all}` === `${[topic, topic, topic]}` })
  })

  it('loses everything that an earlier run published once discovery is disabled', async () => {
    await using broker = await startMosquitto()
    const first = start(broker, true, ['a.service', 'b.service'])
    await retains(broker, 2)
    await first.stop()
    await using _second = start(broker, false, ['b.service'], 0.1)
    await retains(broker, 0)
  })

  it('loses an instance that is forgotten, and the broker its state', async () => {
    await using broker = await startMosquitto()
    const from = { ...newState(STREAM), policy: { ...newState(STREAM).policy, maxUnits: 3 } }
    const config = { url: broker.url, homeassistant: true }
    await using gateway = startGateway({ config, units: ['a.service'], from })
    const states = async () => Object.keys(await broker.retained('gatewatch/gw-7/unit/+/state')).sort()
    const topics = (...units: string[]) => units.map((unit) => `gatewatch/gw-7/unit/${unit}/state`)
    for (const unit of ['conn@1.service', 'conn@2.service']) {
      gateway.observe({ kind: 'discovered', at: gateway.now(), unit })
      gateway.start(unit)
      await until(states, { what: `the state of ${unit}`, is: (all) => `${all}` === `${topics('a.service', unit)}` })
      await retains(broker, 2, `${unit}_state`)
      gateway.crash(unit)
      gateway.observe({ kind: 'unloaded', at: gateway.now(), unit })
    }
  })

  it('gets a hundred units, in several messages, with a warning if there are more, and loses all when disabled', async () => {
    await using broker = await startMosquitto()
    const units = Array.from({ length: 101 }, (_, i) => `wirepas-sink-ttys${i}.service`)
    const many = start(broker, true, units)
    await retains(broker, 100)
    expect(many.logged).toContain('warning: mqtt: Home Assistant discovery is limited to the first 100 of 101 units')
    const topics = Object.keys(await broker.retained('homeassistant/#'))
    expect(topics).toContain('homeassistant/device/gatewatch-gw-7/2/config')
    await many.stop()
    await using _off = start(broker, false, units, 0.1)
    await retains(broker, 0)
  })

  it('gets buttons for the commands that are accepted, also after a reload, and none that stops the broker', async () => {
    await using broker = await startMosquitto()
    let isEnabled = true
    const refusal = (unit: string) => (isEnabled && unit !== 'c.service' ? null : 'no')
    const commands: UnitCommands = { refusal, run: () => Promise.reject(new Error('not part of this test')) }
    const config = { url: broker.url, homeassistant: true, commands: true }
    const units = ['a.service', 'mosquitto.service', 'c.service']
    await using gateway = startGateway({ config, units, commands })
    const buttons = async () => (await retainedIds(broker)).filter((id) => /_(start|stop|restart)$/.test(id))
    const all = ['a.service_start', 'a.service_stop', 'a.service_restart']
    const ofBroker = ['mosquitto.service_start', 'mosquitto.service_restart']
    const is = (expected: string[]) =>
      until(buttons, { what: 'the buttons', is: (ids) => `${ids.toSorted()}` === `${expected.toSorted()}` })
    await is([...all, ...ofBroker])
    isEnabled = false
    gateway.sink.reloaded()
    await is([])
    await retains(broker, 3)
    isEnabled = true
    gateway.sink.reloaded()
    await is([...all, ...ofBroker])
  })

  it.each([
    [5, 'max_packet_size 20000', 0],
    [5, 'max_packet_size 2500', 0],
    [5, 'message_size_limit 4096', 0],
    [4, 'max_packet_size 20000', 9], // 5, and one more for each end that comes late on a busy machine
  ])(
    'gets messages that are small enough for the broker (MQTT %i, %s, at most %i reconnections)',
    async (version, limit, reconnects) => {
      await using broker = await startMosquitto({ config: limit })
      await using link = await startLink(broker.port, (first) => ((first[8] ?? 0) > version ? REFUSAL : null))
      const units = Array.from({ length: 12 }, (_, i) => `u${i}.service`)
      await using gateway = startGateway({
        config: { url: link.url, homeassistant: true },
        units,
        speed: reconnects === 0 ? 20 : 5,
        statsEveryMs: () => 86_400_000,
      })
      await retains(broker, 12)
      gateway.fail('u1.service', 5)
      await drained(gateway)
      await until(() => gateway.sink.health().problem === null, { what: 'no problem' })
      expect(gateway.sink.health().reconnects).toBeLessThanOrEqual(reconnects)
    },
  )

  it('does not get a device that is too large for mqtt.max_message_bytes, but everything else is published', async () => {
    await using broker = await startMosquitto()
    const config = { url: broker.url, homeassistant: true, max_message_bytes: 800 }
    await using gateway = startGateway({ config, units: ['a.service'], speed: 20 })
    await until(() => gateway.sink.health().problem, {
      what: 'the reason',
      is: (problem) => /homeassistant.*config: the message is larger than mqtt.max_message_bytes$/.test(problem ?? ''),
    })
    gateway.fail('a.service', 5)
    await drained(gateway)
  })

  it("keeps another program's device", async () => {
    await using broker = await startMosquitto()
    broker.publish(TOPIC, '{"origin":{"name":"other"},"components":{"x":{"platform":"sensor","name":"x"}}}', '-r')
    await using _gateway = start(broker, false, ['a.service'], 0.1)
    await until(() => broker.log().includes(`Received UNSUBSCRIBE`), { what: 'the end of its subscription' })
    expect(await retainedIds(broker)).toEqual(['x'])
  })
})
