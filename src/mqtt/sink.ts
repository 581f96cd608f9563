// MQTT as a sink of steps: publishes events and states, and keeps events until the broker has acknowledged them.
import { anyCameUp, anyCrashed, BROKER_UNITS, runOf } from './broker-units.ts'
import { readBrokerUrl } from './connection/broker-url.ts'
import { createLink } from './connection/link.ts'
import { createDelivery } from './delivery/delivery.ts'
import { createPoison } from './delivery/poison.ts'
import type { MqttOptions, MqttSink } from './options.ts'
import { createSession } from './session.ts'
import { topicsOf } from './topics.ts'

export type { MqttConfig, MqttOptions, MqttSink } from './options.ts'

/** Connects at once and retries without end; a missing broker delays nothing else. Throws if `mqtt.url` is invalid. */
export function createMqttSink(options: MqttOptions): MqttSink {
  const { config, identity, clock, log, random } = options
  const url = readBrokerUrl(config.url)
  const topics = topicsOf(config.prefix, identity.gatewayId)
  const brokerUnits = url.local ? (options.brokerUnits ?? BROKER_UNITS) : []
  const session = createSession({ config, identity, url, topics, clock, random })
  const link = createLink({ open: session.open, clientId: session.clientId, shown: url.shown, clock, log, random })
  const brokerRun = () => runOf(options.state(), brokerUnits)
  const settleMs = config.settle * 1000
  const poison = createPoison({ maxMessageBytes: config.max_message_bytes, settleMs, brokerRun, log })
  const delivery = createDelivery({ ...options, brokerUnits }, topics, session, link, poison)
  link.start(delivery)

  return {
    accept(step) {
      if (anyCrashed(step, brokerUnits)) options.onBrokerCrash()
      delivery.accept(step)
      if (anyCameUp(step, brokerUnits)) link.connectNow()
    },
    health: delivery.health,
    clear: delivery.clear,
    brokerIsUp: link.connectNow,
    reloaded: delivery.reloaded,
    stop: delivery.stop,
  }
}
