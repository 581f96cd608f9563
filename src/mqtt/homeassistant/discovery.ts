// Publishes Home Assistant discovery: when the broker does not have it, after Home Assistant's birth, and when something
// in it changes.
import type { Clock, Step } from '../../ports.ts'
import type { Outgoing } from '../delivery/publisher.ts'
import type { TopicHandler } from '../topic-handler.ts'
import { birthTopics, configTopics } from './message.ts'
import { createMessages, type DiscoveryMessage, type MessagesOptions } from './messages.ts'
import { createPublishedMessages } from './published-messages.ts'
import { createRemovedEntities } from './removed-entities.ts'

/** All gateways receive the birth message at once; Home Assistant asks them not to respond at once. */
const AFTER_BIRTH_WITHIN_MS = 3_000
/** By then, Home Assistant has subscribed to the topics of the entities. */
const SUBSCRIBED_AFTER_MS = 2_000

export interface DiscoveryOptions extends MessagesOptions {
  /** Home Assistant's discovery prefix. */
  readonly prefix: string
  /** There is something to publish. */
  readonly pump: () => void
  /** Home Assistant has started and has the messages, but maybe none of the states. */
  readonly started: () => void
  readonly clock: Clock
  readonly random: () => number
}

interface Discovery extends TopicHandler {
  accept(step: Step): void
  /** The configuration may have changed. */
  reloaded(): void
  /** Publishes again what the broker refused. */
  retry(): void
  /** Publishes everything again: the broker may have lost it. */
  repeat(): void
  next(): Outgoing | null
}

export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { enabled, prefix, gatewayId, topics, payloadAtMost, clock, pump } = options
  const configs = configTopics(prefix, gatewayId)
  const births = birthTopics(prefix)
  const published = createPublishedMessages(configs, clock, pump)
  const removed = createRemovedEntities({
    gatewayId,
    silentTopic: `${topics.availability}/none`,
    changed: () => publishAgain(false),
    clock,
    log: options.log,
  })
  const messages = createMessages(options, configs, published, removed)
  let due = false
  /** Also what the broker has. */
  let all = false
  let waiting: DiscoveryMessage[] = []
  /** What the broker accepted when the messages were made. */
  let madeForBytes = Infinity
  let inFlight = false
  let cancelBirth = () => {}

  function publishAgain(allAgain: boolean): void {
    due = true
    all ||= allAgain
    pump()
  }

  function homeAssistantIs(status: string, retained: boolean): void {
    cancelBirth()
    if (status !== 'online') {
      removed.offline()
      return
    }
    cancelBirth = clock.after(options.random() * AFTER_BIRTH_WITHIN_MS, () => {
      cancelBirth = clock.after(SUBSCRIBED_AFTER_MS, options.started)
      removed.online()
      publishAgain(!retained) // it is on, but has not just started
    })
  }

  function nextMessage(): DiscoveryMessage | undefined {
    if (due) {
      madeForBytes = payloadAtMost()
      waiting = messages().filter(({ topic, payload }) => all || payload !== published.payload(topic))
      due = false
      all = false
    }
    return waiting.shift()
  }

  function settled({ topic, payload, entities }: DiscoveryMessage, refused: string | null): void {
    inFlight = false
    // A refusal may have shown that the broker accepts only smaller messages.
    if (refused !== null) due ||= payloadAtMost() < madeForBytes
    else published.replace(topic, payload, entities)
    if (waiting.length > 0) return
    removed.published()
    due ||= refused === null // an entity that is forgotten now may have waited to be published with its new ids
  }

  return {
    up(connection) {
      due = true
      if (enabled) for (const birth of births) connection.subscribe(birth, () => {})
      if (enabled || !published.known()) published.read(connection)
    },
    down() {
      published.stopReading()
      removed.offline()
      cancelBirth()
      waiting = []
      inFlight = false
    },
    accept({ before, after }) {
      if (before.index !== after.index) due = true
    },
    reloaded: () => publishAgain(false),
    retry() {
      due = true
    },
    repeat: () => publishAgain(true),
    message(topic, payload, retained) {
      if (births.includes(topic)) homeAssistantIs(payload, retained)
      else if (configs.numberOf(topic) === null) return false
      else if (retained) published.received(topic, payload)
      return true
    },
    next() {
      if (inFlight || !published.known()) return null
      const message = nextMessage()
      if (message === undefined) return null
      inFlight = true
      const { topic, payload } = message
      return { topic, payload, retain: true, settled: (refused) => settled(message, refused) }
    },
  }
}
