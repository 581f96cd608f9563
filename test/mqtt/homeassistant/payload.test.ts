// Home Assistant discovery: it matches the schema, its templates render, and removed units are removed there.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { newState } from '../../../src/core/state.ts'
import { newUnit, type Unit } from '../../../src/core/unit.ts'
import { unitJson } from '../../../src/core/views/api-json.ts'
import { configTopic, devicePayload } from '../../../src/mqtt/homeassistant/payload.ts'
import { topicsOf } from '../../../src/mqtt/topics.ts'
import { IDLE, SETTINGS } from '../../core/step-driver.ts'
import { MOSQUITTO, type Mosquitto, startMosquitto } from '../../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../../rig/unavailable.ts'
import { until } from '../../rig/until.ts'
import { STREAM, startGateway } from '../gateway.ts'
import { faults } from '../homeassistant-schema.ts'
import { startLink } from '../link.ts'
import { connected, drained, json } from '../received.ts'

const TOPIC = 'homeassistant/device/gatewatch-gw-7/config'
const UNITS = ['mosquitto.service', 'sink@tty-1.service', 'a\\x2db.socket']

function message(gone: Record<string, string> = {}) {
  const options = { gatewayId: 'gw-7', version: '0.1.0', topics: topicsOf('gatewatch', 'gw-7'), units: UNITS }
  return JSON.parse(devicePayload({ ...options, gone: new Map(Object.entries(gone)) }))
}

describe('the discovery message', () => {
  it('matches the documented schema', () => {
    expect(faults(message({ 'old.service_state': 'sensor' }))).toEqual([])
    expect(faults({ ...message(), origin: {} })).toEqual(['origin.name'])
    expect(Object.keys(message().components)).toHaveLength(8 * UNITS.length)
  })

  it('has one device, its availability, and entities that read the retained state', () => {
    const { components, ...rest } = message()
    expect(rest).toEqual({
      device: { identifiers: ['gatewatch_gw-7'], name: 'gw-7', model: 'Gateway', sw_version: '0.1.0' },
      origin: { name: 'gatewatch', sw_version: '0.1.0' },
      availability: [{ topic: 'gatewatch/gw-7/availability' }],
      qos: 1,
    })
    expect(components['sink@tty-1.service_crashes']).toEqual({
      platform: 'sensor',
      unique_id: 'gatewatch_gw-7_sink@tty-1.service_crashes',
      name: 'sink@tty-1 crashes',
      state_topic: 'gatewatch/gw-7/unit/sink@tty-1.service/state',
      entity_category: 'diagnostic',
      state_class: 'total_increasing',
      value_template: '{{ value_json.counters.crashes }}',
    })
  })

  it('has a topic of letters, digits, underscores and hyphens for every gateway id', () => {
    expect(configTopic('homeassistant', 'gw.7_a-b')).toBe('homeassistant/device/gatewatch-gw_2e7_a-b/config')
  })
})

/** Renders a template on a unit's state with Python's Jinja, as Home Assistant does; undefined names are errors. */
const RENDER = `
import json, sys
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2 import StrictUndefined
env = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
given = json.load(sys.stdin)
print(json.dumps([{k: env.from_string(t).render(value_json=v) for k, t in given["templates"].items()} for v in given["values"]]))
`
/** Debian's own Python: only that one has the package. */
const PYTHON = '/usr/bin/python3'
const noJinja = () => (spawnSync(PYTHON, ['-c', 'import jinja2']).status === 0 ? null : 'not installed: python3-jinja2')

function render(...units: readonly Unit[]): Record<string, string>[] {
  const templates: Record<string, string> = {}
  for (const [id, component] of Object.entries<Record<string, string>>(message().components)) {
    const what = id.replace('mosquitto.service_', '')
    if (what === id) continue
    templates[what] = component['value_template'] ?? ''
    if (component['json_attributes_template']) templates[`${what}_attributes`] = component['json_attributes_template']
  }
  const input = JSON.stringify({ templates, values: units.map(unitJson) })
  const { stdout, stderr } = spawnSync(PYTHON, ['-c', RENDER], { input, encoding: 'utf8' })
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout)
}

describeUnless(noJinja(), "Home Assistant's templates", () => {
  const unit = newUnit('mosquitto.service')
  const running: Unit = {
    ...unit,
    settings: SETTINGS,
    snapshot: { ...IDLE, activeState: 'active', subState: 'running' },
  }
  const failed: Unit = { ...running, snapshot: { ...IDLE, activeState: 'failed', subState: 'failed' }, gaveUp: true }
  const waiting: Unit = { ...running, snapshot: { ...IDLE, activeState: 'activating', subState: 'auto-restart' } }
  const after = (result: string, exitCode: number | null, signal: string | null): Unit => ({
    ...running,
    lastCrash: {
      cause: { result, exitCode, signal, coreDumped: false },
      requested: false,
      thisBoot: true,
      atMs: 1_700_000_000_000,
    },
  })

  it('show a problem if a unit failed, waits to be restarted, flaps, or cannot be loaded', () => {
    const absent = (loadState: string): Unit => ({ ...running, snapshot: IDLE, settings: { ...SETTINGS, loadState } })
    const good = [{ ...running, snapshot: IDLE }, running, absent('not-found'), absent('masked')]
    expect(render(...good).map((r) => r['problem'])).toEqual(['OFF', 'OFF', 'OFF', 'OFF'])
    const bad = [failed, waiting, { ...running, flapping: true }, absent('bad-setting')]
    expect(render(...bad).map((r) => r['problem'])).toEqual(['ON', 'ON', 'ON', 'ON'])
    expect(render(running, failed).map((r) => r['state'])).toEqual(['active', 'failed'])
  })

  it('show unknown, and neither OK nor a problem, while the state is unknown', () => {
    const [unread, outOfContact] = render(unit, { ...failed, outOfContact: true })
    expect(unread).toMatchObject({ problem: 'None', state: 'unknown' })
    expect(outOfContact).toMatchObject({ problem: 'None', state: 'unknown' })
  })

  it('show the last cause as a readable text', () => {
    const units = [
      ...[running, after('exit-code', 3, null), after('signal', null, 'SIGKILL'), after('core-dump', null, 'SIGSEGV')],
      ...[after('watchdog', null, 'SIGABRT'), after('exit-code', null, null), after('timeout', null, 'SIGKILL')],
    ]
    expect(render(...units).map((r) => r['last_cause'])).toEqual([
      ...['never crashed', 'exit 3', 'SIGKILL', 'SIGSEGV'],
      ...['watchdog', 'exit-code', 'timeout'],
    ])
  })

  it('show counters, and attributes that are always an object', () => {
    const counters = { starts: 5, stops: 1, crashes: 4, restarts: 3, lost: 0 }
    const [counted = {}, crashed = {}] = render({ ...running, counters }, after('signal', null, 'SIGKILL'))
    expect(counted).toMatchObject({ starts: '5', stops: '1', crashes: '4', restarts: '3', lost: '0' })
    expect(JSON.parse(counted['last_cause_attributes'] ?? '')).toEqual({})
    expect(JSON.parse(counted['state_attributes'] ?? '')).toEqual({
      sub_state: 'running',
      since: null,
      missing: null,
      frozen: false,
    })
    expect(JSON.parse(crashed['last_cause_attributes'] ?? '')).toMatchObject({ signal: 'SIGKILL', requested: false })
  })
})

describeUnless(missingPrograms(...MOSQUITTO), 'Home Assistant with a real mosquitto', () => {
  const start = (broker: Mosquitto, homeassistant: boolean, units: string[], speed = 100) =>
    startGateway({ config: { url: broker.url, homeassistant }, units, speed })
  const retainedIds = async (broker: Mosquitto) => {
    const payload = (await broker.retained(TOPIC))[TOPIC]
    return payload === undefined ? [] : Object.keys(JSON.parse(payload).components)
  }

  it('gets the device once per connection, and again each time it starts', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe(TOPIC)
    await using gateway = start(broker, true, ['a.service'])
    await until(() => subscriber.received.length === 1, { what: 'the device' })
    expect(faults(json(subscriber.received[0]))).toEqual([])
    broker.publish('homeassistant/status', 'offline')
    broker.publish('homeassistant/status', 'online')
    await until(() => subscriber.received.length === 2, { what: 'the device again' })
    expect(await retainedIds(broker)).toHaveLength(8)
    await broker.kill()
    await broker.start()
    await connected(gateway)
    await until(() => retainedIds(broker), {
      what: 'the device at a broker that had lost it',
      is: (ids) => ids.length === 8,
    })
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

  it('gets a removed entity with its platform alone, then without it', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe(TOPIC)
    await using gateway = start(broker, true, ['a.service', 'b.service'])
    await until(() => subscriber.received.length === 1, { what: 'the device' })
    gateway.watch('b.service')
    await until(() => subscriber.received.length === 3, { what: 'the change, and the remaining entities' })
    const [, change, rest] = subscriber.received.map((message) => json(message)['components'] as Record<string, object>)
    expect(change).toMatchObject({ 'a.service_problem': { platform: 'binary_sensor' }, 'b.service_state': {} })
    expect(change?.['a.service_crashes']).toEqual({ platform: 'sensor' })
    expect(Object.keys(change ?? {})).toHaveLength(16)
    expect(Object.keys(rest ?? {}).every((id) => id.startsWith('b.service_'))).toBe(true)
  })

  it('loses what an earlier run published: removed units, and everything once discovery is disabled', async () => {
    await using broker = await startMosquitto()
    const first = start(broker, true, ['a.service', 'b.service'])
    await until(() => retainedIds(broker), { what: 'the device', is: (ids) => ids.length === 16 })
    await first.stop()
    await using subscriber = await broker.subscribe(TOPIC)
    const second = start(broker, true, ['b.service'], 0.1)
    await until(() => subscriber.received.length === 3, { what: 'the change, and the remaining entities' })
    expect(json(subscriber.received[1])['components']).toMatchObject({ 'a.service_lost': { platform: 'sensor' } })
    expect(await retainedIds(broker)).toHaveLength(8)
    await second.stop()
    await using _third = start(broker, false, ['b.service'], 0.1)
    await until(() => subscriber.received.at(-1)?.payload === '', { what: 'the end of the device' })
    expect(await retainedIds(broker)).toEqual([])
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
      await until(() => retainedIds(broker), {
        what: `a.service and ${unit}`,
        is: (ids) => ids.length === 16 && ids.includes(`${unit}_state`),
      })
      gateway.crash(unit)
      gateway.observe({ kind: 'unloaded', at: gateway.now(), unit })
    }
  })

  it('gets a hundred units, with a warning if there are more, and loses all of them when disabled', async () => {
    await using broker = await startMosquitto()
    const units = Array.from({ length: 101 }, (_, i) => `wirepas-sink-ttys${i}.service`)
    const many = start(broker, true, units)
    await until(() => retainedIds(broker), { what: 'the device', is: (ids) => ids.length === 800 })
    expect(many.logged).toContain('warning: mqtt: Home Assistant discovery is limited to the first 100 of 101 units')
    await many.stop()
    await using _off = start(broker, false, units, 0.1)
    await until(() => retainedIds(broker), { what: 'the end of the device', is: (ids) => ids.length === 0 })
  })

  it.each([5, 4])(
    'does not get a device that is too large for the broker, but everything else is published (MQTT %i)',
    async (version) => {
      await using broker = await startMosquitto({ config: 'max_packet_size 20000' })
      const refusal = Buffer.from([0x20, 2, 0, 1]) // CONNACK: unacceptable protocol version
      await using link = await startLink(broker.port, (first) => ((first[8] ?? 0) > version ? refusal : null))
      const units = Array.from({ length: 12 }, (_, i) => `u${i}.service`)
      const speed = version === 5 ? 1 : 20 // 3.1.1 has to be tried again, after seconds
      await using gateway = startGateway({ config: { url: link.url, homeassistant: true }, units, speed })
      await until(() => gateway.sink.health(), {
        what: 'the reason while connected',
        is: ({ connected, problem }) =>
          connected &&
          /^the broker refuses homeassistant.*config: (the message is larger|it ends the connection)/.test(
            problem ?? '',
          ),
      })
      gateway.fail('u1.service', 5)
      await drained(gateway)
      expect(gateway.sink.health().reconnects).toBe(version === 5 ? 0 : 5)
    },
  )

  it("keeps another program's device", async () => {
    await using broker = await startMosquitto()
    broker.publish(TOPIC, '{"origin":{"name":"other"},"components":{"x":{"platform":"sensor"}}}', '-r')
    await using _gateway = start(broker, false, ['a.service'], 0.1)
    await until(() => broker.log().includes(`Received UNSUBSCRIBE`), { what: 'the end of its subscription' })
    expect(await retainedIds(broker)).toEqual(['x'])
  })
})
