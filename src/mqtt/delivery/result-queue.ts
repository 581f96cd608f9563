// The results of commands that the broker does not have yet, published one at a time and in order.
import type { Outgoing } from './publisher.ts'

/** The broker may be down for a while: it may be the unit that was stopped. */
const RESULTS_AT_MOST = 32

interface CommandResultMessage {
  readonly topic: string
  readonly payload: string
}

interface ResultQueue {
  /** Drops the oldest result if the queue is full. */
  push(result: CommandResultMessage): void
  /** The next result, in flight from then on; null if one is in flight already or none waits. */
  next(): Outgoing | null
  /** The connection is down: the result in flight has to be sent again. */
  requeue(): void
}

export function createResultQueue(): ResultQueue {
  const waiting: CommandResultMessage[] = []
  let inFlight: CommandResultMessage | null = null
  return {
    push(result) {
      if (waiting.length >= RESULTS_AT_MOST) waiting.shift()
      waiting.push(result)
    },
    next() {
      const next = inFlight === null ? waiting.shift() : undefined
      if (next === undefined) return null
      inFlight = next
      return {
        topic: next.topic,
        payload: next.payload,
        retain: false,
        settled() {
          inFlight = null
        },
      }
    },
    requeue() {
      if (inFlight !== null) waiting.unshift(inFlight)
      inFlight = null
    },
  }
}
