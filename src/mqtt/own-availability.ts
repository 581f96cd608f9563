// Watches our own availability: if it becomes something else than `online` while we are connected, everything is published
// again. That happens by the late Will of an earlier connection, or if another gateway had the same id and got another one.
import type { Clock } from '../ports.ts'
import type { TopicHandler } from './topic-handler.ts'
import type { Topics } from './topics.ts'

/** What happens within this time is corrected by publishing once. */
const WITHIN_MS = 2_000

export function createOwnAvailability(
  topics: Pick<Topics, 'availability'>,
  publishAgain: () => void,
  clock: Clock,
): TopicHandler {
  let version: 4 | 5 = 5
  let cancel: (() => void) | null = null
  return {
    up(connection) {
      version = connection.version
      connection.subscribe(topics.availability, () => {}, 'live')
    },
    down() {
      cancel?.()
      cancel = null
    },
    message(topic, payload, retained) {
      if (topic !== topics.availability) return false
      // Over MQTT 3.1.1, the stored message arrives too: it is older than our `online`.
      const isStored = version === 4 && retained
      if (payload !== 'online' && !isStored) {
        cancel ??= clock.after(WITHIN_MS, () => {
          cancel = null
          publishAgain()
        })
      }
      return true
    },
  }
}
