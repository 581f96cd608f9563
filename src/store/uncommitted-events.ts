// Events since the last commit, up to a bound; beyond it the oldest are dropped and only counted.
import type { Event } from '../core/event.ts'
import { NO_UNIT } from './format/event-record.ts'
import type { LeftOut } from './format/page-records.ts'

/**
 * Far above what a dozen units produce in one flush interval at the highest rate that is reported event by event
 * (120 ends in 60 s each).
 */
const UNCOMMITTED_EVENTS_AT_MOST = 4000

export interface UncommittedEvents {
  /** Oldest first. */
  readonly events: readonly Event[]
  /** How many were dropped, by unit and kind. */
  readonly dropped: readonly LeftOut[]
}

/** Collects events until a commit takes them. */
export interface UncommittedEventBuffer {
  /** Beyond the bound, drops the older half and counts it; crashes are dropped last. */
  add(events: readonly Event[]): void
  /** Returns all events and empties the buffer. */
  take(): UncommittedEvents
  /** Puts the events of a failed commit back, before those added since. */
  putBack(taken: UncommittedEvents): void
}

/** `before`: the first events in the buffer. */
export function createUncommittedEventBuffer(before: UncommittedEvents): UncommittedEventBuffer {
  let events = [...before.events]
  let dropped = before.dropped

  function add(more: readonly Event[]): void {
    events.push(...more)
    if (events.length <= UNCOMMITTED_EVENTS_AT_MOST) return
    const kept = newestHalf(events)
    dropped = countByUnitAndKind(
      events.filter((event) => !kept.has(event)),
      dropped,
    )
    events = events.filter((event) => kept.has(event))
  }

  function take(): UncommittedEvents {
    const taken = { events, dropped }
    events = []
    dropped = []
    return taken
  }

  return {
    add,
    take,
    putBack(taken) {
      const since = take()
      events = [...taken.events]
      dropped = [...taken.dropped, ...since.dropped]
      add(since.events)
    },
  }
}

/** Up to half of the bound: the newest crashes, then the newest of the other events. */
function newestHalf(events: readonly Event[]): ReadonlySet<Event> {
  const half = UNCOMMITTED_EVENTS_AT_MOST / 2
  const crashes = events.filter((event) => event.kind === 'crash').slice(-half)
  const room = half - crashes.length
  const others = room > 0 ? events.filter((event) => event.kind !== 'crash').slice(-room) : []
  return new Set([...crashes, ...others])
}

/** Counts by unit and kind, added to the counts in `before`; largest first. */
export function countByUnitAndKind(events: readonly Event[], before: readonly LeftOut[]): LeftOut[] {
  const counts = new Map<string, LeftOut>()
  const add = ({ unit, kind, count }: LeftOut) => {
    const key = `${kind} ${unit}`
    counts.set(key, { unit, kind, count: (counts.get(key)?.count ?? 0) + count })
  }
  for (const entry of before) add(entry)
  for (const { unit, kind } of events) add({ unit: unit ?? NO_UNIT, kind, count: 1 })
  return [...counts.values()].sort((a, b) => b.count - a.count)
}
