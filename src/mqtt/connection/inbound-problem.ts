// Remembers what the broker sent that was too much: for the health checks, and to hold subscriptions back after it.
import type { Clock, Log } from '../../ports.ts'
import type { Connection } from './connection.ts'

/**
 * A problem is reported for this long: longer than the 15 minutes after which the alert on failed checks fires. After a
 * violation, connections subscribe to nothing for as long, because what was too much may come from a subscription.
 */
const REPORT_FOR_MINUTES = 20
const REPORT_FOR_MS = REPORT_FOR_MINUTES * 60_000

interface InboundProblem {
  /** A message was ignored; `what` completes the sentence "the broker sent ...". */
  ignored(what: string): void
  /** The connection was ended for this reason. */
  violation(why: string): void
  /** A connection begins; returns the one to use, which may subscribe later. */
  begin(connection: Connection): Connection
  /** The connection has ended. */
  end(): void
  /** One sentence; null if nothing was too much lately. */
  text(): string | null
}

export function createInboundProblem(clock: Clock, log: Log): InboundProblem {
  let text = ''
  let reportUntilMonoMs = Number.NEGATIVE_INFINITY
  let holdUntilMonoMs = Number.NEGATIVE_INFINITY
  let cancelRelease = () => {}
  const now = () => clock.now().monoMs
  return {
    ignored(what) {
      const isReported = now() < reportUntilMonoMs
      text = `the broker sent ${what}; it was ignored`
      reportUntilMonoMs = now() + REPORT_FOR_MS
      if (!isReported) log('warning', `mqtt: ${text}`)
    },
    violation(why) {
      holdUntilMonoMs = now() + REPORT_FOR_MS
      reportUntilMonoMs = holdUntilMonoMs
      text = `${why}; subscriptions are suspended for ${REPORT_FOR_MINUTES} minutes`
    },
    begin(connection) {
      const holdMs = holdUntilMonoMs - now()
      if (holdMs <= 0) return connection
      const held = holdSubscriptions(connection)
      cancelRelease = clock.after(holdMs, held.release)
      return held.connection
    },
    end: () => cancelRelease(),
    text: () => (now() < reportUntilMonoMs ? text : null),
  }
}

/** The same connection, except that it does not subscribe before `release`. */
function holdSubscriptions(connection: Connection): { readonly connection: Connection; readonly release: () => void } {
  const held = new Map<string, () => void>()
  let released = false
  return {
    connection: {
      ...connection,
      subscribe(filter, done, live) {
        const subscribe = () => connection.subscribe(filter, done, live)
        if (released) subscribe()
        else held.set(filter, subscribe)
      },
      unsubscribe(filter) {
        if (!held.delete(filter)) connection.unsubscribe(filter)
      },
    },
    release() {
      released = true
      for (const subscribe of held.values()) subscribe()
      held.clear()
    },
  }
}
