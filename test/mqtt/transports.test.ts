// Transports to the broker: TLS with verification, Unix sockets, MQTT 3.1.1; and brokers that refuse.
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { freePort, MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { certificates } from './certificates.ts'
import { startGateway } from './gateway.ts'
import { startLink } from './link.ts'
import { connected, drained, seqsOf } from './received.ts'

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
  it('accepts the configured CA and the names in the certificate', async () => {
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

  it('does not connect to a broker whose certificate has another name or another CA', async () => {
    const { broker, file, port } = await startTls('DNS:broker.example')
    await using _broker = broker
    await using other = startGateway({
      config: { url: `mqtts://localhost:${port}`, ca_file: file('ca.crt') },
      units: [UNIT],
    })
    await until(() => other.sink.health().problem, {
      what: 'the reason',
      is: (why) => /altnames.*broker\.example/.test(why ?? ''),
    })
    await using unknown = startGateway({ config: { url: `mqtts://localhost:${port}` }, units: [UNIT] })
    await until(() => unknown.sink.health().problem, {
      what: 'the reason',
      is: (why) => /(self-signed|signed by an unknown authority); set mqtt\.ca_file/.test(why ?? ''),
    })
    expect(broker.log()).not.toMatch(/New client connected.*gatewatch-gw-7/)
  })

  it('presents its own certificate, read again at each attempt', async () => {
    const { broker, file, port } = await startTls('DNS:localhost', 'require_certificate true')
    await using _broker = broker
    const own = { cert_file: file('own.crt'), key_file: file('client.key') }
    await using gateway = startGateway({
      config: { url: `mqtts://localhost:${port}`, ca_file: file('ca.crt'), ...own },
      units: [UNIT],
    })
    await until(() => gateway.sink.health().problem, {
      what: 'the reason',
      is: (why) => /cannot read mqtt\.cert_file .*own\.crt \(ENOENT\)/.test(why ?? ''),
    })
    execFileSync('cp', [file('client.crt'), file('own.crt')])
    await connected(gateway)
  })

  it('does not connect without TLS when a TLS file is configured', async () => {
    await using broker = await startMosquitto()
    await using gateway = startGateway({ config: { url: broker.url, ca_file: '/nowhere' }, units: [UNIT] })
    await until(() => gateway.logged.length, { what: 'the reason' })
    expect(gateway.sink.health().problem).toBe('mqtt.ca_file requires TLS; use mqtts:// in mqtt.url')
  })
})

describeUnless(missingPrograms(...MOSQUITTO), 'MQTT over other transports', () => {
  it.each(['mqtt+unix://', 'unix://'])('connects over a Unix socket (%s)', async (scheme) => {
    await using broker = await startMosquitto({ stopped: true })
    const socket = join(broker.directory, 'mqtt.sock')
    broker.configure(`listener 0 ${socket}`)
    await broker.start()
    await until(() => existsSync(socket), { what: 'the socket' })
    await using gateway = startGateway({ config: { url: `${scheme}${socket}` }, units: [UNIT] })
    await connected(gateway)
    // the socket exists a moment before the broker listens on it
    expect(gateway.logged.at(-1)).toBe(`info: mqtt: connected to mqtt+unix://${socket}`)
  })

  const CONNECT_VERSION_AT = 8 // after the fixed header and the name "MQTT" (MQTT 3.1.1, 3.1.2.2)

  it.each([
    ['reports it', Buffer.from([0x20, 2, 0, 1]), [5, 4]],
    ['reports it in MQTT 5', Buffer.from([0x20, 3, 0, 132, 0]), [5, 4]],
    ['closes twice without a CONNACK', Buffer.alloc(0), [5, 4, 5, 4]],
  ])('falls back to MQTT 3.1.1 when a broker without MQTT 5 %s', async (_, response, attempts) => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    const versions: number[] = []
    await using link = await startLink(broker.port, (first) => {
      const version = first[CONNECT_VERSION_AT] ?? 0
      versions.push(version)
      return version === 5 ? response : null
    })
    await using gateway = startGateway({ config: { url: link.url }, units: [UNIT] })
    gateway.start(UNIT)
    await drained(gateway)
    await until(() => seqsOf(subscriber).length > 0, { what: 'the event' })
    expect(versions).toEqual(attempts)
    link.cut()
    await until(() => gateway.sink.health().reconnects, { what: 'the next connection' })
    expect(versions).toEqual([...attempts, 4])
  })

  it('uses MQTT 5 with a broker that closed the first attempt because it was just starting', async () => {
    await using broker = await startMosquitto()
    const versions: number[] = []
    await using link = await startLink(broker.port, (first) => {
      versions.push(first[CONNECT_VERSION_AT] ?? 0)
      return versions.length === 1 ? Buffer.alloc(0) : null
    })
    await using gateway = startGateway({ config: { url: link.url }, units: [UNIT] })
    await connected(gateway)
    expect(versions).toEqual([5, 4, 5])
    expect(Object.values(await broker.retained('gatewatch/gw-7/availability'))).toEqual(['online'])
    link.cut()
    await until(() => gateway.sink.health().reconnects, { what: 'the next connection' })
    expect(versions).toEqual([5, 4, 5, 5])
  })

  it('keeps events that the broker refuses, logs it once, and publishes them if they are allowed at the next try', async () => {
    await using broker = await startMosquitto({ stopped: true })
    const acl = join(broker.directory, 'acl')
    const others = 'topic write gatewatch/gw-7/unit/#\ntopic write gatewatch/gw-7/+\n'
    writeFileSync(acl, others)
    broker.configure(`acl_file ${acl}`)
    await broker.start()
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT], statsEveryMs: () => 86_400_000 })
    await connected(gateway)
    gateway.fail(UNIT, 2)
    await until(() => gateway.sink.health().refused.event, {
      what: 'all refusals',
      is: (refused) => refused === gateway.events.length,
    })
    expect(gateway.sink.health()).toMatchObject({ connected: true, queued: gateway.events.length, eventsPublished: 0 })
    expect(gateway.sink.health().problem).toMatch(/^the broker refuses gatewatch\/gw-7\/event\/\w+: Not authorized$/)
    expect(gateway.logged.filter((line) => line.includes('refuses'))).toHaveLength(1)
    writeFileSync(acl, `${others}topic write gatewatch/gw-7/event/#\n`)
    await broker.kill()
    await broker.start()
    await drained(gateway)
    expect(gateway.sink.health()).toMatchObject({
      eventsPublished: gateway.events.length,
      dropped: { refused: 0 },
      problem: null,
    })
  })
})
