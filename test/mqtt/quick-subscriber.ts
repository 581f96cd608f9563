// A subscriber that is back as soon as the broker is: mosquitto_sub waits a second or more, too long for a thousand kills.
import mqtt from 'mqtt'
import { until } from '../rig/until.ts'

export interface QuickSubscriber extends AsyncDisposable {
  /** `subscription`: the how manieth one brought it. */
  readonly heard: readonly { readonly topic: string; readonly payload: string; readonly subscription: number }[]
  /** How often it was subscribed: again after each loss of the broker. */
  subscriptions(): number
  /** Calls back with the next message. */
  once(call: () => void): void
  publish(topic: string, payload: string): Promise<unknown>
}

/**
 * At QoS 0: a broker that is killed with acknowledgements unread resets the link, and what it had sent is lost. With a
 * `session` at QoS 1, and the broker keeps for it what comes while it is away.
 */
export async function subscribeQuickly(url: string, filter: string, session?: string): Promise<QuickSubscriber> {
  const kept = session === undefined ? {} : { clean: false, clientId: session }
  const heard: { topic: string; payload: string; subscription: number }[] = []
  let subscriptions = 0
  const client = mqtt.connect(url, { reconnectPeriod: 20, resubscribe: false, ...kept })
  client.on('connect', () => {
    client.subscribe(filter, { qos: session === undefined ? 0 : 1 }, (error) => {
      if (!error) subscriptions += 1
    })
  })
  client.on('error', () => {}) // nobody there yet
  client.on('message', (topic, payload: Buffer) =>
    heard.push({ topic, payload: payload.toString('utf8'), subscription: subscriptions }),
  )
  await until(() => subscriptions > 0, { what: 'a subscription', everyMs: 5 })
  return {
    heard,
    subscriptions: () => subscriptions,
    publish: (topic, payload) => client.publishAsync(topic, payload, { qos: 1 }),
    once: (call) => void client.once('message', call),
    [Symbol.asyncDispose]: async () => void (await client.endAsync(true)),
  }
}
