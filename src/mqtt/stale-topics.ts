// Finds, once per start, the retained states of units that are no longer watched, so that they can be cleared.
import { type State, unitOf } from '../core/state.ts'
import type { Clock } from '../ports.ts'
import type { TopicHandler } from './topic-handler.ts'
import type { Topics } from './topics.ts'

/** By then the configured units are known and their states are published. */
const AFTER_MS = 5_000
/** The broker sends retained messages at once; a slow link may need this long. */
const LISTEN_FOR_MS = 10_000

interface StaleTopicsOptions {
  readonly topics: Topics
  readonly state: () => State
  /** The broker holds a retained state of this unit, which is not watched. */
  readonly clear: (unit: string) => void
  readonly clock: Clock
}

export function createStaleTopics({ topics, state, clear, clock }: StaleTopicsOptions): TopicHandler {
  let done = false
  let cancel = () => {}
  return {
    up(connection) {
      if (done) return
      cancel = clock.after(AFTER_MS, () => {
        connection.subscribe(topics.unitStates, () => {})
        cancel = clock.after(LISTEN_FOR_MS, () => {
          connection.unsubscribe(topics.unitStates)
          done = true
        })
      })
    },
    down: () => cancel(),
    message(topic, payload, retained) {
      const unit = topics.unitOf(topic)
      if (unit === null) return false
      if (retained && payload !== '' && unitOf(state(), unit) === undefined) clear(unit)
      return true
    },
  }
}
