// Ways to the broker: TLS with names and certificates verified, unix sockets, MQTT 3.1.1, and what a broker may refuse.
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { freePort, MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { certificates } from './certificates.ts'
import { startGateway } from './gateway.ts'
import { connected, drained, eventsOf, seqsOf } from './heard.ts'
import { startLink } from './link.ts'

const UNIT = 'a.service'

async function startTls(names: string, ...lines: string[]) {
  const broker = await startMosquitto()
  const file = certificates(broker.directory, names)
  const port = await freePort()
  const own = [`cafile ${file('ca.crt')}`, `certfile ${file('server.crt')}`, `keyfile ${file('server.key')}`]
  await broker.kill()
  broker.configure([`listener ${port} 127.0.0.1`, ...own, ...lines].join('\n'))
  await broker.start()
  return { broker, file, port }
}

describeUnless(missingPrograms(...MOSQUITTO, 'openssl'), 'MQTT over TLS', () => {
  it('trusts the CA it is given, and the names in the certificate', async () => {
    const { broker, file, port } = await startTls('DNS:localhost,IP:127.0.0.1')
    await using _broker = broker
    for (const host of ['localhost', '127.0.0.1']) {
      await using gateway = startGateway({
        config: { url: `mqtts://${host}:${port}`, ca_file: file('ca.crt') },
        units: [UNIT],
      })
      await connected(gateway)
      expect(gateway.logged).toEqual([`info: mqtt: connected to mqtts://${host}:${port}`])
    }
  })

  it('does not talk to a broker whose certificate is of another name or another CA', async () => {
    const { broker, file, port } = await startTls('DNS:broker.example')
    await using _broker = broker
    await using other = startGateway({
      config: { url: `mqtts://localhost:${port}`, ca_file: file('ca.crt') },
      units: [UNIT],
    })
    await until(() => other.sink.health().problem, {
      what: 'its reason',
      is: (why) => /altnames.*broker\.example/.test(why ?? ''),
    })
    await using unknown = startGateway({ config: { url: `mqtts://localhost:${port}` }, units: [UNIT] })
    await until(() => unknown.sink.health().problem, {
      what: 'its reason',
      is: (why) => /signed by.*see mqtt\.ca_file/.test(why ?? ''),
    })
    expect(broker.log()).not.toMatch(/New client connected.*gatewatch-gw-7/)
  })

  it('shows its own certificate, read anew at each attempt', async () => {
    const { broker, file, port } = await startTls('DNS:localhost', 'require_certificate true')
    await using _broker = broker
    const own = { cert_file: file('own.crt'), key_file: file('client.key') }
    await using gateway = startGateway({
      config: { url: `mqtts://localhost:${port}`, ca_file: file('ca.crt'), ...own },
      units: [UNIT],
    })
    await until(() => gateway.sink.health().problem, {
      what: 'its reason',
      is: (why) => /cannot read mqtt\.cert_file .*own\.crt \(ENOENT\)/.test(why ?? ''),
    })
    execFileSync('cp', [file('client.crt'), file('own.crt')])
    await connected(gateway)
  })

  it('does not send in the clear what was meant for TLS', async () => {
    await using broker = await startMosquitto()
    await using gateway = startGateway({ config: { url: broker.url, ca_file: '/nowhere' }, units: [UNIT] })
    await until(() => gateway.logged.length, { what: 'the reason' })
    expect(gateway.sink.health().problem).toBe('mqtt.ca_file is for TLS only: write mqtts:// in mqtt.url')
  })
})

describeUnless(missingPrograms(...MOSQUITTO), 'MQTT by other ways', () => {
  it.each(['mqtt+unix://', 'unix://'])('goes over a unix socket (%s)', async (scheme) => {
    await using broker = await startMosquitto({ stopped: true })
    const socket = join(broker.directory, 'mqtt.sock')
    broker.configure(`listener 0 ${socket}`)
    await broker.start()
    await until(() => existsSync(socket), { what: 'the socket' })
    await using gateway = startGateway({ config: { url: `${scheme}${socket}` }, units: [UNIT] })
    await connected(gateway)
    expect(gateway.logged).toEqual([`info: mqtt: connected to mqtt+unix://${socket}`])
  })

  const CONNECT_VERSION_AT = 8 // after the fixed header and the name "MQTT" (MQTT 3.1.1, 3.1.2.2)

  it.each([
    ['says so', Buffer.from([0x20, 2, 0, 1])],
    ['says so in MQTT 5', Buffer.from([0x20, 3, 0, 132, 0])],
    ['closes without a word', Buffer.alloc(0)],
  ])('goes on with MQTT 3.1.1 where a broker %s', async (_, answer) => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    const versions: number[] = []
    await using link = await startLink(broker.port, (first) => {
      const version = first[CONNECT_VERSION_AT] ?? 0
      versions.push(version)
      return version === 5 ? answer : null
    })
    await using gateway = startGateway({ config: { url: link.url }, units: [UNIT] })
    gateway.start(UNIT)
    await drained(gateway)
    await until(() => seqsOf(subscriber).length > 0, { what: 'the event' })
    expect(versions).toEqual([5, 4])
    link.cut()
    await until(() => gateway.sink.health().reconnects, { what: 'the next connection' })
    expect(versions).toEqual([5, 4, 4])
  })

  it('keeps what the broker refuses, says so once, and tells it when it may', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    const acl = join(broker.directory, 'acl')
    const others = 'topic read #\ntopic write gatewatch/gw-7/unit/#\ntopic write gatewatch/gw-7/+\n'
    writeFileSync(acl, others)
    broker.configure(`acl_file ${acl}`)
    await broker.kill()
    await broker.start()
    await until(() => subscriber.subscriptions() === 2, { what: 'the subscriber to be back' })
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT], statsEveryMs: () => 2000 })
    await connected(gateway)
    gateway.fail(UNIT, 2)
    await until(() => gateway.sink.health().problem, { what: 'the refusal' })
    expect(gateway.sink.health()).toMatchObject({ connected: true, queued: gateway.events.length, eventsPublished: 0 })
    expect(gateway.sink.health().problem).toBe('the broker refuses gatewatch/gw-7/event/start: Not authorized')
    writeFileSync(acl, `${others}topic write gatewatch/gw-7/event/#\n`)
    broker.reload()
    await drained(gateway)
    await until(() => eventsOf(subscriber).length === gateway.events.length, { what: 'the events' })
    expect(gateway.sink.health().problem).toBeNull()
  })
})
