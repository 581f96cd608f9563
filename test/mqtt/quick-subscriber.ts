// A subscriber that reconnects within 20 ms: mosquitto_sub waits a second or more, too long for a thousand kills.
import mqtt from 'mqtt'
import { until } from '../rig/until.ts'

export interface QuickSubscriber extends AsyncDisposable {
  /** `subscription`: number of the subscription that received it, from 1. */
  readonly received: readonly { readonly topic: string; readonly payload: string; readonly subscription: number }[]
  /** Number of subscriptions: one per connection. */
  subscriptions(): number
  /** Calls back with the next message. */
  once(call: () => void): void
  publish(topic: string, payload: string): Promise<unknown>
}

/**
 * QoS 0, because a broker that is killed with unread acknowledgements resets the connection, and what it had sent is lost.
 * With a `session` QoS 1: the broker then keeps messages while the subscriber is disconnected.
 */
export async function subscribeQuickly(
  url: string,
  filter: string,
  session?: string,
  reconnectPeriod = 20,
): Promise<QuickSubscriber> {
  const persistent = session === undefined ? {} : { clean: false, clientId: session }
  const received: { topic: string; payload: string; subscription: number }[] = []
  let subscriptions = 0
  const client = mqtt.connect(url, { reconnectPeriod, resubscribe: false, ...persistent })
  client.on('connect', () => {
    client.subscribe(filter, { qos: session === undefined ? 0 : 1 }, (error) => {
      if (!error) subscriptions += 1
    })
  })
  client.on('error', () => {}) // the broker is still down
  client.on('message', (topic, payload: Buffer) =>
    received.push({ topic, payload: payload.toString('utf8'), subscription: subscriptions }),
  )
  await until(() => subscriptions > 0, { what: 'a subscription', everyMs: 5 })
  return {
    received,
    subscriptions: () => subscriptions,
    publish: (topic, payload) => client.publishAsync(topic, payload, { qos: 1 }),
    once: (call) => void client.once('message', call),
    [Symbol.asyncDispose]: async () => void (await client.endAsync(true)),
  }
}
