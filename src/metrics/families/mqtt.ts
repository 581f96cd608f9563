// Whether the broker is there, and what it got; nothing at all where MQTT is off.
import type { MqttHealth } from '../../ports.ts'
import { type Family, flag } from '../family.ts'

const REASONS: readonly (keyof MqttHealth['dropped'])[] = ['overflow', 'forgotten', 'too_large']

function mqttFamily(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (health: MqttHealth) => number,
): Family {
  return { name, type, help, samples: ({ mqtt }) => (mqtt === null ? [] : [{ labels: {}, value: value(mqtt) }]) }
}

export const mqttFamilies: readonly Family[] = [
  mqttFamily('gauge', 'gatewatch_mqtt_connected', '1 while the broker is connected.', (m) => flag(m.connected)),
  mqttFamily('gauge', 'gatewatch_mqtt_queued', 'Events that the broker does not have yet.', (m) => m.queued),
  mqttFamily(
    'counter',
    'gatewatch_mqtt_published_total',
    'Messages that the broker has acknowledged.',
    (m) => m.published,
  ),
  mqttFamily('counter', 'gatewatch_mqtt_reconnects_total', 'Connections made anew.', (m) => m.reconnects),
  {
    name: 'gatewatch_mqtt_dropped_total',
    type: 'counter',
    help: 'Events given up, by reason.',
    samples: ({ mqtt }) =>
      mqtt === null ? [] : REASONS.map((reason) => ({ labels: { reason }, value: mqtt.dropped[reason] })),
  },
]
