// One connection to the broker over mqtt.js: a new client each time, which neither reconnects nor stores messages.
import type { Duplex } from 'node:stream'
import type { IClientOptions, IConnackPacket, IDisconnectPacket, MqttClient, Packet } from 'mqtt'
import type { Clock } from '../../ports.ts'
import { type ConnectionError, connectionErrorOf } from './error-text.ts'
import { createFilteredStream } from './filtered-stream.ts'
import type { RefusedPacket } from './frame.ts'
import { createInboundFilter } from './inbound-filter.ts'
import { PACKET_AT_MOST_BYTES, responsesTo, SUBSCRIBED_QOS } from './inbound-rules.ts'

/** mqtt.js, loaded only if MQTT is enabled: it takes 1.5 MB. */
interface MqttLibrary {
  readonly Client: typeof MqttClient
  readonly reasons: Readonly<Record<number, string>>
}

export async function loadLibrary(): Promise<MqttLibrary> {
  const [{ default: exported }, { ReasonCodes }] = await Promise.all([
    import('mqtt/lib/client'),
    import('mqtt/lib/handlers/ack'),
  ])
  // Node passes a CommonJS module's exports as `default`; a test runner may have unwrapped them already
  const Client = 'default' in exported ? exported.default : exported
  return { Client: Client as typeof MqttClient, reasons: ReasonCodes }
}

export interface Message {
  readonly topic: string
  readonly payload: string
  readonly retain: boolean
  readonly expirySeconds?: number
  /** MQTT 5 user properties; there are none in 3.1.1. */
  readonly properties?: Readonly<Record<string, string>>
}

/** The limits that the broker states in its CONNACK. */
export interface BrokerLimits {
  readonly inFlight: number
  readonly messageBytes: number
  /** It supports retained messages. */
  readonly retain: boolean
  /** It acknowledges messages: the QoS is above 0. */
  readonly acknowledges: boolean
}

export interface ConnectionLoss extends ConnectionError {
  /** The broker closed the connection before a CONNACK, as old brokers do that do not know MQTT 5. */
  readonly silent: boolean
  /** We ended the connection because of what the broker sent: too much, or what it must not send. */
  readonly violation: boolean
  /** The broker closed the connection and gave no reason, as every broker does with MQTT 3.1.1. */
  readonly byBroker: boolean
  /** The broker reports that another client connected with our client id (MQTT 5, reason 142). */
  readonly takenOver: boolean
}

export interface ConnectionHandlers {
  up(capacity: BrokerLimits): void
  /** Called once at most, and not after `end` or `destroy`. */
  down(down: ConnectionLoss): void
  message(topic: string, payload: string, retained: boolean): void
  /** A message was too large and is not received; `what` completes the sentence "the broker sent ...". */
  ignored(what: string): void
}

export interface Connection {
  readonly version: 4 | 5
  /**
   * `done`: the broker has acknowledged it (null) or refused it, for this reason; `tooLarge`: because of its size. Not
   * called after the end. Brokers give a reason over MQTT 5 only.
   */
  publish(message: Message, done: (refused: string | null, tooLarge: boolean) => void): void
  /**
   * `done`: whether the broker granted the subscription. `live`: only messages that are published from now on, each with the
   * retain flag that it was published with. Without MQTT 5, stored messages arrive too, and only these have the flag.
   */
  subscribe(filter: string, done: (granted: boolean) => void, live?: 'live'): void
  unsubscribe(filter: string): void
  /** Ends it with this reason, as if the broker had closed it. */
  fail(text: string): void
  /** Sends a DISCONNECT, so that the Will is not published; resolves when the stream is closed. */
  end(): Promise<void>
  destroy(): void
}

export interface ConnectionOptions {
  readonly stream: Duplex
  readonly version: 4 | 5
  readonly clientId: string
  readonly username: string | null
  readonly password: string | null
  readonly keepaliveSeconds: number
  readonly qos: 0 | 1 | 2
  /** Null for none. If it is not retained, nothing else that is published is either. */
  readonly will: Message | null
  readonly clock: Clock
}

/** MQTT 5.0, table 3-13. */
const SESSION_TAKEN_OVER = 142
/** MQTT 5.0, table 3-4 does not have it, but mosquitto sends it for a message above its `message_size_limit`. */
const PACKET_TOO_LARGE = 149
/** More than there are messages in flight: a broker may also refuse what was never sent. */
const REASONS_AT_MOST = 64
/** A loss about which nothing more is known than its reason. */
export const NO_DETAILS = { silent: false, violation: false, byBroker: false, takenOver: false } as const

/** Includes the set-up of the stream: TLS over a slow link takes long. */
const CONNECT_AT_MOST_MS = 30_000

export function openConnection(
  library: MqttLibrary,
  options: ConnectionOptions,
  handlers: ConnectionHandlers,
): Connection {
  const { version, clock } = options
  /** Reason codes of refused messages, by packet id, until mqtt.js has read them. */
  const reasons = new Map<number, number>()
  const refused = ({ id, reasonCode }: RefusedPacket) => {
    if (reasons.size < REASONS_AT_MOST) reasons.set(id, reasonCode)
  }
  const filter = createInboundFilter({ version, clock, ignored: handlers.ignored, refused })
  const stream = createFilteredStream({
    socket: options.stream,
    filter,
    clock,
    violation: (what) => down({ text: `the broker sent ${what}`, version: false }, { violation: true }),
  })
  const client = new library.Client(() => stream, clientOptions(options))
  let open = true
  let acknowledged = false
  let qos = options.qos
  let mayRetain = options.will?.retain ?? true

  function down(reason: ConnectionError, how: Partial<ConnectionLoss> = {}): void {
    if (!open) return
    destroy()
    handlers.down({ ...NO_DETAILS, ...reason, ...how })
  }

  /** The client is ended later: this may be called from one of its own events. */
  function destroy(): void {
    open = false
    stream.destroy()
    setImmediate(() => client.end(true))
  }

  function takeReason(id = -1): number | undefined {
    const code = reasons.get(id)
    reasons.delete(id)
    return code
  }

  client.on('connect', (connack: IConnackPacket) => {
    if (!open) return
    acknowledged = true
    const { receiveMaximum, maximumPacketSize, maximumQoS, retainAvailable = true } = connack.properties ?? {}
    qos = Math.min(qos, maximumQoS ?? 2) as 0 | 1 | 2
    mayRetain &&= retainAvailable
    const messageBytes = maximumPacketSize ?? Infinity
    const inFlight = receiveMaximum ?? Infinity
    handlers.up({ inFlight, messageBytes, retain: retainAvailable, acknowledges: qos > 0 })
  })
  client.on('packetsend', (packet) => filter.expect(responsesTo(packet)))
  client.on('message', (topic, payload, packet) => {
    if (open) handlers.message(topic, payload.toString('utf8'), packet.retain)
  })
  client.on('disconnect', ({ reasonCode = 0 }: IDisconnectPacket) => {
    const reason = library.reasons[reasonCode] || 'normal disconnection'
    const takenOver = reasonCode === SESSION_TAKEN_OVER
    const text = `disconnected by the broker: ${reason}${takenOver ? ' by another client with the same id' : ''}`
    down({ text, version: false }, { takenOver })
  })
  client.on('error', (error) => down(connectionErrorOf(error)))
  stream.on('error', (error) => down(connectionErrorOf(error)))
  client.on('close', () =>
    down({ text: 'closed by the broker', version: false }, { silent: !acknowledged, byBroker: true }),
  )

  return {
    version,
    publish({ topic, payload, retain, expirySeconds, properties }, done) {
      const extra = {
        ...(expirySeconds === undefined ? {} : { messageExpiryInterval: expirySeconds }),
        ...(properties === undefined ? {} : { userProperties: properties }),
      }
      if (!open) return
      const settle = (error?: Error, packet?: Packet) => {
        if (!open) return
        if (!error) return done(null, false)
        const code = takeReason(packet?.messageId) ?? ('code' in error ? error.code : undefined)
        if (typeof code === 'number') done(library.reasons[code] ?? `reason code ${code}`, code === PACKET_TOO_LARGE)
        // any other error means that the connection has ended, which is an event too
      }
      client.publish(
        topic,
        payload,
        { qos, retain: retain && mayRetain, ...(version === 5 ? { properties: extra } : {}) },
        settle,
      )
    },
    subscribe(topicFilter, done, live) {
      if (!open) return
      const retained = live === 'live' && version === 5 ? ({ rap: true, rh: 2 } as const) : {}
      client.subscribe(topicFilter, { qos: SUBSCRIBED_QOS, ...retained }, (error) => {
        if (open) done(!error)
      })
    },
    unsubscribe(topicFilter) {
      if (open) client.unsubscribe(topicFilter, () => {})
    },
    fail: (text) => down({ text, version: false }),
    end() {
      open = false
      return new Promise((resolve) => client.end(false, () => resolve()))
    },
    destroy,
  }
}

function clientOptions(options: ConnectionOptions): IClientOptions {
  const { version, will, username, password } = options
  return {
    protocolVersion: version,
    clientId: options.clientId,
    clean: true,
    keepalive: options.keepaliveSeconds,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_AT_MOST_MS,
    queueQoSZero: false,
    resubscribe: false,
    timerVariant: 'native',
    writeCache: false, // else mqtt-packet keeps a Buffer for each of 65,536 numbers, 9 MB in all
    // an MQTT 5 broker then does not send larger messages; a message with a QoS above 0 is never received
    ...(version === 5 ? { properties: { maximumPacketSize: PACKET_AT_MOST_BYTES, receiveMaximum: 1 } } : {}),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(will === null ? {} : { will: willOptions(will, version) }),
  }
}

function willOptions(will: Message, version: 4 | 5): IClientOptions['will'] {
  return {
    topic: will.topic,
    payload: Buffer.from(will.payload),
    qos: 1,
    retain: will.retain,
    ...(version === 5 && will.properties ? { properties: { userProperties: { ...will.properties } } } : {}),
  }
}
