// The retained topics under one set of names, and who published them. Pure.

import type { TopicNames } from '../../core/topic-names.ts'
import type { Identity } from '../../core/views/api-json.ts'
import { configTopics, ownerOfDiscovery } from '../homeassistant/message.ts'
import {
  channelOf,
  markedTopic,
  publisherOf as publisherOfService,
  REMOVAL_ORDER,
  SERVICE_FILTERS,
} from '../thinedge/payload.ts'
import { topicsOf } from '../topics.ts'

/** Who published: the machine and the state file of its agent. */
export type Publisher = Pick<Identity, 'machineId' | 'stream'>

/** The list of everything that the agent retains at a broker. What it retains in addition must be added here. */
export interface RetainedTopics {
  /** The agent's status, which shows who published the others. It is cleared last. */
  readonly status: string
  /** Discovery for Home Assistant, which shows the machine. */
  isDiscovery(topic: string): boolean
  /** Filters that match all of them, and nothing else but services of thin-edge.io that other programs publish. */
  readonly filters: readonly string[]
}

export function retainedTopics({ prefix, gatewayId, discoveryPrefix }: TopicNames): RetainedTopics {
  const { agent, availability, unitStates } = topicsOf(prefix, gatewayId)
  const { first, others, numberOf } = configTopics(discoveryPrefix, gatewayId)
  return {
    status: agent,
    isDiscovery: (topic) => numberOf(topic) !== null,
    filters: [agent, availability, unitStates, first, others, ...SERVICE_FILTERS],
  }
}

/** Names as a person reads them. */
export function namesText({ prefix, gatewayId, discoveryPrefix }: TopicNames): string {
  return `${prefix}/${gatewayId} (discovery prefix ${discoveryPrefix})`
}

/** Which of the retained messages that were found are ours. */
export interface Ownership {
  /** In the order in which they must be cleared. */
  readonly ours: readonly string[]
  /** Topics that are not ours, or of which this is not known. */
  readonly others: readonly string[]
  /** Who published the others; null if that is unknown. */
  readonly other: Partial<Publisher> | null
}

/**
 * `found`: payloads by topic. States do not show who published them: they are ours if the status is. A discovery message is
 * ours if it shows our machine; one that shows none, of an older version, is ours if the status is. A service of thin-edge.io
 * is ours if its health shows our stream; those of other programs are left out.
 */
export function ownershipOf(topics: RetainedTopics, found: ReadonlyMap<string, string>, us: Publisher): Ownership {
  const status = found.get(topics.status)
  const publisher = status === undefined ? null : publisherOf(status)
  const statusIsOurs = publisher?.machineId === us.machineId && publisher.stream === us.stream
  let other: Partial<Publisher> | null = statusIsOurs ? null : publisher
  const isOurs = (topic: string, payload: string): boolean => {
    if (!topics.isDiscovery(topic)) return statusIsOurs
    const owner = ownerOfDiscovery(payload)
    if (owner === null) return false // of another program
    if (owner.machineId !== null && owner.machineId !== us.machineId) other ??= { machineId: owner.machineId }
    return owner.machineId === null ? statusIsOurs : owner.machineId === us.machineId && (statusIsOurs || !publisher)
  }
  const ours: string[] = []
  const others: string[] = []
  for (const [topic, payload] of found) {
    const place = channelOf(topic)
    if (place === null) (isOurs(topic, payload) ? ours : others).push(topic)
    else if (publisherOfService(found.get(markedTopic(place.service)) ?? '') === us.stream) ours.push(topic)
  }
  const last = (topic: string) => (topic === topics.status ? REMOVAL_ORDER.length : placeInOrder(topic))
  return { ours: ours.sort((a, b) => last(a) - last(b)), others, other }
}

/** Of a message of a service among the others of the service. */
function placeInOrder(topic: string): number {
  const place = channelOf(topic)
  return place === null ? 0 : REMOVAL_ORDER.indexOf(place.channel)
}

/** The message shows who published it, or others. */
export function showsPublisher(topics: RetainedTopics, topic: string): boolean {
  const place = channelOf(topic)
  return place === null ? topic === topics.status || topics.isDiscovery(topic) : topic === markedTopic(place.service)
}

function publisherOf(status: string): Partial<Publisher> {
  try {
    const { machine_id, stream } = JSON.parse(status) as Record<string, unknown>
    if (typeof machine_id === 'string' && typeof stream === 'string') return { machineId: machine_id, stream }
  } catch {} // not of an agent
  return {}
}
