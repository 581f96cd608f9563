// The options and the interface of the MQTT sink.

import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { TopicNames } from '../core/topic-names.ts'
import type { Identity } from '../core/views/api-json.ts'
import type { CredentialFiles } from '../credentials/files.ts'
import type { BusHealth, Clock, EventSink, Log, MqttHealth, StoreHealth, UnitCommands } from '../ports.ts'
import type { FormerNamesOutcome } from './retained/former-names.ts'

/** The keys `mqtt.*` of the configuration. */
export interface MqttConfig extends CredentialFiles {
  readonly url: string
  readonly client_id: string | null
  readonly username: string | null
  readonly prefix: string
  readonly qos: number
  /** Seconds. */
  readonly keepalive: number
  /** How long events wait after a reconnection, in seconds. */
  readonly settle: number
  /** The largest payload to publish; null for any size. */
  readonly max_message_bytes: number | null
  /** Publish discovery for Home Assistant. */
  readonly homeassistant: boolean
  /** Home Assistant's discovery prefix. */
  readonly discovery_prefix: string
  /** The topic on which a bridge publishes 1 while its link is up, else 0, for Home Assistant behind the link. */
  readonly link_topic: string | null
  /** Publish the watched units as services of thin-edge.io. */
  readonly thinedge: boolean
  /** Accept commands; with `force` over MQTT 3.1.1, too. */
  readonly commands: boolean | 'force'
}

export interface MqttOptions {
  readonly config: MqttConfig
  readonly identity: Identity
  readonly version: string
  /** When the agent started, by the wall clock as it is set now. */
  readonly startedAtMs: () => number
  /** Recent events, oldest first. */
  readonly history: readonly Event[]
  /** The last value passed to `onAcknowledged`, in an earlier run too; null when there was none. */
  readonly acknowledged: number | null
  /** The broker has everything up to `seq`, which only grows. Called often; must return at once. */
  readonly onAcknowledged: (seq: number) => void
  /** Called at each connection; returns whether it is the first one since the agent started. */
  readonly onConnected: () => boolean
  /** Names under which messages of earlier runs may be retained, to be cleared; not those of `config` and `identity`. */
  readonly former: readonly TopicNames[]
  readonly formerSettled: (names: TopicNames, outcome: FormerNamesOutcome) => void
  readonly state: () => State
  readonly flash: () => StoreHealth
  readonly bus: () => BusHealth
  /** Carries out the commands. */
  readonly commands: UnitCommands
  /** The address of the dashboard for other hosts; null if it is unknown. */
  readonly pageUrl: () => string | null
  /** Interval of the agent's status in ms; read each time. */
  readonly statsEveryMs: () => number
  /** Units that run the broker, if it is on this device. */
  readonly brokerUnits?: readonly string[]
  /** The local broker crashed: the event should be on flash before it is published. Must return at once. */
  readonly onBrokerCrash: () => void
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

export interface MqttSink extends EventSink {
  health(): MqttHealth
  /** Publishes the events that wait, as far as the broker takes them within a second; drops and announces the others. */
  clear(): Promise<void>
  /** Ends the back-off and connects now, unless connected. */
  brokerIsUp(): void
  /** The configuration of other parts may have changed: which units may be controlled, where the dashboard is. */
  reloaded(): void
}
