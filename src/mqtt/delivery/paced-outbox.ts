// Limits the events in flight, to one when a connection begins: after an outage all that waited would be sent at once, and if
// the broker is killed then, what it had not acknowledged is delivered twice. Pure.
import type { Outbox } from './outbox.ts'

export interface PacedOutbox extends Outbox {
  /** Until the connection is down, as many events as possible may be in flight. */
  hurry(): void
}

/** A backlog of a short outage is sent one event at a time; a long one needs more at once over a slow link. */
const ACKNOWLEDGED_FOR_ONE_MORE = 16

/** The same outbox; the more events the broker has acknowledged since the connection began, the more may be in flight. */
export function pacedOutbox(outbox: Outbox): PacedOutbox {
  let inFlight = 0
  let acknowledged = 0
  return {
    ...outbox,
    next() {
      const inFlightAtMost = Math.max(1, acknowledged / ACKNOWLEDGED_FOR_ONE_MORE)
      const parcel = inFlight + 1 > inFlightAtMost ? null : outbox.next()
      if (parcel !== null) inFlight += 1
      return parcel
    },
    settle(parcel) {
      inFlight -= 1
      acknowledged += 1
      outbox.settle(parcel)
    },
    refuse(parcel, tooLarge) {
      inFlight -= 1
      outbox.refuse(parcel, tooLarge)
    },
    hurry() {
      acknowledged = Infinity
    },
    requeue() {
      inFlight = 0
      acknowledged = 0
      outbox.requeue()
    },
  }
}
