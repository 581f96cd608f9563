// MQTT as a sink of steps: what happened waits here until the broker has it, and the broker's absence touches nobody.

import type { Event } from '../core/event.ts'
import { eventJson, type Identity } from '../core/json.ts'
import { type State, unitOf } from '../core/state.ts'
import type { Clock, EventSink, Log, MqttHealth, Step, StoreHealth } from '../ports.ts'
import { readBrokerUrl } from './broker-url.ts'
import { loadLibrary, openConnection } from './connection.ts'
import { dial, type Files, readPassword } from './dial.ts'
import { goodbye } from './goodbye.ts'
import { keepLink } from './link.ts'
import { createMail } from './mail.ts'
import { createOutbox } from './outbox.ts'
import { agentPayload } from './payloads.ts'
import { createPublisher } from './publisher.ts'
import { createSnapshots } from './snapshots.ts'
import { sweep } from './sweep.ts'
import { topicsOf } from './topics.ts'

/** The keys `mqtt.*` of the configuration. */
export interface MqttConfig extends Files {
  readonly url: string
  readonly client_id: string | null
  readonly username: string | null
  readonly prefix: string
  readonly qos: number
  /** Seconds. */
  readonly keepalive: number
}

export interface MqttOptions {
  readonly config: MqttConfig
  readonly identity: Identity
  readonly version: string
  readonly startedAtMs: number
  /** Recent events, oldest first, and the last sequence number that a broker has; null when none ever had any. */
  readonly history: readonly Event[]
  readonly acknowledged: number | null
  /** The broker has everything up to `seq`. Called often; it must return at once. */
  readonly onAcknowledged: (seq: number) => void
  readonly state: () => State
  readonly flash: () => StoreHealth
  /** Distance of the agent's own numbers in ms, asked for each time. */
  readonly statsEveryMs: () => number
  /** Units that are the broker, where that is on this device. */
  readonly brokerUnits?: readonly string[]
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

export interface MqttSink extends EventSink {
  health(): MqttHealth
  /** The back-off is over: connects now, where there is no connection. */
  brokerIsUp(): void
}

const BROKERS = ['mosquitto', 'emqx', 'nanomq', 'vernemq', 'rabbitmq-server', 'hivemq'].map((name) => `${name}.service`)

/** Connects at once and goes on trying. Throws where `mqtt.url` is none. */
export function mqttSink(options: MqttOptions): MqttSink {
  const { config, identity, state, clock, log } = options
  const url = readBrokerUrl(config.url)
  const topics = topicsOf(config.prefix, identity.gatewayId)
  const clientId = config.client_id ?? `gatewatch-${identity.gatewayId}-${identity.stream.slice(0, 4)}`
  const brokerUnits = url.local ? (options.brokerUnits ?? BROKERS) : []

  const outbox = createOutbox({
    acknowledged: options.acknowledged,
    bytesOf: (event) => Buffer.byteLength(JSON.stringify(eventJson(event, identity))),
  })
  for (const event of options.history) if (event.seq > (options.acknowledged ?? -1)) outbox.add(event)
  const snapshots = createSnapshots()

  let session = ''
  let agentTold = ''
  let eventsPublished = 0
  let acknowledged = options.acknowledged ?? -1
  let refused: string | null = null
  /** What the broker has refused since we are connected: each is told once. */
  const refusals = new Set<string>()
  let fullTold = false
  let cancelSweep = () => {}
  let swept = false

  const mail = createMail({
    topics,
    identity,
    outbox,
    snapshots,
    state,
    clock,
    settled(event) {
      if (event) eventsPublished += 1
      const seq = outbox.acknowledged()
      if (seq === null || seq <= acknowledged) return
      acknowledged = seq
      options.onAcknowledged(seq)
    },
    refused(topic, why) {
      if (refused !== null) return
      refused = `the broker refuses ${topic}: ${why}`
      if (!refusals.has(refused)) log('warning', `mqtt: ${refused}`)
      refusals.add(refused)
    },
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
      refused = null
      refusals.clear()
      fullTold = false
      outbox.connected(capacity.messageBytes)
      snapshots.all(state())
      mail.begin(session)
      tellAgent()
      publisher.begin(connection, capacity)
      if (!swept)
        cancelSweep = sweep(connection, topics.unitStates, clock, () => {
          swept = true
        })
    },
    down() {
      cancelSweep()
      publisher.forget()
      mail.forget()
    },
    message(topic, payload, retained) {
      const unit = topics.unitOf(topic)
      if (!retained || payload === '' || unit === null || unitOf(state(), unit) !== undefined) return
      snapshots.clear(unit)
      publisher.pump()
    },
  })

  function health(): MqttHealth {
    return {
      connected: link.connection() !== null,
      problem: link.problem() ?? refused,
      queued: outbox.size(),
      published: publisher.published(),
      eventsPublished,
      reconnects: link.reconnects(),
      dropped: outbox.dropped(),
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
    if (refused !== null) outbox.retryRefused()
    refused = null
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
      if (brokerUnits.some((unit) => cameUp(step, unit))) link.connectNow()
      publisher.pump()
    },
    health,
    brokerIsUp: () => link.connectNow(),
    async stop() {
      cancelStats()
      cancelSweep()
      const connection = link.close()
      if (connection !== null) await goodbye(connection, publisher, mail, session, clock)
    },
  }
}

function cameUp({ before, after }: Step, unit: string): boolean {
  const isActive = (state: State) => unitOf(state, unit)?.seen?.activeState === 'active'
  return isActive(after) && !isActive(before)
}

/** 16 random bits. */
function hex16(random: number): string {
  return Math.floor(random * 65_536)
    .toString(16)
    .padStart(4, '0')
}
