// A broker that sends too much, or what it must not send: the connection ends with a reason, and the agent continues.
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { expect, it } from 'vitest'
import { at } from '../core/step-driver.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { certificates } from './certificates.ts'
import { started } from './event.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { startLink } from './link.ts'
import { connected, drained, eventsOf, json } from './received.ts'
import { CONNACK, startScriptedBroker } from './scripted-broker.ts'

const UNIT = 'a.service'
const QOS2 = Buffer.from([0x34, 6, 0, 1, 97, 0, 1, 0])
const SMALL = Buffer.from([0x30, 5, 0, 1, 97, 0, 120])

function loss(gateway: Gateway): Promise<string | undefined> {
  return until(() => gateway.logged.find((line) => line.includes('connection lost')), {
    what: 'the end of the connection',
  })
}

it('ends the connection with a reason, in the log and in the health, over TCP', async () => {
  await using broker = await startScriptedBroker((socket) => socket.write(Buffer.concat([CONNACK, QOS2])))
  await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT] })
  const reason = 'the broker sent a message with QoS 2 for a subscription with QoS 0'
  expect(await loss(gateway)).toBe(`warning: mqtt: connection lost (${reason}); reconnecting`)
  expect(gateway.sink.health().problem).toContain(reason)
})

it('does the same over a Unix socket', async () => {
  const directory = temporaryDirectory()
  const path = join(directory, 'mqtt.sock')
  try {
    const respond = (socket: NodeJS.WritableStream) => void socket.write(Buffer.concat([CONNACK, QOS2]))
    await using _broker = await startScriptedBroker(respond, createServer(), { path })
    await using gateway = startGateway({ config: { url: `mqtt+unix://${path}` }, units: [UNIT] })
    expect(await loss(gateway)).toContain('a message with QoS 2')
  } finally {
    removeDirectory(directory)
  }
})

describeUnless(missingPrograms('openssl'), 'a hostile broker with TLS', () => {
  it('is treated in the same way', async () => {
    const directory = temporaryDirectory()
    const file = certificates(directory, 'IP:127.0.0.1')
    try {
      const server = createTlsServer({ cert: readFileSync(file('server.crt')), key: readFileSync(file('server.key')) })
      await using broker = await startScriptedBroker((socket) => socket.write(Buffer.concat([CONNACK, QOS2])), server)
      const config = { url: `mqtts://127.0.0.1:${broker.port}`, ca_file: file('ca.crt') }
      await using gateway = startGateway({ config, units: [UNIT] })
      expect(await loss(gateway)).toContain('a message with QoS 2')
    } finally {
      removeDirectory(directory)
    }
  })
})

it('subscribes again only after twenty minutes, because a subscription may be the cause', async () => {
  await using broker = await startScriptedBroker((socket, connection) => {
    socket.write(connection === 0 ? Buffer.concat([CONNACK, QOS2]) : CONNACK)
  })
  const config = { url: broker.url, qos: 0, commands: true, keepalive: 900 }
  await using gateway = startGateway({ config, units: [UNIT], speed: 400 })
  await until(() => broker.received(1).includes('online'), { what: 'the birth message of the next connection' })
  const begun = performance.now()
  expect(gateway.sink.health()).toMatchObject({
    connected: true,
    problem:
      'the broker sent a message with QoS 2 for a subscription with QoS 0; subscriptions are suspended for 20 minutes',
  })
  expect(broker.received(1).includes('unit/+/set')).toBe(false)
  await until(() => broker.received(1).includes('unit/+/set'), { what: 'the subscription' })
  expect(performance.now() - begun).toBeGreaterThan(2_000) // twenty minutes are 3 s at this speed
  expect(gateway.sink.health().problem).toBeNull()
  expect(broker.connections()).toBe(2)
})

it.each([
  ['small messages', SMALL],
  ['PINGRESPs', Buffer.from([0xd0, 0])],
  ['PUBACKs for messages that were never sent', Buffer.from([0x40, 2, 0xff, 0xff])],
])('pauses reading during a flood of %s, then ends the connection', async (_, packet) => {
  await using broker = await startScriptedBroker((socket) =>
    socket.write(Buffer.concat([CONNACK, ...Array(50_000).fill(packet)])),
  )
  await using gateway = startGateway({ config: { url: broker.url, qos: 0 }, units: [UNIT], speed: 10 })
  const begun = performance.now()
  expect(await loss(gateway)).toContain('the broker sent more than 100 messages or KiB per second')
  expect(performance.now() - begun).toBeGreaterThan(900) // pauses of 10 s, at this speed
})

it('reconnects ever less often to a broker that does it again', async () => {
  await using broker = await startScriptedBroker((socket) => {
    socket.write(CONNACK)
    setTimeout(() => socket.write(QOS2), 60) // 6 s at this speed: a stable connection
  })
  await using _gateway = startGateway({ config: { url: broker.url }, units: [UNIT], speed: 100 })
  const times: number[] = []
  await until(
    () => {
      if (broker.connections() > times.length) times.push(performance.now())
      return times.length
    },
    { what: '7 connections', is: (n) => n >= 7, everyMs: 2, timeoutMs: 20_000 },
  )
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  expect(gaps.at(-1)).toBeGreaterThan(300) // 30 s at this speed; 20 ms if each stable connection reset the back-off
})

it('detects a link on which a packet never ends', async () => {
  await using broker = await startScriptedBroker((socket) => {
    socket.write(Buffer.concat([CONNACK, Buffer.from([0x30, 0x80, 0x80, 0x10])]))
    const timer = setInterval(() => socket.write('x'), 50)
    socket.on('close', () => clearInterval(timer))
  })
  await using gateway = startGateway({ config: { url: broker.url, keepalive: 1 }, speed: 0.2 })
  expect(await loss(gateway)).toContain('Keepalive timeout')
})

it('announces its limits to an MQTT 5 broker', async () => {
  const connects: Buffer[] = []
  await using broker = await startScriptedBroker((socket) => socket.write(CONNACK))
  await using link = await startLink(broker.port, (first) => {
    connects.push(first)
    return null
  })
  await using gateway = startGateway({ config: { url: link.url }, units: [UNIT] })
  await connected(gateway)
  // Receive Maximum 1 and Maximum Packet Size 512 KiB (MQTT 5.0, 3.1.2.11)
  expect(connects[0]?.includes(Buffer.from([0x21, 0, 1]))).toBe(true)
  expect(connects[0]?.includes(Buffer.from([0x27, 0, 8, 0, 0]))).toBe(true)
})

describeUnless(missingPrograms(...MOSQUITTO), 'an honest broker', () => {
  it.each([1, 2])('may acknowledge any number of messages (QoS %s)', async (qos) => {
    await using broker = await startMosquitto({ config: 'max_inflight_messages 0\nmax_queued_messages 0' })
    // the clock hardly runs: the rate would allow 4,096 packets
    await using gateway = startGateway({ config: { url: broker.url, qos }, units: [UNIT], speed: 0.001 })
    const state = gateway.state()
    for (let seq = 1000; seq < 7000; seq++) {
      gateway.sink.accept({ before: state, after: state, events: [started(seq)], at: at(seq) })
      if (seq % 500 === 0) await drained(gateway)
    }
    await drained(gateway)
    expect(gateway.sink.health().published).toBeGreaterThan(6000)
  })
})

describeUnless(missingPrograms(...MOSQUITTO), 'a retained command of 600 KiB on an honest broker', () => {
  const TOPIC = `gatewatch/gw-7/unit/${UNIT}/set`

  it.each([4, 5])('does not end the connection (MQTT %s): events and commands still arrive', async (version) => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    await using link = await startLink(broker.port, (first) =>
      version === 4 && first[8] === 5 ? Buffer.from([0x20, 2, 0, 1]) : null,
    )
    const file = join(broker.directory, 'large')
    writeFileSync(file, 'x'.repeat(600 * 1024))
    broker.publishFile(TOPIC, file)
    const commands = { refusal: () => null, run: () => Promise.resolve({ outcome: 'done', cause: null } as const) }
    const config = { url: link.url, commands: version === 4 ? ('force' as const) : true }
    await using gateway = startGateway({ config, units: [UNIT], commands })
    await connected(gateway)
    await until(() => broker.log().includes('unit/+/set (QoS 0)'), { what: 'its subscription' })
    gateway.fail(UNIT, 3)
    await drained(gateway)
    broker.publish(TOPIC, 'restart')
    const results = () => subscriber.received.filter(({ topic }) => topic.endsWith('/result'))
    await until(() => results().length, { what: 'the result' })
    expect(results().map((message) => json(message)['outcome'])).toEqual(['done'])
    await until(() => eventsOf(subscriber).length, { what: 'the events', is: (n) => n === gateway.events.length })
    expect(gateway.sink.health().reconnects).toBe(0)
    const ignored = `the broker sent a message of 614435 bytes on ${TOPIC}; it was ignored`
    expect(gateway.sink.health().problem).toBe(version === 4 ? ignored : null)
    expect(gateway.logged.filter((line) => line.includes('ignored'))).toEqual(
      version === 4 ? [`warning: mqtt: ${ignored}`] : [],
    )
  })
})
