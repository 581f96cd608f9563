// thin-edge.io with a real mosquitto: what its mapper receives of the watched units, and what remains at the broker.
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { IDLE } from '../../core/step-driver.ts'
import { MOSQUITTO, type Mosquitto, type Subscriber, startMosquitto } from '../../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../../rig/unavailable.ts'
import { until } from '../../rig/until.ts'
import { type Gateway, IDENTITY, STREAM, startGateway } from '../gateway.ts'
import { startLink } from '../link.ts'
import { connected, drained, json } from '../received.ts'
import { faults } from '../thinedge-schema.ts'

const ROOT = 'te/device/main/service'
const UNIT = 'mosquitto.service'

const start = (broker: Mosquitto, units: readonly string[], more: Partial<Parameters<typeof startGateway>[0]> = {}) =>
  startGateway({ units, ...more, config: { url: broker.url, thinedge: true, ...more.config } })

/** The retained messages of the services, by the end of their topics. */
async function services(broker: Mosquitto): Promise<Record<string, string>> {
  const retained = Object.entries(await broker.retained('te/#'))
  return Object.fromEntries(retained.map(([topic, payload]) => [topic.slice(ROOT.length + 1), payload]))
}

async function statusIs(broker: Mosquitto, service: string, status: string): Promise<void> {
  await until(async () => JSON.parse((await services(broker))[`${service}/status/health`] ?? '{}'), {
    what: `${service} to be ${status}`,
    is: (health) => health.status === status,
  })
}

const topicsOf = (subscriber: Subscriber) =>
  subscriber.received.map(({ topic, payload }) => `${topic.slice(ROOT.length + 1)}${payload === '' ? ' removed' : ''}`)

/** What the two main entities of the unit show for a state, rendered by Python's Jinja as in Home Assistant. */
function homeAssistantShows(devices: readonly string[], state: unknown): Record<string, string> {
  const templates: Record<string, string> = {}
  for (const device of devices) {
    const { components, cmps = components } = JSON.parse(device) as Record<string, Record<string, Entity>>
    for (const [id, { value_template, val_tpl = value_template }] of Object.entries(cmps ?? {})) {
      const [name = ''] = /(?:problem|state)$/.exec(id) ?? []
      if (name !== '' && val_tpl !== undefined) templates[name] = val_tpl
    }
  }
  const program =
    'import json, sys, jinja2.sandbox as s; t, v = json.load(sys.stdin); e = s.ImmutableSandboxedEnvironment(); ' +
    'print(json.dumps({k: e.from_string(x).render(value_json=v) for k, x in t.items()}))'
  const input = JSON.stringify([templates, state])
  return JSON.parse(execFileSync(PYTHON, ['-c', program], { input, encoding: 'utf8' }))
}

interface Entity {
  readonly value_template?: string
  /** The abbreviated key. */
  readonly val_tpl?: string
}

/** Debian's own Python: only that one has the package. */
const PYTHON = '/usr/bin/python3'
const noJinja = () => (spawnSync(PYTHON, ['-c', 'import jinja2']).status === 0 ? null : 'not installed: python3-jinja2')

function run(gateway: Gateway, unit: string, mainPid: number): void {
  const snapshot = {
    ...IDLE,
    activeState: 'active',
    subState: 'running',
    mainPid,
    changedAtMonoMs: gateway.now().monoMs,
  }
  gateway.observe({
    kind: 'signal',
    at: gateway.now(),
    unit,
    snapshot: { ...snapshot, invocationId: mainPid.toString(16).padStart(32, '0') },
  })
}

describeUnless(missingPrograms(...MOSQUITTO), 'thin-edge.io with a real mosquitto', () => {
  it('receives each watched unit as a service with its health, except its own units, by its schema', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('te/#')
    await using gateway = start(broker, [UNIT, 'backup.timer', 'tedge-agent.service'])
    run(gateway, UNIT, 812)
    const retained = ['backup.timer', 'backup.timer/status/health', 'mosquitto', 'mosquitto/status/health']
    await until(() => services(broker), {
      what: 'two services',
      is: (all) => `${Object.keys(all).sort()}` === `${retained}`,
    })
    const all = await services(broker)
    expect(JSON.parse(all['mosquitto/status/health'] ?? '')).toMatchObject({ status: 'up', pid: 812 })
    expect(JSON.parse(all['backup.timer/status/health'] ?? '')).toMatchObject({ status: 'down' })
    expect(all['mosquitto']).toBe('{"@type":"service","name":"mosquitto","type":"service"}')

    gateway.crash(UNIT)
    await statusIs(broker, 'mosquitto', 'down')
    gateway.fail(UNIT, 5)
    await until(() => services(broker), { what: 'the alarm', is: (now) => 'mosquitto/a/flapping' in now })
    gateway.watch('backup.timer')
    const rest = ['backup.timer', 'backup.timer/status/health']
    await until(() => services(broker), {
      what: 'one service',
      is: (now) => `${Object.keys(now).sort()}` === `${rest}`,
    })
    expect(
      topicsOf(subscriber)
        .filter((topic) => topic.endsWith(' removed'))
        .slice(-2),
    ).toEqual(['mosquitto/status/health removed', 'mosquitto removed'])
    const wrong = subscriber.received.flatMap((message) => {
      // the broker shows the retain flag only to later subscribers
      const retain = !message.topic.includes('/e/')
      return faults({ ...message, retain }).map((fault) => `${message.topic}: ${fault}`)
    })
    expect(wrong).toEqual([])
  })

  it('receives an alarm while systemd has given up a unit or it flaps, and its end', async () => {
    await using broker = await startMosquitto()
    await using gateway = start(broker, [UNIT])
    const alarms = async () => Object.keys(await services(broker)).filter((topic) => topic.includes('/a/'))
    await statusIs(broker, 'mosquitto', 'down')
    gateway.fail(UNIT, 1)
    await until(alarms, { what: 'gave_up', is: (all) => `${all}` === 'mosquitto/a/gave_up' })
    gateway.fail(UNIT, 5)
    await until(alarms, { what: 'both', is: (all) => all.length === 2 })
    gateway.start(UNIT)
    await until(alarms, { what: 'flapping alone', is: (all) => `${all}` === 'mosquitto/a/flapping' })
    gateway.observe({ kind: 'tick', at: { ...gateway.now(), monoMs: gateway.now().monoMs + 400_000 } })
    await until(alarms, { what: 'no alarm', is: (all) => all.length === 0 })
  })

  it('receives the crash of the broker itself once, and the end of an alarm that ended while the broker was down', async () => {
    await using broker = await startMosquitto({ stopped: true })
    broker.configure(`persistence true\npersistence_location ${broker.directory}/`)
    await broker.start()
    await using link = await startLink(broker.port)
    await using gateway = start(broker, [UNIT], { config: { url: link.url } })
    await statusIs(broker, 'mosquitto', 'down')
    gateway.fail(UNIT, 1)
    await until(() => services(broker), { what: 'the alarm', is: (all) => 'mosquitto/a/gave_up' in all })
    await drained(gateway)
    await link.close()
    await broker.terminate()
    gateway.start(UNIT)
    gateway.crash(UNIT)
    gateway.start(UNIT)
    const [crash] = gateway.events.filter(({ kind }) => kind === 'crash').slice(-1)
    await broker.start()
    await using subscriber = await broker.subscribe('#')
    await link.open() // no earlier, so that the subscriber misses nothing
    await until(() => subscriber.received.filter(({ topic }) => topic.includes('/e/crash')).length, {
      what: 'the crash',
      is: (count) => count >= 1,
    })
    await drained(gateway)
    await statusIs(broker, 'mosquitto', 'up')
    expect(await services(broker)).not.toHaveProperty('mosquitto/a/gave_up')
    const live = subscriber.received.filter(({ topic, retain }) => topic.endsWith('/crash') && !retain)
    expect(live.map(({ topic }) => topic)).toEqual([`${ROOT}/mosquitto/e/crash`, 'gatewatch/gw-7/event/crash'])
    expect(json(live[0])).toEqual({
      text: `${UNIT} crashed: SIGKILL, will not restart (crash 2)`,
      time: new Date(crash?.atMs ?? 0).toISOString(),
    })
    expect(json(live[1])).toMatchObject({ seq: crash?.seq, replayed: true })
  })

  it('loses what an earlier run published of units that are no longer watched, and nothing else', async () => {
    await using broker = await startMosquitto()
    const first = start(broker, [UNIT, 'former.service'])
    first.fail('former.service', 1)
    await until(() => services(broker), { what: 'both', is: (all) => 'former/a/gave_up' in all && 'mosquitto' in all })
    await first.stop()
    const others = {
      'nodered/status/health': '{"pid":7,"status":"up"}',
      nodered: '{"@type":"service"}',
      'nodered/a/flapping': '{"text":"its own","severity":"minor"}',
      'sibling/status/health': '{"status":"up","gatewatch":"ffffffffffffffff"}',
      'mosquitto-c8y-bridge/status/health': '1',
    }
    for (const [topic, payload] of Object.entries(others)) broker.publish(`${ROOT}/${topic}`, payload, '-r')
    await using second = start(broker, [UNIT, 'nodered.service'], { identity: { ...IDENTITY, gatewayId: 'gw-8' } })
    second.fail('nodered.service', 1)
    await until(() => services(broker), {
      what: 'the end of the former service',
      is: (all) => !Object.keys(all).some((topic) => topic.startsWith('former')),
    })
    await statusIs(broker, 'mosquitto', 'down')
    expect(await services(broker)).toMatchObject(others)
    expect(Object.keys(await services(broker))).toHaveLength(2 + Object.keys(others).length)
    expect(second.logged).toContain(
      'warning: mqtt: not published to thin-edge.io, because another program publishes their health: nodered',
    )
  })

  it('loses everything of ours once it is disabled', async () => {
    await using broker = await startMosquitto()
    const first = start(broker, [UNIT, 'a.service'])
    first.fail(UNIT, 1)
    await until(() => services(broker), { what: 'both', is: (all) => Object.keys(all).length === 5 })
    await first.stop()
    await using subscriber = await broker.subscribe('te/#')
    await using second = start(broker, [UNIT, 'a.service'], { config: { url: broker.url, thinedge: false } })
    await until(() => services(broker), { what: 'nothing', is: (all) => Object.keys(all).length === 0 })
    second.fail(UNIT, 1)
    await drained(second)
    expect(topicsOf(subscriber).filter((topic) => !topic.endsWith(' removed'))).toHaveLength(5) // as retained before
  })

  it('receives every health as unknown when the agent stops', async () => {
    await using broker = await startMosquitto()
    const gateway = start(broker, [UNIT])
    run(gateway, UNIT, 812)
    await statusIs(broker, 'mosquitto', 'up')
    await gateway.stop()
    expect(JSON.parse((await services(broker))['mosquitto/status/health'] ?? '')).toEqual({
      status: 'unknown',
      gatewatch: STREAM,
    })
    expect(await services(broker)).toHaveProperty('mosquitto')
  })

  it('is a problem if the ACL refuses it; then the events are published once, and its own where those are refused', async () => {
    await using broker = await startMosquitto({ stopped: true })
    const acl = `${broker.directory}/acl`
    writeFileSync(acl, 'topic readwrite gatewatch/#\n')
    broker.configure(`acl_file ${acl}`)
    await broker.start()
    await using subscriber = await broker.subscribe('gatewatch/gw-7/event/#')
    await using gateway = start(broker, [UNIT], { statsEveryMs: () => 1000 })
    await connected(gateway)
    gateway.fail(UNIT, 1)
    const isRefused = (text: string | null) => text?.startsWith(`the broker refuses ${ROOT}/mosquitto`) ?? false
    await until(() => gateway.sink.health().problem, { what: 'the problem', is: isRefused })
    await drained(gateway)
    await new Promise((resolve) => setTimeout(resolve, 300)) // several retries
    expect(subscriber.received.map(({ topic }) => topic.split('/').at(-1))).toEqual(['start', 'crash', 'gave_up'])

    writeFileSync(acl, 'topic readwrite te/#\n')
    broker.reload()
    await using services = await broker.subscribe('te/#')
    const registered = () => services.received.some(({ topic }) => topic === `${ROOT}/mosquitto`)
    await until(registered, { what: 'the registration that had been refused' })
    gateway.fail(UNIT, 1)
    const crashes = () => services.received.filter(({ topic }) => topic.endsWith('/e/crash')).length
    await until(crashes, { what: 'the crash', is: (count) => count > 0 })
    await until(() => gateway.sink.health().dropped.refused, { what: 'refused events', is: (count) => count === 3 })
    expect(crashes()).toBe(1)
    expect(gateway.sink.health().refused.thinedge).toBeGreaterThan(2)
  })
})

describeUnless(missingPrograms(...MOSQUITTO) ?? noJinja(), 'while the bus is unavailable', () => {
  it('the state topic, Home Assistant and thin-edge.io all show a unit as unknown', async () => {
    await using broker = await startMosquitto()
    await using gateway = start(broker, [UNIT], { config: { url: broker.url, homeassistant: true } })
    gateway.fail(UNIT, 5)
    run(gateway, UNIT, 812)
    await statusIs(broker, 'mosquitto', 'up')
    gateway.observe({ kind: 'contact-lost', at: gateway.now() })
    await statusIs(broker, 'mosquitto', 'unknown')
    const stateTopic = `gatewatch/gw-7/unit/${UNIT}/state`
    const state = await until(async () => JSON.parse((await broker.retained(stateTopic))[stateTopic] ?? '{}'), {
      what: 'the unknown state',
      is: (payload) => payload.active_state === 'unknown',
    })
    expect(state).toMatchObject({ sub_state: null, since: null, running: null, flapping: null, gave_up: null })
    const all = await services(broker)
    expect(JSON.parse(all['mosquitto/status/health'] ?? '')).toEqual({ status: 'unknown', gatewatch: STREAM })
    expect(all).toHaveProperty('mosquitto/a/flapping') // neither raised nor over
    const devices = await until(() => broker.retained('homeassistant/device/+/config'), {
      what: 'the device in Home Assistant',
      is: (messages) => Object.keys(messages).length > 0,
    })
    // `None` is the payload for which Home Assistant shows an entity as unknown
    expect(homeAssistantShows(Object.values(devices), state)).toEqual({ problem: 'None', state: 'None' })

    run(gateway, UNIT, 813)
    await statusIs(broker, 'mosquitto', 'up')
  })
})
