// The connection with which a person clears retained messages, to a real mosquitto: what it clears, and how it fails.
import { expect, it } from 'vitest'
import { openRetainedBroker } from '../../../src/mqtt/retained/broker.ts'
import { MOSQUITTO, type Mosquitto, startMosquitto } from '../../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../../rig/unavailable.ts'
import { until } from '../../rig/until.ts'
import { clockOf, IDENTITY, mqttConfig, startGateway } from '../gateway.ts'
import { PUBACK, startLink } from '../link.ts'

const NAMES = { prefix: 'gatewatch', gatewayId: 'gw-7', discoveryPrefix: 'homeassistant' }
const ALL = { names: NAMES, inUse: [], us: IDENTITY, dryRun: false }
const UNITS = ['a.service', 'b.timer']

/** What a gateway with Home Assistant and thin-edge.io has retained, and what other programs have. */
async function published(broker: Mosquitto): Promise<readonly string[]> {
  const config = { url: broker.url, homeassistant: true, thinedge: true }
  const gateway = startGateway({ config, units: UNITS, speed: 8 })
  const topics = async () => Object.keys(await broker.retained('#'))
  await until(topics, { what: 'all of its messages', is: (all) => all.length === 9 })
  await gateway.stop()
  return topics()
}

const OTHERS = {
  'te/device/main/service/other': '{"@type":"service","name":"other","type":"service"}',
  'te/device/main/service/other/status/health': '{"status":"up"}',
  'te/device/main/service/other/a/gave_up': '{"text":"x","severity":"minor"}',
  'gatewatch/gw-7/bridge': '1',
  'gatewatch/gw-77/availability': 'online',
  'homeassistant/device/gatewatch-gw-77/config': '{"o":{"name":"gatewatch"}}',
}

describeUnless(missingPrograms(...MOSQUITTO), 'a person', () => {
  it.each([5, 4])('clears everything of the gateway, and nothing else (MQTT %i)', async (version) => {
    await using broker = await startMosquitto()
    const refusal = Buffer.from([0x20, 2, 0, 1]) // CONNACK: unacceptable protocol version
    await using link = await startLink(broker.port, (first) => ((first[8] ?? 0) > version ? refusal : null))
    const topics = await published(broker)
    for (const [topic, payload] of Object.entries(OTHERS)) broker.publish(topic, payload, '-r')
    const connection = await openRetainedBroker(mqttConfig({ url: link.url }), clockOf(8))
    const found = await connection.clear({ ...ALL, dryRun: true })
    expect(found.ours.toSorted()).toEqual(topics.toSorted())
    expect([found.others, found.kept.size]).toEqual([[], 0])
    expect(Object.keys(await broker.retained('#'))).toHaveLength(topics.length + Object.keys(OTHERS).length)
    const { ours } = await connection.clear(ALL)
    await connection.close()
    expect(await broker.retained('#')).toEqual(OTHERS)
    const last = ours.indexOf('gatewatch/gw-7/agent')
    expect(last).toBe(ours.length - 1)
    const registration = ours.indexOf('te/device/main/service/a')
    expect(ours.indexOf('te/device/main/service/a/status/health')).toBeLessThan(registration)
  })

  it('learns that the connection was lost, or that the broker does not respond', async () => {
    await using broker = await startMosquitto()
    await published(broker)
    await using link = await startLink(broker.port)
    const config = mqttConfig({ url: link.url, keepalive: 5 })
    const first = await openRetainedBroker(config, clockOf(8))
    const lost = first.clear(ALL)
    link.cut()
    await expect(lost).rejects.toThrow(`connection to ${link.url} lost: closed by the broker`)
    await first.close()
    const second = await openRetainedBroker(config, clockOf(8))
    link.swallow(PUBACK)
    await expect(second.clear(ALL)).rejects.toThrow(/lost: no acknowledgement within 8 s/)
    await second.close()
  })

  it('learns why there is no connection', async () => {
    await using broker = await startMosquitto({ anonymous: false })
    const refused = openRetainedBroker(mqttConfig({ url: broker.url }), clockOf(1))
    await expect(refused).rejects.toThrow(/^cannot connect to .*(see mqtt.username and mqtt.password_file)/)
    const noFile = openRetainedBroker(mqttConfig({ url: broker.url, password_file: '/nonexistent/file' }), clockOf(1))
    await expect(noFile).rejects.toThrow('cannot read mqtt.password_file /nonexistent/file (ENOENT)')
    broker.freeze()
    const silent = openRetainedBroker(mqttConfig({ url: broker.url }), clockOf(20))
    await expect(silent).rejects.toThrow('no response within 10 s')
    broker.thaw()
  })
})
