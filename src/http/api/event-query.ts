// Which events a client asks for, and where it left off. Pure.
import { EVENT_KINDS, type Event, type EventKind } from '../../core/event.ts'
import { fullName } from '../../core/unit-name.ts'
import type { Transport } from '../route.ts'

/** Which events are wanted, of any unit and of any kind where a set is null. */
export interface Filter {
  readonly units: ReadonlySet<string> | null
  readonly kinds: ReadonlySet<EventKind> | null
}

export interface Page {
  readonly events: readonly Event[]
  /** Sequence number to go on from. */
  readonly next: number
  /** Events that are told of nowhere any more, between where the client was and the end of this page. */
  readonly dropped: number
}

/** What one answer holds at most by TCP, where 64 clients may be slow to take theirs; `next` is the way on. */
const PAGE_OF = 500

/** How many events: `limit`, a problem where it is none. */
export function limitOf(query: URLSearchParams, side: Transport): number | { readonly problem: string } {
  const given = query.get('limit')
  if (given === null) return PAGE_OF
  const limit = /^\d{1,9}$/.test(given) ? Number(given) : 0
  if (limit > 0) return side === 'tcp' ? Math.min(limit, PAGE_OF) : limit
  return { problem: `limit must be a whole number above 0, not ${JSON.stringify(given)}` }
}

/** `unit` and `kind`, repeated or comma-separated; a bare unit name is a service. */
export function filterOf(query: URLSearchParams): Filter | { readonly problem: string } {
  const units = all(query, 'unit').map(fullName)
  const kinds = all(query, 'kind')
  const known: EventKind[] = []
  for (const kind of kinds) {
    const found = EVENT_KINDS.find((k) => k === kind)
    if (found === undefined)
      return { problem: `kind must be one of ${EVENT_KINDS.join(', ')}, not ${JSON.stringify(kind)}` }
    known.push(found)
  }
  return { units: units.length > 0 ? new Set(units) : null, kinds: known.length > 0 ? new Set(known) : null }
}

function all(query: URLSearchParams, name: string): string[] {
  return query
    .getAll(name)
    .flatMap((value) => value.split(','))
    .filter((value) => value !== '')
}

/** The event as this client may see it: lines of the journal are for those who have shown who they are. */
export function shownTo(trusted: boolean, event: Event): Event {
  if (trusted || event.kind !== 'crash' || event.log === undefined) return event
  const { log, ...shown } = event
  return shown
}

export function wants(filter: Filter, event: Event): boolean {
  return (filter.units?.has(event.unit) ?? true) && (filter.kinds?.has(event.kind) ?? true)
}

/**
 * The sequence number in an event id `<stream>-<seq>`; -1, which means everything, where the id is of another stream
 * (or of none: a new state file starts a new one, and then all of it is news).
 */
export function seqOf(id: string, stream: string): number {
  const match = /^(.*)-(\d{1,15})$/.exec(id)
  return match !== null && match[1] === stream ? Number(match[2]) : -1
}

/** How many events are missing before this one, for a client that has seen `after`; -1: it has seen none. */
export function droppedBefore(event: Event, after: number): number {
  return after < 0 ? 0 : Math.max(0, event.seq - after - 1 - (event.seqGap ?? 0))
}

/** The events behind `after`, oldest first. `history` is in order of `seq`. */
export function eventsAfter(history: readonly Event[], after: number): readonly Event[] {
  let from = history.length
  while (from > 0 && (history[from - 1]?.seq ?? 0) > after) from -= 1
  return history.slice(from)
}

/** The first `limit` wanted events behind `after`. `newest` is the sequence number of the newest event there is. */
export function pageAfter(
  history: readonly Event[],
  after: number,
  filter: Filter,
  limit: number,
  newest: number,
): Page {
  const events: Event[] = []
  let at = after
  let dropped = 0
  for (const event of eventsAfter(history, after)) {
    dropped += droppedBefore(event, at)
    at = event.seq
    if (wants(filter, event)) events.push(event)
    if (events.length === limit) return { events, next: at, dropped }
  }
  return { events, next: newest, dropped }
}

/** The latest `limit` wanted events, oldest first. */
export function latestPage(history: readonly Event[], filter: Filter, limit: number, newest: number): Page {
  const wanted = history.filter((event) => wants(filter, event))
  return { events: wanted.slice(-limit), next: newest, dropped: 0 }
}
