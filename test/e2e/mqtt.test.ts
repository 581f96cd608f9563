// Crashes on a real broker: each is published once with its signal, also when the agent is killed in between.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { brokerConfig } from '../mqtt/broker-config.ts'
import {
  BINARY,
  type Gatewatch,
  gatewatch,
  removeDirectory,
  startGatewatch,
  temporaryDirectory,
} from '../rig/gatewatch.ts'
import { MOSQUITTO, type Mosquitto, type Subscriber, startMosquitto } from '../rig/mosquitto.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const KILLS = 100
// More than 120 ends of a unit per minute would be published as a summary, so each test kills its own units.
const FIRST = ['k1.service', 'k2.service', 'k3.service'] as const
const SECOND = ['k4.service', 'k5.service', 'k6.service'] as const
const UNITS = [...FIRST, ...SECOND]

interface PublishedEvent {
  readonly id: string
  readonly seq: number
  readonly event: string
  readonly service: string
  readonly signal: string | null
  readonly source: string
}

describeUnless(noSystemd() ?? missingPrograms(...MOSQUITTO), 'crashes on the broker', () => {
  let systemd: Systemd
  let broker: Mosquitto
  let directory: string
  const agents: Gatewatch[] = []
  const loadedModules = () => join(directory, 'modules.txt')
  const start = async (url = broker.url, thinEdge = false) => {
    const agent = await startGatewatch({
      env: { GATEWATCH_MQTT_THINEDGE: `${thinEdge}`, LOADED_MODULES: loadedModules() },
      busAddress: systemd.busAddress,
      services: UNITS,
      directory,
      args: ['--mqtt', url, '--gateway-id', 'gw-7'],
      nodeArgs: ['--require', join(import.meta.dirname, '../rig/loaded-modules.cjs')],
    })
    agents.push(agent)
    return agent
  }
  const kill = async (unit: string, times: number) => {
    const next = `while :; do pid=$(systemctl show -P MainPID ${unit}); [ "$pid" != 0 ] && [ "$pid" != "$last" ] && break; done`
    const { code } = await systemd.exec(
      'bash',
      '-c',
      `last=; for i in $(seq ${times}); do ${next}; kill -9 $pid; last=$pid; done; ${next}`,
    )
    expect(code).toBe(0)
  }
  const eventsOf = (subscriber: Subscriber): PublishedEvent[] =>
    subscriber.received
      .filter(({ topic }) => topic.includes('/event/'))
      .map(({ payload }) => JSON.parse(payload) as PublishedEvent)
  /** The number of each crash that thin-edge.io gets, with its unit. */
  const servicesOf = (subscriber: Subscriber): string[] =>
    subscriber.received
      .filter(({ topic }) => topic.endsWith('/e/crash'))
      .map(({ payload }) => payload.replace(/^.*"(k\d)\.service crashed: .*\(crash (\d+)\).*$/, '$1 $2'))
  const unique = (events: readonly PublishedEvent[]) => [...new Map(events.map((event) => [event.id, event])).values()]

  beforeAll(async () => {
    systemd = await startSystemd()
    for (const unit of UNITS) {
      const text =
        '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\nRestartSec=10ms\n'
      systemd.writeUnit(unit, text)
    }
    await systemd.daemonReload()
    for (const unit of UNITS) await systemd.start(unit)
    broker = await startMosquitto()
    directory = temporaryDirectory()
  })
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.end('SIGKILL')
  })
  afterAll(async () => {
    await broker[Symbol.asyncDispose]()
    await systemd.stop()
    removeDirectory(directory)
  })

  test('an ACL that grants nothing is shown by status, /-/ready and the metrics', async () => {
    await using strict = await startMosquitto({ config: brokerConfig('no-rights') })
    const agent = await start(strict.url)
    await until(() => agent.metric('gatewatch_mqtt_refused_total{kind="state"}'), { what: 'the refused states' })
    const refusal = 'the broker refuses gatewatch/gw-7/availability: Not authorized; it also refuses: state'
    const status = gatewatch('status', '--socket', agent.socket).stdout
    expect(status.split('\n', 1)[0]).not.toMatch(/: OK$/)
    expect(status).toContain(`mqtt: ${refusal}`)
    const ready = await agent.get('/-/ready')
    expect([ready.status, ready.body.includes(refusal)]).toEqual([200, true])
    expect(await agent.metric('gatewatch_health{check="mqtt"}')).toBe(0)
    expect(await agent.metric('gatewatch_mqtt_refused_total{kind="agent"}')).toBeGreaterThan(0)
    expect(await agent.getJson('/api/v1/status')).toMatchObject({
      mqtt: { connected: true, refused: { discovery: 0 } },
    })
  })

  test('300 kills are 300 crash events, without duplicates or gaps', { timeout: 120_000 }, async () => {
    await using subscriber = await broker.subscribe('gatewatch/gw-7/#')
    await using services = await broker.subscribe('te/device/main/service/#')
    const agent = await start(broker.url, true)
    await Promise.all(FIRST.map((unit) => kill(unit, KILLS)))
    const crashes = () => eventsOf(subscriber).filter((event) => event.event === 'crash')
    await until(crashes, {
      what: '300 crashes at the subscriber',
      is: (list) => list.length >= 3 * KILLS,
      timeoutMs: 30_000,
    })
    expect(crashes()).toHaveLength(3 * KILLS)
    expect(new Set(crashes().map((event) => event.id)).size).toBe(3 * KILLS)
    expect(crashes().every((event) => event.signal === 'SIGKILL')).toBe(true)
    const seqs = eventsOf(subscriber).map((event) => event.seq)
    expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i))
    expect(subscriber.received.find(({ topic }) => topic.endsWith('/availability'))?.payload).toBe('online')
    // a state follows within 0.3 s
    const topic = 'gatewatch/gw-7/unit/k1.service/state'
    const state = await until(async () => JSON.parse((await broker.retained(topic))[topic] ?? '{}'), {
      what: 'the newest state',
      is: ({ counters, active_state }) => counters?.starts === KILLS + 1 && active_state === 'active',
    })
    expect(state).toMatchObject({ counters: { crashes: KILLS, starts: KILLS + 1 } })
    await until(() => servicesOf(services).length, { what: '300 crashes at thin-edge.io', is: (n) => n >= 3 * KILLS })
    expect(new Set(servicesOf(services)).size).toBe(servicesOf(services).length)
    const healthTopic = 'te/device/main/service/k1/status/health'
    const health = async () => JSON.parse((await broker.retained(healthTopic))[healthTopic] ?? '{}')
    const pid = Number((await systemd.systemctl('show', '-P', 'MainPID', 'k1.service')).stdout)
    await until(health, { what: `k1 to be up, PID ${pid}`, is: (now) => now.status === 'up' && now.pid === pid })
    expect(await agent.end()).toBe(0)
    if (BINARY.endsWith('.cjs')) {
      const loaded = readFileSync(loadedModules(), 'utf8')
      expect(loaded).toMatch(/^NativeModule http$/m)
      expect(loaded, 'what costs memory and start-up time').not.toMatch(/^NativeModule (crypto|https|tls|zlib)$/m)
    }
    expect(await health()).toMatchObject({ status: 'unknown' })
    expect((await broker.retained('gatewatch/gw-7/availability'))['gatewatch/gw-7/availability']).toBe('offline')
  })

  test('when the agent is killed in between, ids stay unique and no observed crash is missing', {
    timeout: 120_000,
  }, async () => {
    await using subscriber = await broker.subscribe('gatewatch/gw-7/#')
    await using services = await broker.subscribe('te/device/main/service/#')
    let agent = await start(broker.url, true)
    const killing = Promise.all(SECOND.map((unit) => kill(unit, KILLS)))
    for (let round = 1; round <= 3; round++) {
      await until(() => eventsOf(subscriber).length, {
        what: 'events',
        is: (length) => length > round * 60,
        timeoutMs: 30_000,
      })
      await agent.end('SIGKILL')
      agent = await start(broker.url, true)
    }
    await killing
    const counted = async () =>
      ((await agent.getJson('/api/v1/units')) as { units: { counters: { crashes: number } }[] }).units
    await until(counted, {
      what: 'all crashes to be counted',
      is: (units) => units.every((unit) => unit.counters.crashes === KILLS),
    })
    const crashes = () => unique(eventsOf(subscriber)).filter((event) => event.event === 'crash')
    await until(crashes, {
      what: '300 crashes at the subscriber',
      is: (list) => list.length >= 3 * KILLS,
      timeoutMs: 30_000,
    })
    expect(crashes()).toHaveLength(3 * KILLS)
    const ofServices = () => new Set(servicesOf(services))
    await until(() => ofServices().size, { what: '300 crashes at thin-edge.io', is: (n) => n >= 3 * KILLS })
    const byId = new Map<string, string>()
    for (const { id, event, service, signal } of eventsOf(subscriber)) {
      const what = `${event} ${service} ${signal}`
      expect(byId.get(id) ?? what).toBe(what)
      byId.set(id, what)
    }
    expect(
      crashes()
        .filter((event) => event.source === 'signal')
        .every((event) => event.signal === 'SIGKILL'),
    ).toBe(true)
    expect(await agent.end()).toBe(0)
  })
})
