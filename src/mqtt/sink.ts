// MQTT as a sink of steps: what happened waits here until the broker has it, and the broker's absence touches nobody.
import { type State, unitOf } from '../core/state.ts'
import type { MqttHealth, Step } from '../ports.ts'
import { createMqttCommands } from './commands.ts'
import { readBrokerUrl } from './connection/broker-url.ts'
import { loadLibrary, openConnection } from './connection/connection.ts'
import { dial, readPassword } from './connection/dial.ts'
import { keepLink } from './connection/link.ts'
import { goodbye } from './disconnect.ts'
import { createDiscovery } from './homeassistant/discovery.ts'
import type { MqttOptions, MqttSink } from './options.ts'
import { createOutbox } from './outbox.ts'
import { agentPayload, eventPayload } from './payloads.ts'
import { createPublisher } from './publisher.ts'
import { createRefusedTopics } from './refused-topics.ts'
import { createSendOrder } from './send-order.ts'
import { createSnapshots } from './snapshots.ts'
import { sweep } from './stale-topics.ts'
import { topicsOf } from './topics.ts'

export type { MqttConfig, MqttOptions, MqttSink } from './options.ts'

const BROKERS = ['mosquitto', 'emqx', 'nanomq', 'vernemq', 'rabbitmq-server', 'hivemq'].map((name) => `${name}.service`)

/** Connects at once and goes on trying. Throws where `mqtt.url` is no URL of MQTT. */
export function createMqttSink(options: MqttOptions): MqttSink {
  const { config, identity, state, clock, log } = options
  const url = readBrokerUrl(config.url)
  const topics = topicsOf(config.prefix, identity.gatewayId)
  const clientId = config.client_id ?? `gatewatch-${identity.gatewayId}-${identity.stream.slice(0, 4)}`
  const brokerUnits = url.local ? (options.brokerUnits ?? BROKERS) : []

  const outbox = createOutbox({
    acknowledged: options.acknowledged,
    bytesOf: (event) => Buffer.byteLength(eventPayload(event, identity, false)),
  })
  for (const event of options.history) if (event.seq > (options.acknowledged ?? -1)) outbox.add(event)
  const snapshots = createSnapshots()
  const refusals = createRefusedTopics(log)

  let session = ''
  let agentTold = ''
  let eventsPublished = 0
  let acknowledged = options.acknowledged ?? -1
  let fullTold = false
  let swept = false
  let cancelSweep = () => {}

  const discovery = createDiscovery({
    enabled: config.homeassistant,
    ...{ gatewayId: identity.gatewayId, version: options.version, topics, clock, log },
    units: () => state().units.map((unit) => unit.name),
    pump: () => publisher.pump(),
    refused: refusals.note,
  })
  const orders = createMqttCommands({
    enabled: config.commands,
    ...{ topics, identity, commands: options.commands, clock, log },
    pump: () => publisher.pump(),
    refused: refusals.note,
  })
  const mail = createSendOrder({
    topics,
    identity,
    outbox,
    snapshots,
    besides: [orders.next, discovery.next],
    state,
    clock,
    settled(event) {
      if (event) eventsPublished += 1
      const seq = outbox.acknowledged()
      if (seq === null || seq <= acknowledged) return
      acknowledged = seq
      options.onAcknowledged(seq)
    },
    refused: refusals.note,
  })
  const publisher = createPublisher(mail.next, config.keepalive * 1000, clock)

  const link = keepLink({
    shown: url.shown,
    clock,
    log,
    random: options.random,
    async open(version, handlers) {
      const library = await loadLibrary()
      session = Array.from({ length: 4 }, () => hex16(options.random())).join('')
      const given = {
        version,
        clientId,
        username: config.username ?? url.username,
        password: readPassword(url, config),
        keepaliveSeconds: config.keepalive,
        qos: config.qos as 0 | 1 | 2,
        will: mail.availability('offline', session),
      }
      return openConnection(library, { ...given, stream: dial(url, config) }, handlers)
    },
    up(connection, capacity) {
      refusals.clear()
      fullTold = false
      outbox.connected(capacity.messageBytes)
      snapshots.all(state())
      mail.begin(session)
      tellAgent()
      discovery.up(connection, capacity.messageBytes)
      orders.up(connection)
      publisher.begin(connection, capacity)
      const isSwept = () => {
        swept = true
      }
      if (!swept) cancelSweep = sweep(connection, topics.unitStates, clock, isSwept)
    },
    down() {
      cancelSweep()
      discovery.down()
      orders.down()
      publisher.forget()
      mail.forget()
    },
    message(topic, payload, retained) {
      if (discovery.message(topic, payload, retained) || orders.message(topic, payload, retained)) return
      const unit = topics.unitOf(topic)
      if (!retained || payload === '' || unit === null || unitOf(state(), unit) !== undefined) return
      snapshots.clear(unit)
      publisher.pump()
    },
  })

  function health(): MqttHealth {
    return {
      connected: link.connection() !== null,
      problem: link.problem() ?? refusals.problem(),
      queued: outbox.size(),
      published: publisher.published(),
      eventsPublished,
      reconnects: link.reconnects(),
      dropped: { ...outbox.dropped() },
      acknowledged: outbox.acknowledged(),
    }
  }

  /** The agent's own numbers, where they are not what was told last. */
  function tellAgent(): void {
    const { version, startedAtMs } = options
    const { bootId, units } = state()
    const reading = { identity, version, bootId, session, startedAtMs, units: units.length }
    const payload = agentPayload({ ...reading, mqtt: health(), flash: options.flash() })
    if (payload === agentTold) return
    agentTold = payload
    mail.agent(payload)
  }

  let cancelStats = clock.after(options.statsEveryMs(), stats)
  function stats(): void {
    cancelStats = clock.after(options.statsEveryMs(), stats)
    if (link.connection() === null) return
    if (refusals.problem() !== null) {
      refusals.retry()
      outbox.retryRefused()
      discovery.retry()
      snapshots.all(state())
      mail.begin(session)
    }
    tellAgent()
    publisher.pump()
  }

  return {
    accept(step) {
      const before = outbox.dropped().overflow
      for (const event of step.events) outbox.add(event)
      if (!fullTold && outbox.dropped().overflow > before) {
        fullTold = true
        log('warning', 'mqtt: the queue is full: the oldest starts and stops are dropped first')
      }
      snapshots.accept(step)
      discovery.accept(step)
      if (step.events.some(({ kind, unit }) => kind === 'crash' && brokerUnits.includes(unit))) options.onBrokerCrash()
      if (brokerUnits.some((unit) => cameUp(step, unit))) link.connectNow()
      publisher.pump()
    },
    health,
    brokerIsUp: link.connectNow,
    async stop() {
      cancelStats()
      cancelSweep()
      discovery.down()
      const connection = link.close()
      if (connection !== null) await goodbye(connection, publisher, mail, session, clock)
      publisher.forget()
    },
  }
}

function cameUp({ before, after }: Step, unit: string): boolean {
  const isActive = (state: State) => unitOf(state, unit)?.snapshot?.activeState === 'active'
  return isActive(after) && !isActive(before)
}

/** 16 random bits. */
function hex16(random: number): string {
  return Math.floor(random * 65_536)
    .toString(16)
    .padStart(4, '0')
}
