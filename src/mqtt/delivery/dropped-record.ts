// The record of dropped events, published in their place so that subscribers know what they will not receive. Pure.

export interface DroppedEvents {
  /** First and last dropped sequence number; some between them may have been published. */
  readonly fromSeq: number
  readonly toSeq: number
  readonly count: number
  /** How many of each kind; `unknown` for events that history no longer had. */
  readonly byKind: Readonly<Record<string, number>>
  /** How many for each reason, as in `MqttHealth.dropped`. */
  readonly byReason: Readonly<Record<string, number>>
}

/** At most one record is in flight; events dropped until it is acknowledged go into the next one. */
interface DroppedRecord {
  add(dropped: DroppedEvents): void
  /** The record to publish now, in flight from then on; null when there is none. */
  next(): DroppedEvents | null
  /** The broker has acknowledged it. */
  settle(): void
  /** The broker refuses it: it is kept until `retry`. */
  refuse(): void
  retry(): void
  /** The connection is down: the record in flight has to be sent again. */
  requeue(): void
  /** First sequence number that no acknowledged record covers. */
  firstSeq(): number | undefined
}

export function createDroppedRecord(): DroppedRecord {
  let waiting: DroppedEvents | null = null
  let inFlight: DroppedEvents | null = null
  let refused = false

  function putBack(): void {
    waiting = merged(inFlight, waiting)
    inFlight = null
  }

  return {
    add(dropped) {
      waiting = merged(waiting, dropped)
    },
    next() {
      if (waiting === null || inFlight !== null || refused) return null
      inFlight = waiting
      waiting = null
      return inFlight
    },
    settle() {
      inFlight = null
    },
    refuse() {
      putBack()
      refused = true
    },
    retry() {
      refused = false
    },
    requeue() {
      putBack()
      refused = false
    },
    firstSeq: () => merged(inFlight, waiting)?.fromSeq,
  }
}

function merged(a: DroppedEvents | null, b: DroppedEvents | null): DroppedEvents | null {
  if (a === null) return b
  if (b === null) return a
  return {
    fromSeq: Math.min(a.fromSeq, b.fromSeq),
    toSeq: Math.max(a.toSeq, b.toSeq),
    count: a.count + b.count,
    byKind: summed(a.byKind, b.byKind),
    byReason: summed(a.byReason, b.byReason),
  }
}

function summed(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sums: Record<string, number> = { ...a }
  for (const [key, n] of Object.entries(b)) sums[key] = (sums[key] ?? 0) + n
  return sums
}
