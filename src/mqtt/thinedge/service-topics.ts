// The retained messages of thin-edge.io's services: which are due, and which the broker already has. Pure.
import { CHANNELS, type Channel, isAlarm, REMOVAL_ORDER } from './payload.ts'

export interface ServiceMessage {
  readonly service: string
  readonly channel: Channel
  /** Empty: the message is removed. */
  readonly payload: string
}

/** The payload on each channel: empty if there must be no message, null if the present one remains. */
export type Payloads = (channel: Channel) => string | null

export interface ServiceTopics {
  /** The broker holds a message of an earlier run, or may hold one. */
  found(service: string, channel: Channel): void
  /** Publishes what changed in the service; each service once, with its newest state, however often it changed. */
  due(service: string): void
  /** A connection begins: the broker may have lost or kept any message, so each is due again. */
  connected(): void
  /** Publishes again what the broker refused. */
  retry(): void
  /** The next message to publish, in flight from then on; null if there is none. */
  next(): ServiceMessage | null
  /** The broker has acknowledged it, or refused it. */
  settle(message: ServiceMessage, refused: boolean): void
}

/** `wanted`: what is to be published of a service; null if nothing. */
export function createServiceTopics(wanted: (service: string) => Payloads | null): ServiceTopics {
  /** What the broker has of each service; null for a message whose content is not known. */
  const held = new Map<string, Map<Channel, string | null>>()
  const due = new Set<string>()
  /** The messages of one service, published before those of the next one, so that services never fill the connection. */
  let batch: ServiceMessage[] = []
  let unsettled = 0

  function hold(service: string, channel: Channel, payload: string | null): void {
    const channels = held.get(service) ?? new Map<Channel, string | null>()
    held.set(service, channels.set(channel, payload))
  }

  function forget(service: string, channel: Channel): void {
    const channels = held.get(service)
    channels?.delete(channel)
    if (channels?.size === 0) held.delete(service)
  }

  function changes(service: string): ServiceMessage[] {
    const payloads = wanted(service)
    const before = held.get(service)
    const messages: ServiceMessage[] = []
    for (const channel of payloads === null ? REMOVAL_ORDER : CHANNELS) {
      const payload = payloads === null ? '' : payloads(channel)
      const now = before?.get(channel)
      if (payload === null || payload === now || (payload === '' && now === undefined)) continue
      // an alarm keeps the text and the time with which it was raised
      if (isAlarm(channel) && payload !== '' && typeof now === 'string') continue
      messages.push({ service, channel, payload })
    }
    return messages
  }

  function allDue(): void {
    for (const service of held.keys()) due.add(service)
  }

  return {
    found(service, channel) {
      hold(service, channel, null)
      due.add(service)
    },
    due: (service) => void due.add(service),
    connected() {
      batch = []
      unsettled = 0
      for (const channels of held.values()) for (const channel of channels.keys()) channels.set(channel, null)
      allDue()
    },
    retry: allDue,
    next() {
      if (batch.length === 0 && unsettled > 0) return null
      for (const service of due) {
        if (batch.length > 0) break
        due.delete(service)
        batch = changes(service)
      }
      const message = batch.shift()
      if (message === undefined) return null
      unsettled += 1
      hold(message.service, message.channel, null)
      return message
    },
    settle({ service, channel, payload }, refused) {
      unsettled -= 1
      if (refused) return
      if (payload === '') forget(service, channel)
      else hold(service, channel, payload)
    },
  }
}
