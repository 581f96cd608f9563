// Helpers to wait for a gateway, and to read what a subscriber received.
import type { ReceivedMessage, Subscriber } from '../rig/mosquitto.ts'
import { until } from '../rig/until.ts'
import type { Gateway } from './gateway.ts'

export async function connected(gateway: Gateway): Promise<void> {
  await until(() => gateway.sink.health(), { what: 'a connection', is: (health) => health.connected, everyMs: 5 })
}

/** The broker has everything. */
export async function drained(gateway: Gateway): Promise<void> {
  await until(() => gateway.sink.health(), {
    what: 'an empty queue',
    is: (health) => health.connected && health.queued === 0,
  })
}

export function json(message: ReceivedMessage | undefined): Record<string, unknown> {
  return JSON.parse(message?.payload ?? 'null')
}

export function eventsOf(subscriber: Subscriber): Record<string, unknown>[] {
  return subscriber.received.filter(({ topic }) => topic.includes('/event/')).map(json)
}

/** Sequence numbers of the events, in the order in which they came. */
export function seqsOf(subscriber: Subscriber): number[] {
  return eventsOf(subscriber).map((event) => Number(event['seq']))
}
