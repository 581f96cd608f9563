// The sink with a real mosquitto: what is published when, and what is retained.
import { isDeepStrictEqual } from 'node:util'
import { expect, it } from 'vitest'
import { IDLE, SETTINGS } from '../core/step-driver.ts'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { BUS_CONNECTED, IDENTITY, startGateway } from './gateway.ts'
import { connected, json, seqsOf } from './received.ts'

const UNIT = 'mosquitto.service'

describeUnless(missingPrograms(...MOSQUITTO), 'MQTT with a real mosquitto', () => {
  it('publishes birth, agent status and every state, all retained', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    await using gateway = startGateway({
      config: { url: broker.url },
      units: [UNIT, 'sink@tty-1.service', 'a\\x2db.service'],
    })
    await connected(gateway)
    await until(() => subscriber.received.length >= 5, { what: 'all states' })
    expect(subscriber.received.map(({ topic }) => topic)).toEqual([
      'gatewatch/gw-7/availability',
      'gatewatch/gw-7/agent',
      'gatewatch/gw-7/unit/mosquitto.service/state',
      'gatewatch/gw-7/unit/sink@tty-1.service/state',
      'gatewatch/gw-7/unit/a\\x2db.service/state',
    ])
    expect(subscriber.received[0]?.payload).toBe('online')

    const retained = await broker.retained('gatewatch/#')
    expect(Object.keys(retained)).toHaveLength(5)
    expect(JSON.parse(retained['gatewatch/gw-7/unit/mosquitto.service/state'] ?? '')).toMatchObject({
      schema: 1,
      gateway_id: 'gw-7',
      service: UNIT,
      active_state: 'inactive',
      counters: { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 },
      last_crash: null,
    })
    const agent = JSON.parse(retained['gatewatch/gw-7/agent'] ?? '')
    expect(agent).toMatchObject({
      version: '0.1.0',
      boot_id: 'boot-1',
      stream: IDENTITY.stream,
      started_at: '2023-11-14T22:13:20.000Z',
      flash: { commits: 3 },
    })
    expect(subscriber.received[0]?.userProperties).toContain(agent.session)
    expect(gateway.logged).toEqual([`info: mqtt: connected to ${broker.url}`])
  })

  it.each([
    [1, true],
    [0, false],
  ])('at QoS %i, whether the time to each acknowledgement is measured: %s', async (qos, measured) => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/gw-7/event/#')
    await using gateway = startGateway({ config: { url: broker.url, qos }, units: [UNIT] })
    await connected(gateway)
    gateway.fail(UNIT, 5)
    await until(() => seqsOf(subscriber).length >= gateway.events.length && gateway.sink.health().queued === 0, {
      what: 'all events',
    })
    const { publishSeconds, published } = gateway.sink.health()
    expect(publishSeconds?.count).toBe(measured ? published : undefined)
    if (publishSeconds === null) return
    expect(publishSeconds.bounds).toHaveLength(5)
    expect(publishSeconds.sum).toBeGreaterThan(0)
    expect(publishSeconds.sum).toBeLessThan(5 * published * 20) // the clock of this gateway runs 20 times as fast
  })

  it('publishes events in order, each once, and the newest states', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT] })
    await connected(gateway)
    gateway.fail(UNIT, 50)
    await until(() => seqsOf(subscriber).length >= gateway.events.length, { what: 'all events' })
    expect(seqsOf(subscriber)).toEqual(gateway.events.map((e) => e.seq))
    const crash = subscriber.received.find(({ topic }) => topic === 'gatewatch/gw-7/event/crash')
    expect(json(crash)).toMatchObject({
      id: '00112233aabbccdd-2',
      event: 'crash',
      service: UNIT,
      signal: 'SIGKILL',
      replayed: false,
    })
    expect(crash?.retain).toBe(false)
    await until(() => gateway.acknowledged.at(-1), {
      what: 'the acknowledgement',
      is: (seq) => seq === gateway.state().seq,
    })
    await until(
      async () => {
        const retained = await broker.retained('gatewatch/gw-7/unit/+/state')
        return JSON.parse(Object.values(retained)[0] ?? '{}')
      },
      { what: 'the last state', is: (state) => state.counters?.crashes === 50 && state.active_state === 'failed' },
    )
  })

  it('publishes offline itself when it is stopped, and the newest states before that', async () => {
    await using broker = await startMosquitto()
    const gateway = startGateway({ config: { url: broker.url }, units: [UNIT], speed: 1 })
    await connected(gateway)
    await using subscriber = await broker.subscribe('gatewatch/gw-7/availability')
    const begun = performance.now()
    gateway.start(UNIT)
    await gateway.stop()
    expect(performance.now() - begun).toBeLessThan(10_000)
    await until(() => subscriber.received.length >= 2, { what: 'offline' })
    expect(subscriber.received.map(({ payload }) => payload)).toEqual(['online', 'offline'])
    expect((await broker.retained('gatewatch/gw-7/availability'))['gatewatch/gw-7/availability']).toBe('offline')
    expect(gateway.sink.health().queued).toBe(0)
    const topic = `gatewatch/gw-7/unit/${UNIT}/state`
    expect(JSON.parse((await broker.retained(topic))[topic] ?? '{}')).toMatchObject({ active_state: 'active' })
  })

  it('clears the topic of a unit that is no longer watched, one of an earlier run too', async () => {
    await using broker = await startMosquitto()
    broker.publish('gatewatch/gw-7/unit/former.service/state', '{}', '-r')
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT, 'other.service'] })
    await connected(gateway)
    await until(() => broker.retained('gatewatch/gw-7/unit/+/state'), {
      what: 'only the watched ones',
      is: (retained) => Object.keys(retained).length === 2 && !('gatewatch/gw-7/unit/former.service/state' in retained),
    })
    gateway.watch(UNIT)
    await until(() => broker.retained('gatewatch/gw-7/unit/+/state'), {
      what: 'only one',
      is: (retained) => Object.keys(retained).join() === 'gatewatch/gw-7/unit/mosquitto.service/state',
    })
  })

  it('publishes that contact to systemd is lost, in its status and as unknown states; it remains online', async () => {
    await using broker = await startMosquitto()
    let bus = BUS_CONNECTED
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT], bus: () => bus })
    gateway.start(UNIT)
    await connected(gateway)
    const now = () => ({ monoMs: performance.now(), wallMs: Date.now() })
    const retained = (what: string, expected: Record<string, unknown>) =>
      until(
        async () => JSON.parse((await broker.retained(`gatewatch/gw-7/${what}`))[`gatewatch/gw-7/${what}`] ?? '{}'),
        {
          what: JSON.stringify(expected),
          is: (payload) => Object.entries(expected).every(([key, value]) => isDeepStrictEqual(payload[key], value)),
        },
      )
    await retained('agent', { bus: { connected: true, problem: null } })

    bus = { ...BUS_CONNECTED, connected: false, problem: 'the bus closed the connection' }
    gateway.observe({ kind: 'gap', at: now() })
    await retained('agent', { bus: { connected: false, problem: 'the bus closed the connection' } })
    await retained('unit/mosquitto.service/state', { active_state: 'active', running: true })
    gateway.observe({ kind: 'contact-lost', at: now() })
    const unknown = { active_state: 'unknown', running: null, gave_up: null, flapping: null, load_state: null }
    await retained('unit/mosquitto.service/state', unknown)
    expect(await broker.retained('gatewatch/gw-7/availability')).toEqual({ 'gatewatch/gw-7/availability': 'online' })

    gateway.observe({ kind: 'read', at: now(), unit: UNIT, snapshot: IDLE, settings: SETTINGS })
    bus = BUS_CONNECTED
    await retained('agent', { bus: { connected: true, problem: null } })
    await retained('unit/mosquitto.service/state', { active_state: 'inactive', running: false, load_state: 'loaded' })
  })

  it('publishes its status again only when something changed', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/gw-7/agent')
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT], statsEveryMs: () => 1000 })
    await connected(gateway)
    await new Promise((resolve) => setTimeout(resolve, 400))
    const quiet = subscriber.received.length
    gateway.start(UNIT)
    const isPublished = (agent: Record<string, unknown>) =>
      JSON.stringify(agent['queue']).includes('"events_published":1')
    await until(() => json(subscriber.received.at(-1)), { what: 'the status with one more event', is: isPublished })
    expect(quiet).toBeLessThanOrEqual(2)
    expect(json(subscriber.received.at(-1))).toMatchObject({ queue: { acknowledged_seq: 1, queued: 0 } })
  })
})
