// The interface of a feature that subscribes to topics.
import type { Connection } from './connection/connection.ts'

export interface TopicHandler {
  /** A connection begins. */
  up(connection: Connection): void
  /** The connection is down. */
  down(): void
  /** Handles a received message; false if the topic is not one of its own. */
  message(topic: string, payload: string, retained: boolean): boolean
}
