// Recognises another client that uses our client id: a broker then disconnects whichever of the two connected first.
import type { Clock, Log } from '../../ports.ts'
import type { ConnectionLoss } from './connection.ts'

/** A problem is reported for this long: longer than the 15 minutes after which the alert on failed checks fires. */
const REPORT_FOR_MS = 20 * 60_000
/** Longer than the longest back-off: two clients that disconnect each other do so within this time. */
const SHORT_MS = 70_000
/** This many short connections in a row are more than a broker that was restarted. */
const SHORT_AT_LEAST = 3

interface SharedClientId {
  /** A connection that the broker had accepted has ended after `lastedMs`. */
  ended(loss: Pick<ConnectionLoss, 'takenOver' | 'byBroker'>, lastedMs: number): void
  /** The broker was restarted: the connections that this ended show nothing. */
  restarted(): void
  /** One sentence; null if nothing showed another client lately. */
  problem(): string | null
}

export function createSharedClientId(clientId: string, clock: Pick<Clock, 'now'>, log: Log): SharedClientId {
  let text = ''
  let reportUntilMonoMs = Number.NEGATIVE_INFINITY
  let shortOnes = 0
  const now = () => clock.now().monoMs
  const remedy = 'set another gateway_id or mqtt.client_id on one of them'

  function report(found: string): void {
    if (now() >= reportUntilMonoMs || found !== text) log('warning', `mqtt: ${found}`)
    text = found
    reportUntilMonoMs = now() + REPORT_FOR_MS
  }

  return {
    ended({ takenOver, byBroker }, lastedMs) {
      shortOnes = byBroker && lastedMs < SHORT_MS ? shortOnes + 1 : 0
      if (takenOver) {
        report(
          `another client with our client id ${clientId} took the connection over; two clients with one id disconnect each other: ${remedy}`,
        )
      } else if (shortOnes >= SHORT_AT_LEAST) {
        report(
          `the broker repeatedly closed the connection soon after it was accepted, without a reason; either it restarts, or another client has our client id ${clientId}: then ${remedy}`,
        )
      }
    },
    restarted() {
      shortOnes = 0
    },
    problem: () => (now() < reportUntilMonoMs ? text : null),
  }
}
