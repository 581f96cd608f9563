// Publishes Home Assistant discovery: after each connection, after Home Assistant's birth, and when the units change.
import type { Clock, Log, Step } from '../../ports.ts'
import type { Outgoing } from '../delivery/publisher.ts'
import type { TopicHandler } from '../topic-handler.ts'
import type { Topics } from '../topics.ts'
import { birthTopics, configTopic, devicePayload, entities, UNITS_AT_MOST } from './payload.ts'
import { createPublishedEntities } from './published-entities.ts'

interface DiscoveryOptions {
  /** False: what an earlier run published is removed again. */
  readonly enabled: boolean
  /** Home Assistant's discovery prefix. */
  readonly prefix: string
  readonly gatewayId: string
  readonly version: string
  readonly topics: Topics
  /** Names of the watched units. */
  readonly units: () => readonly string[]
  /** There is something to publish. */
  readonly pump: () => void
  readonly clock: Clock
  readonly log: Log
}

interface Discovery extends TopicHandler {
  accept(step: Step): void
  /** Publishes again what the broker refused. */
  retry(): void
  next(): Outgoing | null
}

export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { enabled, prefix, gatewayId, topics } = options
  const topic = configTopic(prefix, gatewayId)
  const births = birthTopics(prefix)
  const published = createPublishedEntities(topic, options.clock, options.pump)
  const shownUnits = createUnitLimit(options)
  let due = false
  let inFlight = false

  /** The current discovery message; `again`: it must be published once more to forget the removed entities. */
  function message(): { payload: string; after: Map<string, string>; again: boolean } | null {
    const before = published.entities()
    if (!enabled) return before.size === 0 ? null : { payload: '', after: new Map(), again: false }
    const units = shownUnits()
    const after = entities(units)
    const gone = new Map([...before].filter(([id]) => !after.has(id)))
    const payload = devicePayload({ gatewayId, version: options.version, topics, units, gone })
    return { payload, after, again: gone.size > 0 }
  }

  return {
    up(connection) {
      due = true
      if (enabled) for (const birth of births) connection.subscribe(birth, () => {})
      published.read(connection)
    },
    down() {
      published.stopReading()
      inFlight = false
    },
    accept({ before, after }) {
      if (before.index !== after.index) due = true
    },
    message(receivedTopic, payload, retained) {
      if (births.includes(receivedTopic)) due ||= payload === 'online'
      else if (receivedTopic !== topic) return false
      else if (retained) published.received(payload)
      options.pump()
      return true
    },
    retry() {
      due = true
    },
    next() {
      if (!due || inFlight || !published.known()) return null
      due = false
      const next = message()
      if (next === null) return null
      inFlight = true
      return {
        topic,
        payload: next.payload,
        retain: true,
        settled(refused) {
          inFlight = false
          if (refused !== null) return
          published.replace(next.after)
          if (next.again) due = true
        },
      }
    },
  }
}

/** Names of the units in the discovery message; logs once if there are more than its limit. */
function createUnitLimit({ units, log }: DiscoveryOptions): () => readonly string[] {
  let logged = false
  return () => {
    const all = units()
    if (all.length > UNITS_AT_MOST && !logged) {
      logged = true
      log('warning', `mqtt: Home Assistant discovery is limited to the first ${UNITS_AT_MOST} of ${all.length} units`)
    }
    return all.slice(0, UNITS_AT_MOST)
  }
}
