// Asks the broker, once, which states it holds, so that those of units that nobody watches any more can be cleared.
import type { Clock } from '../ports.ts'
import type { Connection } from './connection/connection.ts'

/** By then, the configured units are known and their states told. */
const AFTER_MS = 5_000
/** The broker sends what it holds at once; a slow link may take its time. */
const LISTEN_FOR_MS = 10_000

/** Subscribes a while after now and for a while; `done` when that is over. Returns its undo. */
export function sweep(connection: Connection, filter: string, clock: Clock, done: () => void): () => void {
  let cancel = clock.after(AFTER_MS, () => {
    connection.subscribe(filter, () => {})
    cancel = clock.after(LISTEN_FOR_MS, () => {
      connection.unsubscribe(filter)
      done()
    })
  })
  return () => cancel()
}
