// Tracks the discovery messages that the broker has retained, and the entities in them. They are read back after each
// connection: a message that is still there is not published again, and an entity that were merely left out of the next
// message would stay in Home Assistant forever.
import type { Clock } from '../../ports.ts'
import type { Connection } from '../connection/connection.ts'
import { type ConfigTopics, entitiesIn } from './message.ts'

/** A retained message arrives within this time, or there is none. */
const RETAINED_WITHIN_MS = 2_000
/** The first message is subscribed to last: the others, if there are any, come before it or directly after it. */
const OTHERS_WITHIN_MS = 200

interface PublishedMessage {
  /** Null: the broker may not have it. */
  payload: string | null
  entities: ReadonlyMap<string, string>
}

export interface PublishedMessages {
  /** Reads them from the broker. */
  read(connection: Connection): void
  stopReading(): void
  /** A retained message has arrived. */
  received(topic: string, payload: string): void
  /** False until they are read: nothing must be published before that. */
  known(): boolean
  topics(): Iterable<string>
  payload(topic: string): string | null
  /** Platforms by the id of the entity. */
  entities(topic: string): ReadonlyMap<string, string>
  replace(topic: string, payload: string, entities: ReadonlyMap<string, string>): void
}

/** `ready`: called when they are known. */
export function createPublishedMessages(topics: ConfigTopics, clock: Clock, ready: () => void): PublishedMessages {
  const messages = new Map<string, PublishedMessage>()
  let known = false
  let cancel = () => {}
  let stopReading = () => {}

  function doneAfter(ms: number): void {
    cancel()
    cancel = clock.after(ms, () => {
      known = true
      stopReading()
      ready()
    })
  }

  return {
    read(connection) {
      known = false
      for (const message of messages.values()) message.payload = null
      for (const filter of [topics.others, topics.first]) connection.subscribe(filter, () => {})
      doneAfter(RETAINED_WITHIN_MS)
      stopReading = () => {
        stopReading = () => {}
        cancel()
        for (const filter of [topics.others, topics.first]) connection.unsubscribe(filter)
      }
    },
    stopReading: () => stopReading(),
    received(topic, payload) {
      if (known) return
      const entities = entitiesIn(payload)
      // What is known of an earlier connection is at least as new, even if the broker has an older message.
      messages.set(topic, { payload, entities: new Map([...entities, ...(messages.get(topic)?.entities ?? [])]) })
      if (topic === topics.first) doneAfter(OTHERS_WITHIN_MS)
    },
    known: () => known,
    topics: () => messages.keys(),
    payload: (topic) => messages.get(topic)?.payload ?? null,
    entities: (topic) => messages.get(topic)?.entities ?? NONE,
    replace(topic, payload, entities) {
      if (payload === '') messages.delete(topic)
      else messages.set(topic, { payload, entities })
    },
  }
}

const NONE: ReadonlyMap<string, string> = new Map()
