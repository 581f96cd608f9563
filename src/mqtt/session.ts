// Opens connections to the broker, each as a session with a random id that its Will and its birth message carry.
import type { Identity } from '../core/views/api-json.ts'
import type { Clock } from '../ports.ts'
import type { BrokerUrl } from './connection/broker-url.ts'
import type { ConnectMode } from './connection/connect-mode.ts'
import { type Connection, type ConnectionHandlers, loadLibrary, openConnection } from './connection/connection.ts'
import { dial, readPassword } from './connection/dial.ts'
import type { MqttConfig } from './options.ts'
import { availabilityMessage } from './payloads.ts'
import type { Topics } from './topics.ts'

interface SessionOptions {
  readonly config: MqttConfig
  readonly identity: Identity
  readonly url: BrokerUrl
  readonly topics: Topics
  readonly clock: Clock
  readonly random: () => number
}

export interface Session {
  readonly clientId: string
  /** Id of the latest session: with it, subscribers can ignore a late Will of an earlier session. */
  id(): string
  /** Begins an attempt to connect with a new id; rejects if a file cannot be read. */
  open(mode: ConnectMode, handlers: ConnectionHandlers): Promise<Connection>
}

export function createSession({ config, identity, url, topics, clock, random }: SessionOptions): Session {
  const clientId = config.client_id ?? `gatewatch-${identity.gatewayId}-${identity.stream.slice(0, 4)}`
  let id = ''
  return {
    clientId,
    id: () => id,
    async open({ version, retain }, handlers) {
      const library = await loadLibrary()
      id = Array.from({ length: 4 }, () => hex16(random())).join('')
      const options = {
        version,
        clientId,
        will: { ...availabilityMessage(topics, 'offline', id), retain },
        clock,
        ...(await dialConfigured(url, config)),
      }
      return openConnection(library, options, handlers)
    },
  }
}

/** The stream to the configured broker, and how to use it. Rejects if a file cannot be read. */
export async function dialConfigured(url: BrokerUrl, config: MqttConfig) {
  return {
    username: config.username ?? url.username,
    password: readPassword(url, config),
    keepaliveSeconds: config.keepalive,
    qos: config.qos as 0 | 1 | 2,
    stream: await dial(url, config),
  }
}

/** 16 random bits. */
function hex16(random: number): string {
  return Math.floor(random * 65_536)
    .toString(16)
    .padStart(4, '0')
}
