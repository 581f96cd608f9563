// deploy/mosquitto as shipped, with two real brokers: what the central broker has of a gateway, during an outage too.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openRetainedBroker } from '../../src/mqtt/retained/broker.ts'
import { freePort, MOSQUITTO, type Mosquitto, type Subscriber, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { certificates } from './certificates.ts'
import { clockOf, IDENTITY, mqttConfig, startGateway } from './gateway.ts'
import { type Link, startLink } from './link.ts'
import { drained, json, seqsOf } from './received.ts'

const UNIT = 'a.service'
const KEEPALIVE_SECONDS = 5 // the shortest that mosquitto accepts for a bridge
const PASSWORDS = { gatewatch: 'w1', viewer: 'w2', 'gw-7': 'w3', operator: 'w4', homeassistant: 'w5', 'gw.7': 'w6' }

/** Enables the lines that are commented out, for commands and Home Assistant. */
type Lines = 'as shipped' | 'all'

/** A shipped file with the values of a user; each of `changes` must occur in it. */
function shipped(name: string, lines: Lines, changes: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(import.meta.dirname, '../../deploy/mosquitto', name), 'utf8')
  if (lines === 'all') text = text.replace(/^#(?=(user|topic|pattern) )/gm, '')
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`${name} has no ${from}`)
    text = text.replaceAll(from, to)
  }
  return text
}

/** The central broker: TLS, and a user for each gateway. */
async function startCentre(lines: Lines = 'as shipped') {
  const broker = await startMosquitto({ stopped: true, anonymous: false })
  const file = certificates(broker.directory, 'DNS:localhost')
  const port = await freePort()
  writeFileSync(join(broker.directory, 'acl'), shipped('centre.acl', lines, {}))
  broker.configure(
    [
      `acl_file ${join(broker.directory, 'acl')}\nmax_inflight_messages 0\nlistener ${port} 127.0.0.1`,
      `cafile ${file('ca.crt')}\ncertfile ${file('server.crt')}\nkeyfile ${file('server.key')}`,
    ].join('\n'),
  )
  broker.passwords(PASSWORDS)
  await broker.start()
  const link = await startLink(port)
  return { broker, link, caFile: file('ca.crt'), watch: () => broker.subscribe('gatewatch/gw-7/#', ...as('viewer')) }
}

async function startGatewayBroker(
  link: Link,
  caFile: string,
  lines: Lines = 'as shipped',
  id: 'gw-7' | 'gw.7' = 'gw-7',
): Promise<Mosquitto> {
  const ids = { GATEWAY_ID: id, OBJECT_ID: id.replace('.', '_2e') }
  const broker = await startMosquitto({
    stopped: true,
    replacement(directory, port, passwordFile) {
      const etc = `${directory}/etc/`
      for (const path of ['etc/conf.d', 'run']) mkdirSync(join(directory, path), { recursive: true })
      writeFileSync(join(etc, 'gatewatch.acl'), shipped('gatewatch.acl', lines, ids))
      const bridge = shipped('bridge.conf', lines, {
        ...ids,
        'CENTRE:8883': `localhost:${link.port}`,
        PASSWORD: PASSWORDS[id],
        '/etc/ssl/certs/ca-certificates.crt': caFile,
        'keepalive_interval 30': `keepalive_interval ${KEEPALIVE_SECONDS}`,
        'restart_timeout 1 30': 'restart_timeout 1',
      })
      writeFileSync(join(etc, 'conf.d/bridge.conf'), bridge)
      return `user root\n${shipped('mosquitto.conf', lines, {
        '1883 127.0.0.1': `${port} 127.0.0.1`,
        '/etc/mosquitto/passwd': passwordFile,
        '/etc/mosquitto/': etc,
        'persistence_location /run/mosquitto/': `persistence_location ${directory}/run/`,
      })}`
    },
  })
  broker.passwords(PASSWORDS)
  await broker.start()
  return broker
}

const as = (user: keyof typeof PASSWORDS) => ['-u', user, '-P', PASSWORDS[user]]
const urlAs = (broker: Mosquitto, user: keyof typeof PASSWORDS) =>
  broker.url.replace('mqtt://', `mqtt://${user}:${PASSWORDS[user]}@`)

/** The latest payload that the central broker has of a topic of the gateway. */
function last(subscriber: Subscriber, topic: string): string | undefined {
  return subscriber.received.findLast(({ topic: one }) => one === `gatewatch/gw-7/${topic}`)?.payload
}

async function isUp(subscriber: Subscriber): Promise<void> {
  await until(() => last(subscriber, 'bridge') === '1' && last(subscriber, 'availability') === 'online', {
    what: 'the gateway to be up at the central broker',
    timeoutMs: 60_000,
  })
}

describeUnless(missingPrograms(...MOSQUITTO, 'openssl'), "the gateway's broker with its bridge, as shipped", () => {
  it('delivers everything to the central broker through an outage of the link, during which the local broker is killed', async () => {
    const { broker: centre, link, caFile, watch } = await startCentre()
    await using _centre = centre
    await using _link = link
    await using broker = await startGatewayBroker(link, caFile)
    await using viewer = await watch()
    await using gateway = startGateway({ config: { url: urlAs(broker, 'gatewatch') }, units: [UNIT] })
    await isUp(viewer)
    gateway.fail(UNIT, 2)
    const wanted = () => gateway.events.map((event) => event.seq)
    const received = () => [...new Set(seqsOf(viewer))]
    await until(received, {
      what: 'crashes at the central broker',
      is: (seqs) => seqs.length === wanted().length,
      timeoutMs: 30_000,
    })

    await link.close()
    await until(() => last(viewer, 'bridge') === '0', { what: 'the outage at the central broker', timeoutMs: 30_000 })
    gateway.fail(UNIT, 10)
    await drained(gateway)
    const saved = () =>
      readFileSync(join(broker.directory, 'run/mosquitto.db')).includes(`"seq":${gateway.state().seq},`)
    await until(saved, { what: 'the broker to save its queue', timeoutMs: 30_000 })
    await broker.kill()
    await broker.start()
    gateway.fail(UNIT, 1)
    await drained(gateway)

    await link.open()
    await until(received, {
      what: 'everything at the central broker',
      is: (seqs) => seqs.length === wanted().length,
      timeoutMs: 60_000,
    })
    expect(received()).toEqual(wanted())
    await isUp(viewer)
    await until(
      () => json({ ...viewer.received[0], payload: last(viewer, `unit/${UNIT}/state`) } as never)['counters'],
      {
        what: 'the current state',
        is: (counters) => (counters as { crashes: number }).crashes === 13,
      },
    )
    await using late = await watch()
    await isUp(late)
  })

  it('shows the gateway as down within 1.5 keepalives of the bridge after a power loss', async () => {
    const { broker: centre, link, caFile, watch } = await startCentre()
    await using _centre = centre
    await using _link = link
    await using broker = await startGatewayBroker(link, caFile)
    await using viewer = await watch()
    const agent = spawn(
      process.execPath,
      ['--import', 'tsx', 'test/mqtt/publisher-process.ts', urlAs(broker, 'gatewatch')],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    onTestFinished(() => void agent.kill('SIGKILL'))
    await new Promise((resolve) => agent.stdout.once('data', resolve))
    await isUp(viewer)

    link.forget() // nothing gets through any more, but the connection stays open for the central broker
    agent.kill('SIGKILL')
    await broker.kill()
    await until(() => last(viewer, 'bridge') === '0', { what: 'the central broker to notice', timeoutMs: 60_000 })
    expect(last(viewer, 'availability')).toBe('online') // after a power loss nothing can publish offline
    const times = (what: string) =>
      [...centre.log().matchAll(new RegExp(`^(\\d+): ${what}`, 'gm'))].map((match) => Number(match[1]))
    const lastSeenAt = times('Received \\w+ from gatewatch-states-gw-7').at(-1) ?? 0
    const knownAt = times('Client gatewatch-states-gw-7 has exceeded timeout')[0] ?? 0
    expect(knownAt - lastSeenAt).toBeLessThanOrEqual(1.5 * KEEPALIVE_SECONDS + 5 + 2) // it checks every 5 s, and logs whole seconds
  })

  it('carries commands and their results, Home Assistant discovery, and what mqtt-clear clears, once these lines are enabled; thin-edge.io stays local', async () => {
    const { broker: centre, link, caFile, watch } = await startCentre('all')
    await using _centre = centre
    await using _link = link
    await using broker = await startGatewayBroker(link, caFile, 'all')
    await using viewer = await watch()
    await using gateway = startGateway({
      config: { url: urlAs(broker, 'gatewatch'), commands: true, homeassistant: true, thinedge: true },
      units: [UNIT],
      commands: { refusal: () => null, run: async () => ({ outcome: 'done', cause: null }) },
    })
    await isUp(viewer)
    centre.publish(`gatewatch/gw-7/unit/${UNIT}/set`, 'restart', ...as('operator'))
    await until(() => last(viewer, `unit/${UNIT}/result`), {
      what: 'the result at the central broker',
      timeoutMs: 30_000,
    })
    // the bridge keeps the retain flag, without which the agent would stop the unit
    centre.publish(`gatewatch/gw-7/unit/${UNIT}/set`, 'stop', '-r', ...as('operator'))
    await until(() => last(viewer, `unit/${UNIT}/result`), {
      what: 'the refusal at the central broker',
      is: (payload) => payload?.includes('"command":"stop","outcome":"retained"') ?? false,
      timeoutMs: 30_000,
    })
    await using home = await centre.subscribe('homeassistant/#', ...as('homeassistant'))
    const live = () => home.received.filter(({ topic, retain }) => topic.endsWith('/config') && !retain)
    await until(() => home.received.length, { what: 'the device', timeoutMs: 30_000 })
    const before = live().length
    centre.publish('homeassistant/status', 'online', ...as('homeassistant'))
    await until(() => live().length > before, { what: 'the device again', timeoutMs: 30_000 })
    await using services = await broker.subscribe('te/device/main/service/+/status/health', ...as('gatewatch'))
    await until(() => services.received.length, { what: 'the health of the service', timeoutMs: 30_000 })
    gateway.fail(UNIT, 1)
    await drained(gateway)
    expect(gateway.logged.filter((line) => line.includes('refuses'))).toEqual([])
    expect(gateway.sink.health().problem).toBeNull()

    await gateway.stop()
    const names = { prefix: 'gatewatch', gatewayId: 'gw-7', discoveryPrefix: 'homeassistant' }
    const clearing = await openRetainedBroker(mqttConfig({ url: urlAs(broker, 'gatewatch') }), clockOf(1))
    const { ours, kept } = await clearing.clear({ names, inUse: [], us: IDENTITY, dryRun: false })
    await clearing.close()
    const local = ours.filter((topic) => topic.startsWith('te/'))
    expect([ours.length, local]).toEqual([
      7,
      ['/a/gave_up', '/status/health', ''].map((end) => `te/device/main/service/a${end}`),
    ])
    expect(kept.size).toBe(0)
    const latest = (topic: string) => [...viewer.received, ...home.received].findLast((one) => one.topic === topic)
    await until(() => ours.filter((topic) => latest(topic)?.payload !== '' && !local.includes(topic)), {
      what: 'everything of the gateway to be cleared at the central broker, too',
      is: (left) => left.length === 0,
      timeoutMs: 30_000,
    })
  })

  it('carries Home Assistant discovery of a gateway with a dot in its id, which the topic cannot contain', async () => {
    const { broker: centre, link, caFile } = await startCentre('all')
    await using _centre = centre
    await using _link = link
    await using broker = await startGatewayBroker(link, caFile, 'all', 'gw.7')
    await using home = await centre.subscribe('homeassistant/#', ...as('homeassistant'))
    await using gateway = startGateway({
      identity: { ...IDENTITY, gatewayId: 'gw.7' },
      config: { url: urlAs(broker, 'gatewatch'), homeassistant: true },
      units: [UNIT],
    })
    await until(() => home.received.map(({ topic }) => topic), {
      what: 'the device',
      is: (topics) => topics.includes('homeassistant/device/gatewatch-gw_2e7/config'),
    })
    expect(gateway.sink.health().problem).toBeNull()
  })

  it('lets each do only what is theirs', async () => {
    const { broker: centre, link, caFile } = await startCentre()
    await using _centre = centre
    await using _link = link
    await using broker = await startGatewayBroker(link, caFile)
    await using everything = await broker.subscribe('#', ...as('viewer'))
    broker.publish('gatewatch/gw-7/unit/a.service/set', 'stop', ...as('viewer'))
    broker.publish('gw-event/status', 'x', ...as('gatewatch'))
    broker.publish('gatewatch/gw-8/availability', 'x', ...as('gatewatch'))
    expect(() => broker.publish('gatewatch/gw-7/x', 'x')).toThrow(/not authori[sz]ed/i)
    broker.publish('gatewatch/gw-7/agent', 'mine', ...as('gatewatch'))
    await until(() => everything.received.some(({ payload }) => payload === 'mine'), { what: 'what is allowed' })
    const topics = everything.received.map(({ topic }) => topic).filter((topic) => !topic.endsWith('/bridge'))
    expect(topics).toEqual(['gatewatch/gw-7/agent'])
  })
})
