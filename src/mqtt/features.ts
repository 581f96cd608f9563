// The features that subscribe to topics of their own: discovery for Home Assistant, services of thin-edge.io, commands,
// removal of stale states and of what is retained under former names, correction of our own availability.
import type { Event } from '../core/event.ts'
import type { Step } from '../ports.ts'
import { createMqttCommands } from './commands.ts'
import type { Link } from './connection/link.ts'
import type { Poison } from './delivery/poison.ts'
import type { Outgoing } from './delivery/publisher.ts'
import type { Snapshots } from './delivery/snapshots.ts'
import { createDiscovery } from './homeassistant/discovery.ts'
import type { MqttConfig, MqttOptions } from './options.ts'
import { createOwnAvailability } from './own-availability.ts'
import { createFormerNames } from './retained/former-names.ts'
import { createStaleTopics } from './stale-topics.ts'
import { createThinEdge } from './thinedge/thinedge.ts'
import type { TopicHandler } from './topic-handler.ts'
import type { MessageKind, Topics } from './topics.ts'

interface FeaturesOptions {
  readonly mqtt: MqttOptions
  readonly topics: Topics
  readonly snapshots: Snapshots
  /** There is something to publish. */
  readonly pump: () => void
  /** Publishes the availability, the agent's status and all states. */
  readonly publishAll: () => void
  readonly link: Pick<Link, 'missing'>
  /** What the broker accepts. */
  readonly poison: Pick<Poison, 'payloadAtMost'>
}

export interface Features extends TopicHandler {
  accept(step: Step): void
  reloaded(): void
  /** Publishes again what the broker refused. */
  retry(): void
  /** Why a configured feature does not work on this connection; null if all do. */
  problem(): string | null
  /** What to know about a feature that works; null if there is nothing. */
  note(): string | null
  /** The message that is published beside this event; null if there is none, or none any more. */
  besides(event: Event): Outgoing | null
  /** Functions that return the next message to publish; null if there is none. */
  readonly next: readonly (() => Outgoing | null)[]
  /** Stops retries and timers; the results of commands can still be published. */
  stop(): void
}

/** The kinds of messages that are published only if they are configured, and are not. */
export function kindsOff({ homeassistant, thinedge }: MqttConfig): readonly MessageKind[] {
  return [...(homeassistant ? [] : (['discovery'] as const)), ...(thinedge ? [] : (['thinedge'] as const))]
}

export function createFeatures({ mqtt, topics, snapshots, poison, link, pump, publishAll }: FeaturesOptions): Features {
  const { config, identity, version, state, clock, log } = mqtt
  const commands = createMqttCommands({
    accept: config.commands,
    topics,
    identity,
    commands: mqtt.commands,
    brokerUnits: mqtt.brokerUnits ?? [],
    pump,
    clock,
    log,
  })
  const discovery = createDiscovery({
    enabled: config.homeassistant,
    prefix: config.discovery_prefix,
    gatewayId: identity.gatewayId,
    machineId: identity.machineId,
    version,
    topics,
    linkTopic: config.link_topic,
    pageUrl: mqtt.pageUrl,
    payloadAtMost: poison.payloadAtMost,
    units: () => state().units.map((unit) => unit.name),
    buttons: commands.accepted,
    pump,
    started() {
      if (link.missing() === null) return
      publishAll()
      pump()
    },
    clock,
    log,
    random: mqtt.random,
  })
  const thinEdge = createThinEdge({ enabled: config.thinedge, identity, state, pump, clock, log })
  const staleTopics = createStaleTopics({
    topics,
    state,
    clear(unit) {
      snapshots.clear(unit)
      pump()
    },
    clock,
  })
  const current = { prefix: config.prefix, gatewayId: identity.gatewayId, discoveryPrefix: config.discovery_prefix }
  const { former, formerSettled: settled } = mqtt
  const formerNames = createFormerNames({ former, current, us: identity, settled, pump, clock, log })
  const publishAgain = () => {
    publishAll()
    discovery.repeat()
  }
  const ownAvailability = createOwnAvailability(topics, publishAgain, clock)
  const handlers: readonly TopicHandler[] = [discovery, thinEdge, commands, staleTopics, formerNames, ownAvailability]

  return {
    up(connection) {
      for (const handler of handlers) handler.up(connection)
    },
    down() {
      for (const handler of handlers) handler.down()
    },
    message: (topic, payload, retained) => handlers.some((handler) => handler.message(topic, payload, retained)),
    accept(step) {
      discovery.accept(step)
      thinEdge.accept(step)
    },
    reloaded: discovery.reloaded,
    retry() {
      discovery.retry()
      thinEdge.retry()
    },
    besides: thinEdge.besides,
    problem: commands.problem,
    note: () => commands.note() ?? formerNames.note(),
    next: [commands.next, discovery.next, thinEdge.next, formerNames.next],
    stop() {
      discovery.down()
      thinEdge.stop()
      staleTopics.down()
      formerNames.down()
      ownAvailability.down()
    },
  }
}
