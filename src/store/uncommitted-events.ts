// What happened since the last commit: its events, as many as memory may hold, and counts of those that it may not.
import type { Event } from '../core/event.ts'
import type { LeftOut } from './format/page-records.ts'

/** A flush interval of a dozen units that crash as fast as each is told of (120 ends in 60 s) stays well below. */
export const UNCOMMITTED_EVENTS_AT_MOST = 4000

export interface UncommittedEvents {
  /** Oldest first. */
  readonly events: readonly Event[]
  readonly dropped: readonly LeftOut[]
}

export const NO_UNCOMMITTED_EVENTS: UncommittedEvents = { events: [], dropped: [] }

/** A window that is still open. */
export interface UncommittedEventBuffer {
  /** Beyond the bound the older half goes, crashes last, and is counted. */
  add(events: readonly Event[]): void
  /** What it holds; a new one begins. */
  take(): UncommittedEvents
}

/** `before`: a window that was closed, but whose commit failed. */
export function createUncommittedEventBuffer(
  before: UncommittedEvents = NO_UNCOMMITTED_EVENTS,
): UncommittedEventBuffer {
  let events = [...before.events]
  let dropped = before.dropped
  return {
    add(more) {
      events.push(...more)
      if (events.length <= UNCOMMITTED_EVENTS_AT_MOST) return
      const half = UNCOMMITTED_EVENTS_AT_MOST / 2
      const crashes = new Set<Event>(events.filter((event) => event.kind === 'crash').slice(-half))
      const room = half - crashes.size
      const others = new Set<Event>(room > 0 ? events.filter((event) => event.kind !== 'crash').slice(-room) : [])
      const stays = (event: Event) => crashes.has(event) || others.has(event)
      dropped = countByUnitAndKind(
        events.filter((event) => !stays(event)),
        dropped,
      )
      events = events.filter(stays)
    },
    take() {
      const closed = { events, dropped }
      events = []
      dropped = []
      return closed
    },
  }
}

/** How many of each unit and kind, on top of counts made before; the largest first. */
export function countByUnitAndKind(events: readonly Event[], before: readonly LeftOut[]): LeftOut[] {
  const counts = new Map<string, LeftOut>()
  const add = ({ unit, kind, count }: LeftOut) => {
    const key = `${kind} ${unit}`
    counts.set(key, { unit, kind, count: (counts.get(key)?.count ?? 0) + count })
  }
  for (const entry of before) add(entry)
  for (const { unit, kind } of events) add({ unit, kind, count: 1 })
  return [...counts.values()].sort((a, b) => b.count - a.count)
}
