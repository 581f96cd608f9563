// Starts, stops and replaces the MQTT sink when a reload changes the MQTT configuration.
import type { Config } from '../config/keys.ts'
import type { MqttOptions, MqttSink } from '../mqtt/options.ts'
import type { EventSink, MqttHealth } from '../ports.ts'
import type { PageRingStore } from '../store/store.ts'
import { createPublishedNames } from './published-names.ts'

type Shared = Pick<
  MqttOptions,
  'identity' | 'version' | 'startedAtMs' | 'state' | 'bus' | 'commands' | 'pageUrl' | 'statsEveryMs' | 'clock' | 'log'
>

export interface MqttSwitchOptions extends Shared {
  /** `mqtt.enabled` of the configuration in effect. */
  readonly enabled: () => boolean
  /** Recent events that the sinks have been given, oldest first. */
  readonly history: () => MqttOptions['history']
  readonly store: PageRingStore
}

export interface MqttSwitch extends EventSink {
  /** Disconnects, and connects as `wanted` specifies; keeps the connection if nothing of that changed. */
  use(wanted: Config['mqtt']): Promise<void>
  /** Publishes the events that wait, as far as the broker takes them soon; drops and announces the others. */
  clear(): Promise<void>
  /** Null while MQTT is off. */
  health(): MqttHealth | null
}

export function createMqttSwitch({ enabled, history, store, ...shared }: MqttSwitchOptions): MqttSwitch {
  const names = createPublishedNames(store, shared.clock, shared.log)
  let sink: MqttSink | null = null
  let used = ''
  let connections = 0

  const create = async (config: Config['mqtt']): Promise<MqttSink> => {
    const { gatewayId } = shared.identity
    const { prefix, discovery_prefix: discoveryPrefix } = config
    const former = await names.use({ prefix, gatewayId, discoveryPrefix })
    const { createMqttSink } = await import('../mqtt/sink.ts')
    return createMqttSink({
      ...shared,
      config,
      former,
      formerSettled: names.settled,
      history: history(),
      acknowledged: store.acknowledged(),
      onAcknowledged: store.acknowledge,
      onConnected: () => ++connections === 1,
      onBrokerCrash: () => void store.commitForReader(),
      flash: store.health,
      random: Math.random,
    })
  }

  return {
    async use(wanted) {
      if (JSON.stringify(wanted) === used) return sink?.reloaded()
      used = JSON.stringify(wanted)
      const old = sink
      sink = null
      await old?.stop()
      if (wanted.enabled) sink = await create(wanted)
    },
    clear: async () => sink?.clear(),
    health: () => sink?.health() ?? null,
    accept(step) {
      sink?.accept(step)
      // Events from the time in which MQTT is off are not published later.
      if (!enabled()) store.acknowledge(step.after.seq)
    },
    stop: async () => sink?.stop(),
  }
}
