// A broker without retained messages (`retain_available false`): everything is published, without the retain flag.
import { expect, it } from 'vitest'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { brokerFile } from './broker-file.ts'
import { startGateway } from './gateway.ts'
import { startLink } from './link.ts'
import { connected, drained, seqsOf } from './received.ts'
import { startScriptedBroker } from './scripted-broker.ts'

const UNIT = 'a.service'
const PROBLEM = /^the broker does not support retained messages: /
/** CONNACK for an attempt with MQTT 5: unacceptable protocol version. */
const NOT_5 = Buffer.from([0x20, 2, 0, 1])
const VERSION_AT = 8
/** CONNACK of MQTT 5 with the property Retain Available: 0. */
const NO_RETAIN = Buffer.from([0x20, 5, 0, 0, 2, 0x25, 0])
/** Flags of a PUBLISH with QoS 1 that is not retained; 3 with the retain flag. */
const NOT_RETAINED = '2'
/** The beginning of the birth message in hex: PUBLISH, flags, length, and the topic with its length. */
const BIRTH = /3(.)..001b676174657761746368/

it('a broker that accepts a retained Will, but states that it does not retain, receives no retained messages', async () => {
  await using broker = await startScriptedBroker((socket) => void socket.write(NO_RETAIN))
  await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT] })
  await connected(gateway)
  const birth = await until(() => BIRTH.exec(broker.received(0).toString('hex')), { what: 'the birth message' })
  expect(birth?.[1]).toBe(NOT_RETAINED)
  expect(gateway.sink.health().problem).toMatch(PROBLEM)
})

describeUnless(missingPrograms(...MOSQUITTO), 'a mosquitto without retained messages', () => {
  it.each([5, 4])('receives everything, with a warning (MQTT %i)', async (version) => {
    await using broker = await startMosquitto(brokerFile('no-retain'))
    await using link = await startLink(broker.port, (first) => ((first[VERSION_AT] ?? 0) > version ? NOT_5 : null))
    await using subscriber = await broker.subscribe('gatewatch/#')
    await using gateway = startGateway({ config: { url: link.url }, units: [UNIT] })
    await connected(gateway)
    gateway.fail(UNIT, 1)
    await drained(gateway)
    await until(() => seqsOf(subscriber).length >= gateway.events.length, { what: 'the events' })
    const topics = subscriber.received.map(({ topic }) => topic.replace('gatewatch/gw-7/', ''))
    expect(topics).toEqual(expect.arrayContaining(['availability', 'agent', `unit/${UNIT}/state`, 'event/crash']))
    await using late = await broker.subscribe('gatewatch/gw-7/availability', '-t', 'marker')
    broker.publish('marker', '')
    await until(() => late.received.length, { what: 'the marker' })
    expect(late.received.map(({ topic }) => topic)).toEqual(['marker'])
    expect(gateway.sink.health()).toMatchObject({ connected: true, problem: expect.stringMatching(PROBLEM) })

    const attempts = link.connections()
    link.cut()
    await until(() => gateway.sink.health(), {
      what: 'the next connection',
      is: ({ connected, reconnects }) => connected && reconnects === 1,
    })
    expect(link.connections()).toBe(attempts + 1)
    const availability = () => subscriber.received.filter(({ topic }) => topic.endsWith('/availability'))
    await until(() => availability().length === 3, { what: 'the Will and the new birth message' })
    expect(availability().map(({ payload }) => payload)).toEqual(['online', 'offline', 'online'])
    expect(gateway.logged.filter((line) => line.includes('retained'))).toHaveLength(1)
  })

  it('gets retained messages as soon as it supports them', async () => {
    let file = 'no-retain'
    await using broker = await startMosquitto({
      replacement: (...where) => brokerFile(file).replacement?.(...where) ?? '',
    })
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT] })
    await connected(gateway)
    await broker.kill()
    file = 'sessions'
    await broker.start()
    await until(() => broker.retained('gatewatch/#'), {
      what: 'retained messages',
      is: (retained) => Object.keys(retained).length === 3,
    })
    expect(gateway.sink.health().problem).toBeNull()
    await broker.kill()
    await until(() => !gateway.sink.health().connected, { what: 'the loss' })
    file = 'no-retain'
    await broker.start()
    await connected(gateway)
    expect(gateway.sink.health().problem).toMatch(PROBLEM)
  })
})
