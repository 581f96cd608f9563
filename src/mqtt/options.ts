// What MQTT is given, and what it gives back.
import type { Identity } from '../core/api-json.ts'
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Clock, EventSink, Log, MqttHealth, StoreHealth, UnitCommands } from '../ports.ts'
import type { CredentialFiles } from './connection/dial.ts'

/** The keys `mqtt.*` of the configuration. */
export interface MqttConfig extends CredentialFiles {
  readonly url: string
  readonly client_id: string | null
  readonly username: string | null
  readonly prefix: string
  readonly qos: number
  /** Seconds. */
  readonly keepalive: number
  /** Home Assistant is told what there is. */
  readonly homeassistant: boolean
  /** Commands are heard. */
  readonly commands: boolean
}

export interface MqttOptions {
  readonly config: MqttConfig
  readonly identity: Identity
  readonly version: string
  readonly startedAtMs: number
  /** Recent events, oldest first. */
  readonly history: readonly Event[]
  /** The last sequence number that a broker has, as `onAcknowledged` told it; null when none ever had any. */
  readonly acknowledged: number | null
  /** The broker has everything up to `seq`, which only grows. Called often; it must return at once. */
  readonly onAcknowledged: (seq: number) => void
  readonly state: () => State
  readonly flash: () => StoreHealth
  /** Who carries out what is commanded. */
  readonly commands: UnitCommands
  /** Distance of the agent's own numbers in ms, asked for each time. */
  readonly statsEveryMs: () => number
  /** Units that are the broker, where that is on this device. */
  readonly brokerUnits?: readonly string[]
  /** The broker itself crashed: that is to be on flash before it is back and can be told. Must return at once. */
  readonly onBrokerCrash: () => void
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

export interface MqttSink extends EventSink {
  health(): MqttHealth
  /** The back-off is over: connects now, where there is no connection. */
  brokerIsUp(): void
}
