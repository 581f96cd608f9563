// Publish order: birth message and agent status, then all states after a CONNACK, then events and states alternately;
// events, however, not while they are held.

import { type State, unitOf } from '../../core/state.ts'
import type { Identity } from '../../core/views/api-json.ts'
import type { Clock } from '../../ports.ts'
import type { Features } from '../features.ts'
import { availabilityMessage, droppedPayload, eventPayload, statePayload } from '../payloads.ts'
import type { Topics } from '../topics.ts'
import { type Outbox, withoutLog } from './outbox.ts'
import type { Outgoing } from './publisher.ts'
import type { Snapshots } from './snapshots.ts'

/** How long a broker keeps an event for a subscriber that is offline; after that, history still has it. */
const EVENT_EXPIRES_AFTER_S = 7 * 86_400

interface SendOrderOptions {
  readonly topics: Topics
  readonly identity: Identity
  readonly outbox: Outbox
  readonly snapshots: Snapshots
  /** Their messages are published after the states, or beside an event. */
  readonly features: Pick<Features, 'besides' | 'next'>
  /** Events have to wait. */
  readonly holdsEvents: () => boolean
  readonly state: () => State
  readonly clock: Pick<Clock, 'now'>
  /** The broker has acknowledged one more event, or (false) the record of dropped ones. */
  readonly settled: (event: boolean) => void
}

interface SendOrder {
  /**
   * A connection begins: the birth message goes before everything else, then all states. `birthLast`: the connection may end
   * soon, so the birth message goes after everything else; availability does not change while others like it end.
   */
  begin(session: string, birthLast: boolean): void
  /** The connection is down: events in flight have to be sent again. */
  end(): void
  /** Publishes the agent's status; the newest replaces one that is not sent yet. */
  agent(payload: string): void
  /** `offline` goes before everything that waits, and no birth message after it; `done` when the broker has it. */
  offline(session: string, done: () => void): void
  next(): Outgoing | null
}

export function createSendOrder(options: SendOrderOptions): SendOrder {
  const { topics, identity, outbox, snapshots, state } = options
  let urgent: Outgoing[] = []
  /** Goes when nothing else waits. */
  let last: Outgoing | null = null
  let statesFirst = false
  let stateTurn = false
  /** The event whose message beside it has just been published. */
  let following: Outgoing | null = null

  function nextEvent(): Outgoing | null {
    const parcel = options.holdsEvents() ? null : outbox.next()
    if (parcel === null) return null
    const topic = topics.event(parcel.kind === 'event' ? parcel.event.kind : 'dropped')
    const payload =
      parcel.kind === 'event'
        ? eventPayload(parcel.event, identity, parcel.replayed)
        : droppedPayload(parcel.dropped, identity, state().bootId, options.clock.now().wallMs)
    const outgoing: Outgoing = {
      topic,
      payload,
      retain: false,
      expirySeconds: EVENT_EXPIRES_AFTER_S,
      canShorten: parcel.kind === 'event' && withoutLog(parcel.event) !== null,
      settled(refused, tooLarge) {
        if (refused !== null) return outbox.refuse(parcel, tooLarge)
        outbox.settle(parcel)
        options.settled(parcel.kind === 'event')
      },
    }
    // It goes first: a broker that acknowledges the event has processed this message, too.
    const beside = parcel.kind === 'event' ? options.features.besides(parcel.event) : null
    if (beside === null) return outgoing
    following = outgoing
    return { ...beside, expirySeconds: EVENT_EXPIRES_AFTER_S }
  }

  function nextState(): Outgoing | null {
    for (;;) {
      const pending = snapshots.next()
      if (pending === null) return null
      const unit = unitOf(state(), pending.unit)
      if (unit === undefined && !pending.gone) {
        snapshots.settle(pending)
        continue
      }
      const topic = topics.unitState(pending.unit)
      const payload = unit === undefined || pending.gone ? '' : statePayload(unit, identity)
      return {
        topic,
        payload,
        retain: true,
        settled() {
          snapshots.settle(pending)
        },
      }
    }
  }

  function takeLast(): Outgoing | null {
    if (options.holdsEvents()) return null
    const taken = last
    last = null
    return taken
  }

  return {
    begin(session, birthLast) {
      const birth = { ...availabilityMessage(topics, 'online', session), settled: () => {} }
      urgent = birthLast ? [] : [birth]
      last = birthLast ? birth : null
      statesFirst = true
    },
    end() {
      urgent = []
      last = null
      following = null
      outbox.requeue()
    },
    agent(payload) {
      const topic = topics.agent
      urgent = urgent.filter((outgoing) => outgoing.topic !== topic)
      urgent.push({ topic, payload, retain: true, settled: () => {} })
    },
    offline(session, done) {
      last = null
      urgent.unshift({ ...availabilityMessage(topics, 'offline', session), settled: done })
    },
    next() {
      const first = following ?? urgent.shift()
      following = null
      if (first !== undefined) return first
      const state = statesFirst ? nextState() : null
      if (state !== null) return state
      statesFirst = false
      for (const nextOf of options.features.next) {
        const other = nextOf()
        if (other !== null) return other
      }
      stateTurn = !stateTurn
      return (stateTurn ? (nextEvent() ?? nextState()) : (nextState() ?? nextEvent())) ?? takeLast()
    },
  }
}
