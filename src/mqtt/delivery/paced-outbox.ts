// Limits the events in flight, to one when a connection begins: after an outage all that waited would be sent at once, and if
// the broker is killed then, what it had not acknowledged is delivered twice. Pure.
import type { Outbox } from './outbox.ts'

export interface PacedOutbox extends Outbox {
  /** Until the connection is down, as many events as possible may be in flight. */
  hurry(): void
}

/** The same outbox; each time as many are acknowledged as may be in flight, it may be one more. */
export function pacedOutbox(outbox: Outbox): PacedOutbox {
  let inFlight = 0
  let inFlightAtMost = 1
  return {
    ...outbox,
    next() {
      const parcel = inFlight + 1 > inFlightAtMost ? null : outbox.next()
      if (parcel !== null) inFlight += 1
      return parcel
    },
    settle(parcel) {
      inFlight -= 1
      inFlightAtMost += 1 / inFlightAtMost
      outbox.settle(parcel)
    },
    refuse(parcel, tooLarge) {
      inFlight -= 1
      outbox.refuse(parcel, tooLarge)
    },
    hurry() {
      inFlightAtMost = Infinity
    },
    requeue() {
      inFlight = 0
      inFlightAtMost = 1
      outbox.requeue()
    },
  }
}
