// The events still to be delivered: an outbox that begins with the events of history and reports its progress.
import { Buffer } from 'node:buffer'
import type { Event } from '../../core/event.ts'
import type { MqttOptions } from '../options.ts'
import { eventPayload } from '../payloads.ts'
import { createOutbox } from './outbox.ts'
import { type PacedOutbox, pacedOutbox } from './paced-outbox.ts'

export interface Backlog {
  readonly outbox: PacedOutbox
  accept(events: readonly Event[]): void
  /** A connection begins. */
  connected(): void
  /** The broker has acknowledged one more event, or (false) the record of dropped ones. */
  settled(event: boolean): void
  eventsPublished(): number
}

export function createBacklog(options: MqttOptions): Backlog {
  const { identity, history, log } = options
  const outbox = pacedOutbox(
    createOutbox({
      acknowledged: options.acknowledged,
      bytesOf: (event) => Buffer.byteLength(eventPayload(event, identity, false)),
    }),
  )
  for (const event of history) if (event.seq > (options.acknowledged ?? -1)) outbox.add(event)
  let acknowledged = options.acknowledged ?? -1
  let eventsPublished = 0
  let fullLogged = false

  return {
    outbox,
    accept(events) {
      const before = outbox.dropped().overflow
      for (const event of events) outbox.add(event)
      if (fullLogged || outbox.dropped().overflow === before) return
      fullLogged = true
      log('warning', 'mqtt: the event queue is full; dropping events, the oldest starts and stops first')
    },
    connected() {
      fullLogged = false
      outbox.connected()
    },
    settled(event) {
      if (event) eventsPublished += 1
      const seq = outbox.acknowledged()
      if (seq === null || seq <= acknowledged) return
      acknowledged = seq
      options.onAcknowledged(seq)
    },
    eventsPublished: () => eventsPublished,
  }
}
