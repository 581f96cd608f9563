// What is to be published next, and in which order: word of ourselves, states after a CONNACK, then events and states in turn.
import type { Identity } from '../core/api-json.ts'
import { type State, unitOf } from '../core/state.ts'
import type { Clock } from '../ports.ts'
import type { Message } from './connection/connection.ts'
import type { Outbox } from './outbox.ts'
import { droppedPayload, eventPayload, statePayload } from './payloads.ts'
import type { Sending } from './publisher.ts'
import type { Snapshots } from './snapshots.ts'
import type { Topics } from './topics.ts'

/** How long a broker keeps an event for a subscriber that is away; after that, history has it. */
const EVENT_EXPIRES_AFTER_S = 7 * 86_400

export interface SendOrderOptions {
  readonly topics: Topics
  readonly identity: Identity
  readonly outbox: Outbox
  readonly snapshots: Snapshots
  /** Told after the states: answers to commands, and what Home Assistant is to be told. */
  readonly besides: readonly (() => Sending | null)[]
  readonly state: () => State
  readonly clock: Pick<Clock, 'now'>
  /** The broker has one more event, or (false) the record of dropped ones. */
  readonly settled: (event: boolean) => void
  readonly refused: (topic: string, why: string) => void
}

export interface SendOrder {
  /** A connection begins: its birth goes before everything else, then all states. */
  begin(session: string): void
  /** The connection is down: what was in flight waits again. */
  forget(): void
  /** The agent's numbers, newest only. */
  agent(payload: string): void
  /** Said next, before everything that waits; `done` when the broker has it. */
  publishNext(message: Message, done: () => void): void
  availability(word: 'online' | 'offline', session: string): Message
  next(): Sending | null
}

export function createSendOrder(options: SendOrderOptions): SendOrder {
  const { topics, identity, outbox, snapshots, state } = options
  let urgent: Sending[] = []
  let statesFirst = false
  let stateTurn = false

  function report(topic: string, why: string | null): void {
    if (why !== null) options.refused(topic, why)
  }

  function nextEvent(): Sending | null {
    const parcel = outbox.next()
    if (parcel === null) return null
    const topic = topics.event(parcel.kind === 'event' ? parcel.event.kind : 'dropped')
    const payload =
      parcel.kind === 'event'
        ? eventPayload(parcel.event, identity, parcel.replayed)
        : droppedPayload(parcel.gap, identity, state().bootId, options.clock.now().wallMs)
    return {
      topic,
      payload,
      retain: false,
      expirySeconds: EVENT_EXPIRES_AFTER_S,
      settled(why) {
        report(topic, why)
        if (why !== null) return outbox.refuse(parcel)
        outbox.settle(parcel)
        options.settled(parcel.kind === 'event')
      },
    }
  }

  function nextState(): Sending | null {
    for (;;) {
      const snapshot = snapshots.next()
      if (snapshot === null) return null
      const unit = unitOf(state(), snapshot.unit)
      if (unit === undefined && !snapshot.gone) {
        snapshots.settle(snapshot)
        continue
      }
      const topic = topics.unitState(snapshot.unit)
      const payload = unit === undefined || snapshot.gone ? '' : statePayload(unit, identity)
      return {
        topic,
        payload,
        retain: true,
        settled(why) {
          report(topic, why)
          snapshots.settle(snapshot)
        },
      }
    }
  }

  function availability(word: 'online' | 'offline', session: string): Message {
    return { topic: topics.availability, payload: word, retain: true, properties: { session } }
  }

  return {
    begin(session) {
      const birth = availability('online', session)
      urgent = [{ ...birth, settled: (why) => report(birth.topic, why) }]
      statesFirst = true
    },
    forget() {
      urgent = []
      outbox.lost()
    },
    agent(payload) {
      urgent = urgent.filter(({ topic }) => topic !== topics.agent)
      urgent.push({ topic: topics.agent, payload, retain: true, settled: (why) => report(topics.agent, why) })
    },
    publishNext(message, done) {
      urgent.unshift({ ...message, settled: done })
    },
    availability,
    next() {
      const first = urgent.shift()
      if (first !== undefined) return first
      const fresh = statesFirst ? nextState() : null
      if (fresh !== null) return fresh
      statesFirst = false
      for (const beside of options.besides) {
        const told = beside()
        if (told !== null) return told
      }
      stateTurn = !stateTurn
      return stateTurn ? (nextEvent() ?? nextState()) : (nextState() ?? nextEvent())
    },
  }
}
