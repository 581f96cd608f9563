// What every feature that subscribes to topics has in common.
import type { Connection } from './connection/connection.ts'

export interface TopicHandler {
  /** A connection begins. `messageBytes`: the largest message that the broker accepts. */
  up(connection: Connection, messageBytes: number): void
  /** The connection is down. */
  down(): void
  /** Handles a received message; false where the topic is not one of its own. */
  message(topic: string, payload: string, retained: boolean): boolean
}
