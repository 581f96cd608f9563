// Publishes the watched units as services of thin-edge.io: registration, health, alarms, and crashes as events.
import type { Event } from '../../core/event.ts'
import { changedUnits, removedUnits, type State, unitOf } from '../../core/state.ts'
import type { Unit } from '../../core/unit.ts'
import type { Identity } from '../../core/views/api-json.ts'
import { firstFew } from '../../core/views/format.ts'
import type { Clock, Log, Step } from '../../ports.ts'
import type { Outgoing } from '../delivery/publisher.ts'
import type { TopicHandler } from '../topic-handler.ts'
import { createEarlierServices, type EarlierService } from './earlier-services.ts'
import * as payload from './payload.ts'
import { createServiceTopics, type Payloads } from './service-topics.ts'

const NAMES_AT_MOST = 5
/** As many events as wait for the broker at most. */
const REPORTED_AT_MOST = 1000

interface ThinEdgeOptions {
  /** False: what an earlier run published is removed again. */
  readonly enabled: boolean
  readonly identity: Identity
  readonly state: () => State
  /** There is something to publish. */
  readonly pump: () => void
  readonly clock: Pick<Clock, 'after'>
  readonly log: Log
}

export interface ThinEdge extends TopicHandler {
  accept(step: Step): void
  /** Publishes again what the broker refused. */
  retry(): void
  next(): Outgoing | null
  /** The message that is published beside this event; null if there is none, or none any more. */
  besides(event: Event): Outgoing | null
  /** The agent stops: from now on the state of every unit is unknown. */
  stop(): void
}

export function createThinEdge(options: ThinEdgeOptions): ThinEdge {
  const { enabled, identity, state } = options
  const { stream } = identity
  /** Services whose health another program publishes. */
  const foreign = new Set<string>()
  const topics = createServiceTopics(payloadsOf)
  const earlier = createEarlierServices(options.clock, begin)
  const reported = createReported()
  let stopped = false

  /** The watched unit that is published as this service. */
  function unitOfService(service: string): Unit | undefined {
    const name = payload.unitOfService(service)
    return enabled && !foreign.has(service) && payload.serviceOf(name) === service ? unitOf(state(), name) : undefined
  }

  function payloadsOf(service: string): Payloads | null {
    const unit = unitOfService(service)
    if (unit === undefined) return null
    if (stopped) return (channel) => payload.lastPayloadOn(channel, stream)
    const { policy } = state()
    return (channel) => payload.payloadOn(channel, unit, policy, stream)
  }

  function due(unit: string): void {
    const service = payload.serviceOf(unit)
    if (service !== null) topics.due(service)
  }

  function allDue(): void {
    if (enabled && earlier.isDone()) for (const { name } of state().units) due(name)
    options.pump()
  }

  /** What the broker has from before is known. */
  function begin(services: ReadonlyMap<string, EarlierService>): void {
    const left: string[] = []
    for (const [service, { health, alarms }] of services) {
      const publisher = health === null ? null : payload.publisherOf(health)
      const isWatched = unitOfService(service) !== undefined
      if (health !== null && publisher === null) {
        foreign.add(service)
        if (isWatched) left.push(service)
      } else if (publisher === stream) for (const channel of payload.CHANNELS) found(service, channel, alarms)
      else if (isWatched) for (const channel of alarms) topics.found(service, channel)
    }
    if (left.length > 0) {
      const names = firstFew(left, NAMES_AT_MOST).join(', ')
      options.log(
        'warning',
        `mqtt: not published to thin-edge.io, because another program publishes their health: ${names}`,
      )
    }
    allDue()
  }

  function found(service: string, channel: payload.Channel, alarms: readonly payload.Channel[]): void {
    if (!payload.isAlarm(channel) || alarms.includes(channel)) topics.found(service, channel)
  }

  return {
    up(connection) {
      topics.connected()
      earlier.read(connection)
      allDue()
    },
    down: earlier.stop,
    message: earlier.received,
    accept({ before, after }) {
      if (!enabled || !earlier.isDone()) return
      for (const [was, unit] of changedUnits(before, after)) if (!isInStorm(was, unit)) due(unit.name)
      for (const unit of removedUnits(before, after)) due(unit)
    },
    retry: topics.retry,
    next() {
      const message = topics.next()
      if (message === null) return null
      const topic = payload.serviceTopic(message.service, message.channel)
      return {
        topic,
        payload: message.payload,
        retain: true,
        settled: (refused) => topics.settle(message, refused !== null),
      }
    },
    besides(event) {
      if (!enabled || event.kind !== 'crash' || reported.has(event.seq)) return null
      const service = payload.serviceOf(event.unit)
      if (service === null || unitOfService(service) === undefined) return null
      return { ...payload.crashMessage(service, event, identity), settled: () => reported.add(event.seq) }
    },
    stop() {
      stopped = true
      earlier.stop()
      allDue()
    },
  }
}

/** Sequence numbers of crashes that the broker has acknowledged or refused; their own events may have to be published again. */
function createReported() {
  const seqs = new Set<number>()
  return {
    has: (seq: number) => seqs.has(seq),
    add(seq: number): void {
      const [oldest] = seqs
      if (oldest !== undefined && seqs.size >= REPORTED_AT_MOST) seqs.delete(oldest)
      seqs.add(seq)
    },
  }
}

/** A summary replaces the unit's events: the states between them are not published either. */
function isInStorm(was: Unit | undefined, unit: Unit): boolean {
  return was?.burst?.summary != null && unit.burst?.summary != null
}
