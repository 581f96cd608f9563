// Metric families of the MQTT connection; absent if MQTT is disabled.
import type { MqttHealth } from '../../ports.ts'
import { type Family, flag, histogramSamples } from '../family.ts'

const REASONS: readonly (keyof MqttHealth['dropped'])[] = ['overflow', 'forgotten', 'too_large', 'refused', 'cleared']
const KINDS: readonly (keyof MqttHealth['refused'])[] = [
  'state',
  'event',
  'agent',
  'discovery',
  'thinedge',
  'subscribe',
]

function mqttFamily(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (health: MqttHealth) => number,
): Family {
  return { name, type, help, samples: ({ mqtt }) => (mqtt === null ? [] : [{ labels: {}, value: value(mqtt) }]) }
}

export const mqttFamilies: readonly Family[] = [
  mqttFamily('gauge', 'gatewatch_mqtt_connected', '1 while connected to the broker.', (m) => flag(m.connected)),
  mqttFamily('gauge', 'gatewatch_mqtt_queued', 'Events waiting for the broker.', (m) => m.queued),
  mqttFamily('counter', 'gatewatch_mqtt_published_total', 'Messages acknowledged by the broker.', (m) => m.published),
  {
    name: 'gatewatch_mqtt_publish_seconds',
    type: 'histogram',
    help: "Time from publishing a message to the broker's acknowledgement.",
    samples: ({ mqtt }) => (mqtt === null || mqtt.publishSeconds === null ? [] : histogramSamples(mqtt.publishSeconds)),
  },
  mqttFamily('counter', 'gatewatch_mqtt_reconnects_total', 'Reconnections to the broker.', (m) => m.reconnects),
  {
    name: 'gatewatch_mqtt_dropped_total',
    type: 'counter',
    help: 'Events dropped, by reason.',
    samples: ({ mqtt }) =>
      mqtt === null ? [] : REASONS.map((reason) => ({ labels: { reason }, value: mqtt.dropped[reason] })),
  },
  {
    name: 'gatewatch_mqtt_refused_total',
    type: 'counter',
    help: 'Messages and subscriptions that the broker refuses, by kind; only MQTT 5 brokers report it.',
    samples: ({ mqtt }) =>
      mqtt === null ? [] : KINDS.map((kind) => ({ labels: { kind }, value: mqtt.refused[kind] })),
  },
]
