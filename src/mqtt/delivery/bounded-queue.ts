// A queue of events in the order of their sequence numbers, bounded in number and bytes. Pure.
import type { Event, EventKind } from '../../core/event.ts'

export interface QueueLimits {
  readonly events: number
  readonly bytes: number
}

type Place = 'queue' | 'flight' | 'refused'

interface BoundedQueue {
  /** Adds the newest event and returns the events that had to make room: never those in flight. */
  push(event: Event, bytes: number): readonly Event[]
  /** The oldest event that is neither in flight nor refused. */
  oldest(): Event | undefined
  /** Marks the event; it stays in the queue. */
  move(event: Event, to: Place): void
  /** Replaces the event by a shorter form of it, in the same position. */
  replace(event: Event, shorter: Event, bytes: number): void
  /** Puts the events that are in one of these places back into the queue, at their old position. */
  requeue(...from: Place[]): void
  remove(event: Event): void
  /** Removes and returns all events except those in flight. */
  removeWaiting(): readonly Event[]
  firstSeq(): number | undefined
  size(): number
  bytes(): number
}

interface QueuedEvent {
  event: Event
  bytes: number
  readonly expendable: boolean
  place: Place
}

/** These make room first: the other kinds report failures. */
const EXPENDABLE: ReadonlySet<EventKind> = new Set<EventKind>([
  'start',
  'restart',
  'stop',
  'unit_appeared',
  'unit_vanished',
])

export function createBoundedQueue(limits: QueueLimits): BoundedQueue {
  const entries: QueuedEvent[] = []
  let bytes = 0
  let expendable = 0

  function removeAt(position: number): Event | undefined {
    const [entry] = position < 0 ? [] : entries.splice(position, 1)
    if (entry === undefined) return undefined
    bytes -= entry.bytes
    if (entry.expendable) expendable -= 1
    return entry.event
  }

  /** The oldest expendable event, else the oldest one. */
  function removeOne(): Event | undefined {
    const removable = (entry: QueuedEvent) => entry.place !== 'flight'
    const position = expendable === 0 ? -1 : entries.findIndex((entry) => entry.expendable && removable(entry))
    return removeAt(position >= 0 ? position : entries.findIndex(removable))
  }

  return {
    push(event, size) {
      const entry: QueuedEvent = { event, bytes: size, expendable: EXPENDABLE.has(event.kind), place: 'queue' }
      entries.push(entry)
      bytes += size
      if (entry.expendable) expendable += 1
      const removed: Event[] = []
      while (entries.length > limits.events || bytes > limits.bytes) {
        const one = removeOne()
        if (one === undefined) break
        removed.push(one)
      }
      return removed
    },
    oldest: () => entries.find(({ place }) => place === 'queue')?.event,
    move(event, to) {
      const entry = entries.find((one) => one.event === event)
      if (entry !== undefined) entry.place = to
    },
    replace(event, shorter, size) {
      const entry = entries.find((one) => one.event === event)
      if (entry === undefined) return
      bytes += size - entry.bytes
      entry.event = shorter
      entry.bytes = size
    },
    requeue(...from) {
      for (const entry of entries) if (from.includes(entry.place)) entry.place = 'queue'
    },
    remove: (event) => void removeAt(entries.findIndex((entry) => entry.event === event)),
    removeWaiting() {
      const waiting = entries.filter(({ place }) => place !== 'flight')
      for (const entry of waiting) removeAt(entries.indexOf(entry))
      return waiting.map(({ event }) => event)
    },
    firstSeq: () => entries[0]?.event.seq,
    size: () => entries.length,
    bytes: () => bytes,
  }
}
