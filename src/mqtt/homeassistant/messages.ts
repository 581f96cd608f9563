// Puts the discovery messages of this gateway together, from its units and from what was published before.
import type { Log } from '../../ports.ts'
import type { Topics } from '../topics.ts'
import { type Button, type Entity, gatewayEntities, unitEntities } from './entities.ts'
import { type Component, type ConfigTopics, componentOf, headBytes, messageHead, messageOf } from './message.ts'
import { placed } from './placement.ts'
import type { PublishedMessages } from './published-messages.ts'
import type { RemovedEntities } from './removed-entities.ts'

/** Brokers and Home Assistant accept more, but a larger message delays what follows it on a slow link. */
const MESSAGE_AT_MOST_BYTES = 131_072
/** Less than an entity takes: one message is refused then, rather than one for each entity. */
const USELESS_BELOW_BYTES = 1024
/** A gateway usually has a dozen units; each takes 4 to 5 KB. */
const UNITS_AT_MOST = 100
/** The other part of a message is for the removal of entities. */
const PART_FOR_ENTITIES = 0.8

export interface MessagesOptions {
  /** False: what an earlier run published is removed again. */
  readonly enabled: boolean
  readonly gatewayId: string
  /** Shows later which of several gateways with one id published the messages. */
  readonly machineId: string
  readonly version: string
  readonly topics: Topics
  readonly linkTopic: string | null
  /** The address of our page; null if it is unknown. */
  readonly pageUrl: () => string | null
  /** Names of the watched units. */
  readonly units: () => readonly string[]
  /** The commands that a unit accepts over MQTT now. */
  readonly buttons: (unit: string) => readonly Button[]
  /** The largest payload that the broker accepts, as far as that is known. */
  readonly payloadAtMost: () => number
  readonly log: Log
}

export interface DiscoveryMessage {
  readonly topic: string
  /** Empty if the topic is to be cleared. */
  readonly payload: string
  /** The platforms of its entities, the removed ones included. */
  readonly entities: ReadonlyMap<string, string>
}

export type Messages = () => DiscoveryMessage[]

export function createMessages(
  options: MessagesOptions,
  configs: ConfigTopics,
  published: PublishedMessages,
  removed: RemovedEntities,
): Messages {
  const { gatewayId, topics, buttons } = options
  const shownUnits = createUnitLimit(options)

  /** The number of the message that an entity is in. */
  function former(id: string): number | undefined {
    const numbers = [...published.topics()].filter((topic) => published.entities(topic).has(id)).map(configs.numberOf)
    return numbers.length === 0 ? undefined : Math.max(...numbers.map(Number))
  }

  /**
   * The entity as it is published now. One that has other ids than in version 0.1.0 keeps the former ones until Home
   * Assistant is on, is then removed, and only then gets the new ones (null until then): Home Assistant gives it the same
   * entity id again, and with it the history.
   */
  function presentForm(entity: Entity): Entity | null {
    const { former: ids = null, component } = entity
    if (ids === null || former(ids.id) === undefined) return entity
    return removed.isOnline() ? null : { id: ids.id, component: { ...component, uniq_id: ids.uniqueId } }
  }

  function message(topic: string, own: readonly Component[], live: ReadonlySet<string>, head: string, atMost: number) {
    const ids = new Map(own.map(({ id, platform }) => [id, platform]))
    const left = [...published.entities(topic)].filter(([id]) => !ids.has(id))
    // An entity that is in another message now must not be published here once more.
    const moved = left.filter(([id]) => live.has(id)).map(([id, p]) => componentOf({ id, component: { p } }))
    const gone = removed.entities(topic, new Map(left.filter(([id]) => !live.has(id)))).map(componentOf)
    const used = own.reduce((sum, { bytes }) => sum + bytes, headBytes(head))
    const removals = latestThatFit([...gone, ...moved], atMost - used)
    const kept = removals.filter(({ id }) => !live.has(id)).map(({ id, platform }) => [id, platform] as const)
    // First the removals: Home Assistant may give the entity id of a removed entity to a new one.
    const components = [...removals, ...own]
    const payload = components.length === 0 ? '' : messageOf(head, components)
    return { topic, payload, entities: new Map([...kept, ...ids]), removals: removals.length }
  }

  return () => {
    const ours = [...published.topics()].filter((topic) => published.entities(topic).size > 0)
    if (!options.enabled) return ours.map((topic) => ({ topic, payload: '', entities: new Map() }))
    const head = messageHead({ ...options, pageUrl: options.pageUrl() })
    const accepted = options.payloadAtMost()
    const atMost = accepted < USELESS_BELOW_BYTES ? MESSAGE_AT_MOST_BYTES : Math.min(accepted, MESSAGE_AT_MOST_BYTES)
    const ofUnits = shownUnits().flatMap((unit) => unitEntities(gatewayId, topics, unit, buttons(unit)))
    const entities = [...gatewayEntities(gatewayId, topics), ...ofUnits].map(presentForm)
    const components = entities.flatMap((entity) => (entity === null ? [] : [componentOf(entity)]))
    const live = new Set(components.map(({ id }) => id))
    const numbers = placed(components, (atMost - headBytes(head)) * PART_FOR_ENTITIES, former)
    const all = new Set([...ours, ...[...numbers.keys()].map(configs.of)])
    // A unique id can be in one message only, so an entity leaves its message before it is added to another one.
    return [...all]
      .map((topic) => message(topic, numbers.get(configs.numberOf(topic) ?? 0) ?? [], live, head, atMost))
      .toSorted((a, b) => b.removals - a.removals)
  }
}

/** The last ones that fit into this size, in their order. */
function latestThatFit(components: readonly Component[], room: number): readonly Component[] {
  let from = components.length
  for (let left = room - (components[from - 1]?.bytes ?? 0); from > 0 && left >= 0; ) {
    from -= 1
    left -= components[from - 1]?.bytes ?? 0
  }
  return components.slice(from)
}

/** Names of the units in the discovery messages; logs once if there are more than their limit. */
function createUnitLimit({ units, log }: MessagesOptions): () => readonly string[] {
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
