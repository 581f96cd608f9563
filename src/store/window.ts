// What happened since the last commit: its events, as many as memory may hold, and counts of those that it may not.
import type { Event } from '../core/event.ts'
import type { LeftOut } from './records.ts'

/** A flush interval of a dozen units that crash as fast as each is told of (120 ends in 60 s) stays well below. */
export const WINDOW_EVENTS_AT_MOST = 4000

export interface Window {
  /** Oldest first. */
  readonly events: readonly Event[]
  readonly dropped: readonly LeftOut[]
}

export const NO_EVENTS: Window = { events: [], dropped: [] }

/** The window with more: beyond the bound the older half goes, crashes last, and is counted. */
export function withEvents(window: Window, more: readonly Event[]): Window {
  return joined(window, { events: more, dropped: [] })
}

/** Two windows, one after the other. */
export function joined(first: Window, second: Window): Window {
  const events = [...first.events, ...second.events]
  const dropped = counted([], [...first.dropped, ...second.dropped])
  if (events.length <= WINDOW_EVENTS_AT_MOST) return { events, dropped }
  const half = WINDOW_EVENTS_AT_MOST / 2
  const crashes = new Set<Event>(events.filter((event) => event.kind === 'crash').slice(-half))
  const others = new Set<Event>(
    events.filter((event) => event.kind !== 'crash').slice(-Math.max(0, half - crashes.size)),
  )
  const kept = events.filter((event) => crashes.has(event) || others.has(event))
  const gone = events.filter((event) => !crashes.has(event) && !others.has(event))
  return { events: kept, dropped: counted(gone, dropped) }
}

/** How many of each unit and kind, on top of counts made before; the largest first. */
export function counted(events: readonly Event[], before: readonly LeftOut[]): LeftOut[] {
  const counts = new Map<string, LeftOut>()
  const add = ({ unit, kind, count }: LeftOut) => {
    const key = `${kind} ${unit}`
    counts.set(key, { unit, kind, count: (counts.get(key)?.count ?? 0) + count })
  }
  for (const entry of before) add(entry)
  for (const { unit, kind } of events) add({ unit, kind, count: 1 })
  return [...counts.values()].sort((a, b) => b.count - a.count)
}
