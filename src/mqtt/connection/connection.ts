// One connection to the broker, from dialling to its end: a fresh mqtt.js client that never reconnects and keeps nothing.
import type { Duplex } from 'node:stream'
import type { IClientOptions, IConnackPacket, IDisconnectPacket, MqttClient } from 'mqtt'
import { type ConnectionError, connectionErrorOf } from './error-text.ts'

/** A loaded mqtt.js: loaded only where MQTT is enabled, as it takes 1.5 MB. */
interface MqttLibrary {
  readonly Client: typeof MqttClient
  readonly reasons: Readonly<Record<number, string>>
}

export async function loadLibrary(): Promise<MqttLibrary> {
  const [{ default: exported }, { ReasonCodes }] = await Promise.all([
    import('mqtt/lib/client'),
    import('mqtt/lib/handlers/ack'),
  ])
  // Node gives a CommonJS module's exports as `default`; a test runner may have gone one step further already
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

/** What this broker can take, as its CONNACK says. */
export interface BrokerLimits {
  readonly inFlight: number
  readonly messageBytes: number
}

export interface ConnectionLoss extends ConnectionError {
  /** It was closed without a word before there was a CONNACK, as old brokers do when they do not know MQTT 5. */
  readonly silent: boolean
}

export interface ConnectionHandlers {
  up(capacity: BrokerLimits): void
  /** Called once at most, and not after `end` or `destroy`. */
  down(down: ConnectionLoss): void
  message(topic: string, payload: string, retained: boolean): void
}

export interface Connection {
  /** `done`: the broker has it (null), or refuses it in these words. Not called any more once the connection is down. */
  publish(message: Message, done: (refused: string | null) => void): void
  /** `done`: whether the broker lets us. */
  subscribe(filter: string, done: (granted: boolean) => void): void
  unsubscribe(filter: string): void
  /** Ends it for this reason, as if the broker had. */
  fail(text: string): void
  /** Says goodbye, so that the Will is not told; resolves when the stream is closed. */
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
  readonly will: Message
}

/** Together with the way there: TLS on a slow link takes its time. */
const CONNECT_AT_MOST_MS = 30_000

/** We take in what we told at most, Home Assistant's device being the largest: nothing larger is to be sent to us (MQTT 5). */
const RECEIVE_AT_MOST_BYTES = 524_288

export function openConnection(
  library: MqttLibrary,
  options: ConnectionOptions,
  handlers: ConnectionHandlers,
): Connection {
  const { version, stream } = options
  const client = new library.Client(() => stream, clientOptions(options))
  let open = true
  let acknowledged = false
  let qos = options.qos

  function down(reason: ConnectionError, silent = false): void {
    if (!open) return
    destroy()
    handlers.down({ ...reason, silent })
  }

  /** The client is ended later: it may be in the middle of something, such as telling us of its end. */
  function destroy(): void {
    open = false
    stream.destroy()
    setImmediate(() => client.end(true))
  }

  client.on('connect', (connack: IConnackPacket) => {
    if (!open) return
    acknowledged = true
    const { receiveMaximum, maximumPacketSize, maximumQoS } = connack.properties ?? {}
    qos = Math.min(qos, maximumQoS ?? 2) as 0 | 1 | 2
    handlers.up({ inFlight: receiveMaximum ?? Infinity, messageBytes: maximumPacketSize ?? Infinity })
  })
  client.on('message', (topic, payload, packet) => {
    if (open) handlers.message(topic, payload.toString('utf8'), packet.retain)
  })
  client.on('disconnect', ({ reasonCode = 0 }: IDisconnectPacket) => {
    const said = library.reasons[reasonCode] || 'goodbye'
    down({
      text: `the broker says: ${said}${reasonCode === 142 ? ', by another client with our id' : ''}`,
      version: false,
    })
  })
  client.on('error', (error) => down(connectionErrorOf(error)))
  stream.on('error', (error) => down(connectionErrorOf(error)))
  client.on('close', () => down({ text: 'closed by the broker', version: false }, !acknowledged))

  return {
    publish({ topic, payload, retain, expirySeconds, properties }, done) {
      const extra = {
        ...(expirySeconds === undefined ? {} : { messageExpiryInterval: expirySeconds }),
        ...(properties === undefined ? {} : { userProperties: properties }),
      }
      if (!open) return
      const settle = (error?: Error) => {
        if (!open) return
        if (!error) done(null)
        else if ('code' in error && typeof error.code === 'number') done(error.message.replace(/^Publish error: /, ''))
        // else the connection has ended, which comes as an event too
      }
      client.publish(topic, payload, { qos, retain, ...(version === 5 ? { properties: extra } : {}) }, settle)
    },
    subscribe(filter, done) {
      if (!open) return
      client.subscribe(filter, { qos: 0 }, (error) => {
        if (open) done(!error)
      })
    },
    unsubscribe(filter) {
      if (open) client.unsubscribe(filter, () => {})
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
    ...(version === 5 ? { properties: { maximumPacketSize: RECEIVE_AT_MOST_BYTES } } : {}),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    will: {
      topic: will.topic,
      payload: Buffer.from(will.payload),
      qos: 1,
      retain: will.retain,
      ...(version === 5 && will.properties ? { properties: { userProperties: { ...will.properties } } } : {}),
    },
  }
}
