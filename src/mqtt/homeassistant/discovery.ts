// When Home Assistant is told of this gateway: after each connection, after its own birth, and when the units change.
import { Buffer } from 'node:buffer'
import type { Clock, Log, Step } from '../../ports.ts'
import type { Connection } from '../connection/connection.ts'
import type { Sending } from '../publisher.ts'
import type { Topics } from '../topics.ts'
import { BIRTH_TOPIC, configTopic, devicePayload, entities, entitiesIn, UNITS_AT_MOST } from './payload.ts'

/** What the broker still holds of an earlier run comes within this time, or is not there. */
const HEAR_FOR_MS = 2_000
/** Topic and header beside the payload. */
const AROUND_BYTES = 200
/** A broker of MQTT 3.1.1 cannot say what is too large for it: it just ends the connection. */
const ENDS_AT_MOST = 3

export interface DiscoveryOptions {
  /** False: what an earlier run told is taken back. */
  readonly enabled: boolean
  readonly gatewayId: string
  readonly version: string
  readonly topics: Topics
  /** Names of the watched units. */
  readonly units: () => readonly string[]
  /** Something waits to be sent. */
  readonly pump: () => void
  readonly refused: (topic: string, why: string) => void
  readonly clock: Clock
  readonly log: Log
}

export interface Discovery {
  /** A connection begins. */
  up(connection: Connection, messageBytes: number): void
  down(): void
  accept(step: Step): void
  /** False where the message is none of ours. */
  message(topic: string, payload: string, retained: boolean): boolean
  /** The broker may take now what it refused. */
  retry(): void
  next(): Sending | null
}

export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { enabled, gatewayId, version, topics, clock } = options
  const topic = configTopic(gatewayId)
  /** What Home Assistant may know of: an entity that is merely left out stays there for ever. */
  let told = new Map<string, string>()
  let largest = Infinity
  let due = false
  let inFlight = false
  /** Connections in a row that ended while it was in flight. */
  let ends = 0
  let tooManyTold = false
  /** What an earlier run told is known: nothing is sent before that. */
  let known = false
  let stopAsking = () => {}

  function units(): readonly string[] {
    const all = options.units()
    if (all.length > UNITS_AT_MOST && !tooManyTold) {
      tooManyTold = true
      options.log('warning', `mqtt: Home Assistant is told of the first ${UNITS_AT_MOST} of ${all.length} units`)
    }
    return all.slice(0, UNITS_AT_MOST)
  }

  function message(): { payload: string; after: Map<string, string>; again: boolean } | null {
    if (!enabled) return told.size === 0 ? null : { payload: '', after: new Map(), again: false }
    const shown = units()
    const after = entities(shown)
    const gone = new Map([...told].filter(([id]) => !after.has(id)))
    return { payload: devicePayload({ gatewayId, version, topics, units: shown, gone }), after, again: gone.size > 0 }
  }

  function askForEarlier(connection: Connection): void {
    connection.subscribe(topic, () => {})
    const cancel = clock.after(HEAR_FOR_MS, () => {
      earlierIsKnown()
      options.pump()
    })
    stopAsking = () => {
      stopAsking = () => {}
      cancel()
      connection.unsubscribe(topic)
    }
  }

  function earlierIsKnown(): void {
    known = true
    stopAsking()
  }

  return {
    up(connection, messageBytes) {
      largest = messageBytes - AROUND_BYTES
      due = true
      if (enabled) connection.subscribe(BIRTH_TOPIC, () => {})
      if (!known) askForEarlier(connection)
    },
    down() {
      stopAsking()
      if (inFlight) ends += 1
      inFlight = false
    },
    accept({ before, after }) {
      if (before.index !== after.index) due = true
    },
    message(heardTopic, payload, retained) {
      if (heardTopic === BIRTH_TOPIC) due ||= payload === 'online'
      else if (heardTopic !== topic) return false
      else if (retained && !known) {
        told = entitiesIn(payload)
        earlierIsKnown()
      }
      options.pump()
      return true
    },
    retry() {
      due = true
    },
    next() {
      if (!due || inFlight || !known) return null
      due = false
      const next = message()
      if (next === null) return null
      const tooLarge = Buffer.byteLength(next.payload) > largest
      if (tooLarge || ends >= ENDS_AT_MOST) {
        options.refused(topic, tooLarge ? 'it is larger than the broker takes' : 'it ends the connection each time')
        return null
      }
      inFlight = true
      return {
        topic,
        payload: next.payload,
        retain: true,
        settled(why) {
          inFlight = false
          ends = 0
          if (why !== null) return options.refused(topic, why)
          told = next.after
          if (next.again) due = true // what is gone was named for the last time
        },
      }
    },
  }
}
