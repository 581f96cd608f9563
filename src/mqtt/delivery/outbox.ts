// The outbox: events that the broker has not acknowledged yet, bounded in number and bytes. Pure.
import type { Event } from '../../core/event.ts'
import { createBoundedQueue, type QueueLimits } from './bounded-queue.ts'
import { createDroppedRecord, type DroppedEvents } from './dropped-record.ts'

/** An event takes about 610 bytes, so in practice the number is the limit. */
const OUTBOX_LIMITS: QueueLimits = { events: 1000, bytes: 1_048_576 }

/**
 * `overflow`: no room; `forgotten`: history no longer had it; `too_large`: larger than the broker accepts; `refused`: the
 * broker refused it twice; `cleared`: a user cleared the events.
 */
type DropReason = 'overflow' | 'forgotten' | 'too_large' | 'refused' | 'cleared'

/** The next thing to publish. */
export type Parcel =
  | { readonly kind: 'event'; readonly event: Event; readonly replayed: boolean }
  | { readonly kind: 'dropped'; readonly dropped: DroppedEvents }

export interface Outbox {
  add(event: Event): void
  /** The oldest parcel to publish, in flight from then on; null when there is none. */
  next(): Parcel | null
  /** The broker has acknowledged it. */
  settle(parcel: Parcel): void
  /**
   * The broker refuses it. An event is tried once more, and then dropped: one that is too large at once, if there is a
   * shorter form of it; any other after `retryRefused`, and the others pass it. A record is kept.
   */
  refuse(parcel: Parcel, tooLarge?: boolean): void
  retryRefused(): void
  /** Drops everything that is not in flight. */
  clear(): void
  /** Everything added so far counts as replayed from now on. */
  connected(): void
  /** The connection is down: everything in flight or refused has to be sent again. */
  requeue(): void
  /**
   * For everything up to this sequence number the broker has the event, or the record that it was dropped. Null when
   * nothing was ever added.
   */
  acknowledged(): number | null
  size(): number
  bytes(): number
  dropped(): Readonly<Record<DropReason, number>>
}

interface OutboxOptions {
  /** Last sequence number that a broker has acknowledged; null when there was none. */
  readonly acknowledged: number | null
  /** Size of the event's message. */
  readonly bytesOf: (event: Event) => number
  readonly limits?: QueueLimits
}

export function createOutbox({ acknowledged, bytesOf, limits = OUTBOX_LIMITS }: OutboxOptions): Outbox {
  const events = createBoundedQueue(limits)
  const record = createDroppedRecord()
  const dropped: Record<DropReason, number> = { overflow: 0, forgotten: 0, too_large: 0, refused: 0, cleared: 0 }
  let newest = acknowledged
  let replayedTo = acknowledged ?? 0
  /** Events that the broker has refused once. */
  const refusedBefore = new WeakSet<Event>()

  function drop(reason: DropReason, events: Omit<DroppedEvents, 'byReason'>): void {
    dropped[reason] += events.count
    record.add({ ...events, byReason: { [reason]: events.count } })
  }

  return {
    add(event) {
      const first = (newest ?? event.seq - 1) + 1
      const last = event.seq - 1 - (event.seqGap ?? 0)
      const count = last - first + 1
      // An event about no unit that is a command is `clear`: history lacks what it cleared in an earlier run.
      const reason = event.unit === null && event.kind === 'command' ? 'cleared' : 'forgotten'
      if (count > 0) drop(reason, { fromSeq: first, toSeq: last, count, byKind: { unknown: count } })
      newest = event.seq
      for (const removed of events.push(event, bytesOf(event))) drop('overflow', oneDropped(removed))
    },
    next() {
      const droppedEvents = record.next()
      if (droppedEvents !== null) return { kind: 'dropped', dropped: droppedEvents }
      const event = events.oldest()
      if (event === undefined) return null
      events.move(event, 'flight')
      return { kind: 'event', event, replayed: event.seq <= replayedTo }
    },
    settle(parcel) {
      if (parcel.kind === 'dropped') record.settle()
      else events.remove(parcel.event)
    },
    refuse(parcel, tooLarge = false) {
      if (parcel.kind === 'dropped') return record.refuse()
      const { event } = parcel
      const shorter = withoutLog(event)
      if (tooLarge ? shorter === null : refusedBefore.has(event)) {
        events.remove(event)
        return drop(tooLarge ? 'too_large' : 'refused', oneDropped(event))
      }
      const retried = shorter ?? event
      if (shorter !== null) events.replace(event, shorter, bytesOf(shorter))
      if (!tooLarge) refusedBefore.add(retried)
      events.move(retried, tooLarge ? 'queue' : 'refused')
    },
    retryRefused() {
      record.retry()
      events.requeue('refused')
    },
    clear() {
      for (const event of events.removeWaiting()) drop('cleared', oneDropped(event))
    },
    connected() {
      replayedTo = newest ?? 0
    },
    requeue() {
      record.requeue()
      events.requeue('flight', 'refused')
    },
    acknowledged() {
      if (newest === null) return null
      return Math.min(newest, (events.firstSeq() ?? Infinity) - 1, (record.firstSeq() ?? Infinity) - 1)
    },
    size: () => events.size() + (record.firstSeq() === undefined ? 0 : 1),
    bytes: events.bytes,
    dropped: () => dropped,
  }
}

/** The event without its journal lines, by far its largest part; null if it has none. */
export function withoutLog(event: Event): Event | null {
  if (event.kind !== 'crash' || event.log === undefined) return null
  const { log, ...rest } = event
  return rest
}

function oneDropped({ seq, kind }: Event): Omit<DroppedEvents, 'byReason'> {
  return { fromSeq: seq, toSeq: seq, count: 1, byKind: { [kind]: 1 } }
}
