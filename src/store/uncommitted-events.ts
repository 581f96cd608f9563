// What happened since the last commit: its events, as many as memory may hold, and counts of those that it may not.
import type { Event } from '../core/event.ts'
import type { LeftOut } from './format/page-records.ts'

/** A flush interval of a dozen units that crash as fast as each is told of (120 ends in 60 s) stays well below. */
const UNCOMMITTED_EVENTS_AT_MOST = 4000

export interface UncommittedEvents {
  /** Oldest first. */
  readonly events: readonly Event[]
  readonly dropped: readonly LeftOut[]
}

/** Collects events until a commit takes them. */
export interface UncommittedEventBuffer {
  /** Beyond the bound the older half goes, crashes last, and is counted. */
  add(events: readonly Event[]): void
  /** All of it; what is added from now on is for the next commit. */
  take(): UncommittedEvents
  /** The commit that took them failed: they come before what was added since. */
  putBack(taken: UncommittedEvents): void
}

/** `before`: events to begin with. */
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

/** Half as many as the bound allows: the newest crashes, then the newest of the others. */
function newestHalf(events: readonly Event[]): ReadonlySet<Event> {
  const half = UNCOMMITTED_EVENTS_AT_MOST / 2
  const crashes = events.filter((event) => event.kind === 'crash').slice(-half)
  const room = half - crashes.length
  const others = room > 0 ? events.filter((event) => event.kind !== 'crash').slice(-room) : []
  return new Set([...crashes, ...others])
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
