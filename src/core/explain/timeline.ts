// The last minute on the gateway before an event: the events of all watched units, and of the agent itself.
import type { Event } from '../event.ts'
import { eventJson, type Identity } from '../views/api-json.ts'
import { type EventView, eventDetails } from '../views/event-text.ts'

/** An entry in the documented shape. */
export interface TimelineEntry {
  readonly id: string
  readonly timestamp: string
  /** How long before the event, in ms. */
  readonly ms_before: number
  /** Absent for an event of the agent itself. */
  readonly service?: string
  readonly event: string
  readonly text: string
}

export interface Timeline {
  readonly entries: readonly TimelineEntry[]
  /** Entries before these that were left out. */
  readonly leftOut: number
}

const MINUTE_MS = 60_000
/** Enough for a screen; a crash storm has thousands. */
const ENTRIES_AT_MOST = 30

/** `until` is the last entry. Evidence is part of its crash. */
export function timelineOf(history: readonly Event[], until: Event, identity: Identity): Timeline {
  const { seq, atMs, bootId } = until
  // In the order in which they happened: the wall clock may have been set in between.
  const before = history.filter(
    (event) =>
      event.seq <= seq &&
      event.bootId === bootId &&
      event.kind !== 'evidence' &&
      Math.abs(atMs - event.atMs) <= MINUTE_MS,
  )
  const shown = before.slice(-ENTRIES_AT_MOST)
  return { entries: shown.map((event) => entryOf(event, atMs, identity)), leftOut: before.length - shown.length }
}

function entryOf(event: Event, untilMs: number, identity: Identity): TimelineEntry {
  const view = eventJson(event, identity) as unknown as EventView & { id: string; timestamp: string }
  return {
    id: view.id,
    timestamp: view.timestamp,
    ms_before: Math.max(0, untilMs - event.atMs),
    ...(view.service !== undefined && { service: view.service }),
    event: view.event,
    text: eventDetails(view),
  }
}
