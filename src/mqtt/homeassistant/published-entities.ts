// Tracks the entities published to Home Assistant. After a start they are read back from the retained message,
// because an entity that is merely left out of the next message would stay in Home Assistant forever.
import type { Clock } from '../../ports.ts'
import type { Connection } from '../connection/connection.ts'
import { entitiesIn } from './payload.ts'

/** A retained message of an earlier run arrives within this time, or there is none. */
const RETAINED_WITHIN_MS = 2_000

interface PublishedEntities {
  /** Reads them from the broker, unless they are known already. */
  read(connection: Connection): void
  stopReading(): void
  /** A retained message has arrived. */
  received(payload: string): void
  /** False until they are read: nothing must be published before that. */
  known(): boolean
  /** Platforms by the id of the entity. */
  entities(): ReadonlyMap<string, string>
  replace(entities: ReadonlyMap<string, string>): void
}

/** `ready`: called when no retained message arrived in time. */
export function createPublishedEntities(topic: string, clock: Clock, ready: () => void): PublishedEntities {
  let entities: ReadonlyMap<string, string> = new Map()
  let known = false
  let stopReading = () => {}

  function done(): void {
    known = true
    stopReading()
  }

  return {
    read(connection) {
      if (known) return
      connection.subscribe(topic, () => {})
      const cancel = clock.after(RETAINED_WITHIN_MS, () => {
        done()
        ready()
      })
      stopReading = () => {
        stopReading = () => {}
        cancel()
        connection.unsubscribe(topic)
      }
    },
    stopReading: () => stopReading(),
    received(payload) {
      if (known) return
      entities = entitiesIn(payload)
      done()
    },
    known: () => known,
    entities: () => entities,
    replace(next) {
      entities = next
    },
  }
}
