// Brokers with limits and ACLs (test/mqtt/brokers): a message that the broker does not accept must not stop the others, and
// what it refuses is shown as far as it can be known.
import { expect, it } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import type { MqttHealth } from '../../src/ports.ts'
import { at } from '../core/step-driver.ts'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { brokerConfig } from './broker-config.ts'
import { crashed, started } from './event.ts'
import { type Gateway, type GatewayOptions, startGateway } from './gateway.ts'
import { startLink } from './link.ts'
import { drained, eventsOf } from './received.ts'

const UNIT = 'a.service'
const CONNECT_VERSION_AT = 8 // after the fixed header and the name "MQTT" (MQTT 3.1.1, 3.1.2.2)
const WITHOUT_MQTT5 = Buffer.from([0x20, 2, 0, 1])

/** The real mosquitto, which speaks both versions, with one of the files in `brokers`; `version`: the one it accepts. */
async function startLimited(file: string, version: 4 | 5, options: Partial<GatewayOptions> = {}) {
  const broker = await startMosquitto({ config: brokerConfig(file) })
  const subscriber = await broker.subscribe('gatewatch/#')
  const link = await startLink(broker.port, (first) =>
    version === 4 && first[CONNECT_VERSION_AT] === 5 ? WITHOUT_MQTT5 : null,
  )
  const gateway = startGateway({
    units: [UNIT],
    statsEveryMs: () => 2000,
    speed: 1, // the time within which a connection must end is a real one on a busy machine, too
    ...options,
    config: { settle: 0, ...options.config, url: link.url },
  })
  // Or it was: a broker may end each connection at once.
  await until(() => gateway.sink.health(), {
    what: 'a connection',
    is: ({ connected, reconnects }) => connected || reconnects > 0,
  })
  return {
    broker,
    subscriber,
    gateway,
    link,
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await link.close()
      await broker[Symbol.asyncDispose]()
    },
  }
}

/** Waits without the back-off between connections. */
function withoutBackoff(gateway: Gateway, what: string, is: (health: MqttHealth) => boolean): Promise<MqttHealth> {
  const read = () => {
    gateway.sink.brokerIsUp()
    return gateway.sink.health()
  }
  return until(read, { what, is })
}

const isDrained = ({ connected: isConnected, queued }: MqttHealth) => isConnected && queued === 0

/** The journal lines of a crash make its event large. */
const LOG = Array.from({ length: 70 }, (_, i) => `line ${i} ${'.'.repeat(90)}`)

function publish(gateway: Gateway, ...events: Event[]): void {
  const state = gateway.state()
  for (const event of events) gateway.sink.accept({ before: state, after: state, events: [event], at: at(event.seq) })
}

describeUnless(missingPrograms(...MOSQUITTO), 'brokers with limits', () => {
  it.each([
    // broker, version, mqtt.max_message_bytes, how the crash arrives, connections after the first one
    ['message-size-limit', 5, null, 'without log', 0],
    ['message-size-limit', 4, null, 'not at all', 0],
    ['message-size-limit', 4, 4096, 'without log', 0],
    ['max-packet-size', 5, null, 'without log', 0],
    ['max-packet-size', 4, null, 'without log', 5],
    ['max-packet-size', 4, 4000, 'without log', 0],
    ['small-queues', 5, null, 'whole', 0],
    ['small-queues', 4, null, 'whole', 0],
  ] as const)(
    '%s, MQTT version %i, max_message_bytes %s: a crash of 7 KB arrives %s, the events after it arrive, and the connection ends %i times',
    async (...row) => {
      const [file, version, max_message_bytes, outcome, reconnects] = row
      await using limited = await startLimited(file, version, { config: { url: '', max_message_bytes } })
      const { gateway, subscriber } = limited
      publish(gateway, started(1), { ...crashed(2), log: LOG }, started(3), crashed(4))
      await withoutBackoff(gateway, 'an empty queue', isDrained)
      const shown = ({ seq, log }: Record<string, unknown>) => `${seq}${log === undefined ? '' : ' with log'}`
      const received = () => [...new Set(eventsOf(subscriber).map(shown))].toSorted()
      const crash = { 'without log': ['2'], 'not at all': [], whole: ['2 with log'] }[outcome]
      await until(received, { what: 'the events', is: (all) => all.length >= 3 + crash.length })
      expect(received()).toEqual(['1', ...crash, '3', '4'])
      // in flight when the first two connections ended, and alone after that
      expect(eventsOf(subscriber).length - received().length).toBeLessThanOrEqual(reconnects === 0 ? 0 : 2)
      expect(gateway.sink.health()).toMatchObject({ reconnects, dropped: { too_large: 0, refused: 0 }, problem: null })

      // the next ones cost no connection
      publish(gateway, { ...crashed(5), log: LOG }, { ...crashed(6), log: LOG.slice(0, 60) }, started(7))
      await drained(gateway)
      await until(received, { what: 'the last event', is: (all) => all.includes('7') })
      expect(gateway.sink.health()).toMatchObject({ reconnects, dropped: { too_large: 0, refused: 0 } })
    },
  )

  it('does not take a message for the reason while the watched broker is restarted each time', async () => {
    const units = ['mosquitto.service']
    await using limited = await startLimited('max-packet-size', 4, { units })
    const { gateway } = limited
    publish(gateway, { ...crashed(1), log: LOG })
    for (let restart = 1; restart <= 6; restart++) {
      await until(() => !gateway.sink.health().connected, { what: `end ${restart}`, everyMs: 5 })
      gateway.crash('mosquitto.service')
      gateway.start('mosquitto.service') // the agent connects at once
      await until(() => gateway.sink.health().reconnects, { what: 'a connection', is: (n) => n >= restart, everyMs: 5 })
    }
    expect(gateway.sink.health()).toMatchObject({ eventsPublished: 0, refused: { event: 0 } })
  })

  it('ends at most a dozen connections, however many messages the broker does not accept, and availability does not flap', async () => {
    await using limited = await startLimited('tiny-packets', 4, { units: ['a.service', 'b.service', 'c.service'] })
    const { gateway, subscriber } = limited
    publish(gateway, started(1), crashed(2))
    const isOver = ({ connected: isConnected, dropped }: MqttHealth) =>
      isConnected && dropped.too_large + dropped.refused === 2
    await withoutBackoff(gateway, 'the end of the search', isOver)
    const availability = () =>
      subscriber.received.filter(({ topic }) => topic.endsWith('/availability')).map(({ payload }) => payload)
    await until(availability, { what: 'online at last', is: (all) => all.at(-1) === 'online' })
    const changes = availability().filter((payload, i, all) => payload !== all[i - 1])
    expect(changes).toEqual(['online', 'offline', 'online', 'offline', 'online'])
    const { reconnects, problem } = gateway.sink.health()
    expect(reconnects).toBeLessThanOrEqual(12)
    expect(problem).toMatch(/^the broker refuses gatewatch\/gw-7\/\S+: it (ends|ended) /)
  })
})

describeUnless(missingPrograms(...MOSQUITTO), 'brokers with ACLs', () => {
  it('shows over MQTT 5 that an ACL grants nothing, by kind', async () => {
    await using limited = await startLimited('no-rights', 5)
    const { gateway } = limited
    publish(gateway, started(1), crashed(2))
    await until(() => gateway.sink.health(), {
      what: 'the refusals, some again',
      is: ({ refused, dropped }) => refused.state > 2 && refused.agent > 2 && dropped.refused === 2,
    })
    const { connected: isConnected, problem } = gateway.sink.health()
    expect([isConnected, problem]).toEqual([
      true,
      'the broker refuses gatewatch/gw-7/availability: Not authorized; it also refuses: state, event',
    ])
    expect(gateway.logged.filter((line) => line.includes('refuses'))).toHaveLength(3)
  })

  it('cannot show over MQTT 3.1.1 that an ACL grants nothing: mosquitto acknowledges what it drops', async () => {
    await using limited = await startLimited('no-rights', 4)
    publish(limited.gateway, started(1), crashed(2))
    await drained(limited.gateway)
    expect(limited.broker.log()).toContain('Denied PUBLISH')
    expect(limited.gateway.sink.health()).toMatchObject({ problem: null, refused: { state: 0, event: 0, agent: 0 } })
  })

  it('publishes the states although events are refused, and reports which events were not published', async () => {
    await using limited = await startLimited('no-events', 5)
    const { gateway, subscriber } = limited
    publish(gateway, started(1), crashed(2))
    await until(() => eventsOf(subscriber), {
      what: 'the record of both',
      is: (events) => events.reduce((sum, event) => sum + Number(event['dropped']), 0) === 2,
    })
    expect(subscriber.received.some(({ topic }) => topic.endsWith('/state'))).toBe(true)
    expect(gateway.sink.health()).toMatchObject({
      dropped: { refused: 2 },
      refused: { state: 0, agent: 0 },
      problem: expect.stringMatching(/^the broker refuses gatewatch\/gw-7\/event\/\w+: Not authorized$/),
    })
  })
})
