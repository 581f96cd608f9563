// Selects events for a client: filters, resumption after an event id, and pages. Pure.
import { EVENT_KINDS, type Event, type EventKind } from '../../core/event.ts'
import { globMatcher, isPattern } from '../../core/glob.ts'
import { fullName } from '../../core/unit-name.ts'
import type { Transport } from '../route.ts'

/** Which events a client wants; null: of any unit, of any kind. */
export interface EventFilter {
  readonly units: ((unit: string) => boolean) | null
  readonly kinds: ReadonlySet<EventKind> | null
}

interface FilterProblem {
  readonly code: 'bad_unit' | 'bad_kind'
  readonly problem: string
}

export interface EventPage {
  readonly events: readonly Event[]
  /** The sequence number after which the next page starts. */
  readonly next: number
  /** Events between the start and the end of this page that are no longer stored. */
  readonly dropped: number
}

/** The largest page over TCP, where 64 clients may read slowly; `next` leads to the rest. */
const PAGE_EVENTS_AT_MOST = 500

/** Each is compared with the unit of every stored event. */
const PATTERNS_AT_MOST = 16

/** The page size from `limit`, or why its value is invalid. */
export function limitOf(query: URLSearchParams, transport: Transport): number | { readonly problem: string } {
  const value = query.get('limit')
  if (value === null) return PAGE_EVENTS_AT_MOST
  const limit = /^\d{1,9}$/.test(value) ? Number(value) : 0
  if (limit > 0) return transport === 'tcp' ? Math.min(limit, PAGE_EVENTS_AT_MOST) : limit
  return { problem: `limit must be a whole number above 0, not ${JSON.stringify(value)}` }
}

/** `unit` and `kind`, repeated or comma-separated; a bare unit name means a service, and a name may be a pattern. */
export function filterOf(query: URLSearchParams): EventFilter | FilterProblem {
  const names = listParam(query, 'unit').map(fullName)
  const patterns = names.filter(isPattern)
  if (patterns.length > PATTERNS_AT_MOST)
    return { code: 'bad_unit', problem: `unit has ${patterns.length} patterns, more than ${PATTERNS_AT_MOST}` }
  const kinds: EventKind[] = []
  for (const name of listParam(query, 'kind')) {
    const kind = EVENT_KINDS.find((known) => known === name)
    if (kind === undefined) {
      return { code: 'bad_kind', problem: `kind must be one of ${EVENT_KINDS.join(', ')}, not ${JSON.stringify(name)}` }
    }
    kinds.push(kind)
  }
  return { units: names.length > 0 ? unitTest(names, patterns) : null, kinds: kinds.length > 0 ? new Set(kinds) : null }
}

function unitTest(names: readonly string[], patterns: readonly string[]): (unit: string) => boolean {
  const exact = new Set(names)
  const matchers = patterns.map(globMatcher)
  return (unit) => exact.has(unit) || matchers.some((matches) => matches(unit))
}

function listParam(query: URLSearchParams, name: string): string[] {
  return query
    .getAll(name)
    .flatMap((value) => value.split(','))
    .filter((value) => value !== '')
}

/** `units=all`: also those that are not watched. */
export function unitsOf(
  query: URLSearchParams,
): 'watched' | 'all' | { readonly code: 'bad_units'; readonly problem: string } {
  const units = query.get('units')
  if (units === null) return 'watched'
  return units === 'all' ? 'all' : { code: 'bad_units', problem: `units must be all, not ${JSON.stringify(units)}` }
}

/**
 * Of which units a client of the stream gets the states beside the events: `states` 1 or 0, and `units=all`. `byDefault`:
 * whether it gets them without `states`; a client that filters by `kind` then gets these events only.
 */
export function statesOf(
  query: URLSearchParams,
  byDefault: boolean,
): 'none' | 'watched' | 'all' | { readonly code: 'bad_states' | 'bad_units'; readonly problem: string } {
  const units = unitsOf(query)
  if (typeof units !== 'string') return units
  const isDefault = byDefault && (units === 'all' || listParam(query, 'kind').length === 0)
  const states = query.get('states') ?? (isDefault ? '1' : '0')
  if (states !== '0' && states !== '1')
    return { code: 'bad_states', problem: `states must be 0 or 1, not ${JSON.stringify(states)}` }
  return states === '0' ? 'none' : units
}

/** The event without journal lines, evidence and other units, unless the client is trusted. */
export function redactedFor(trusted: boolean, event: Event): Event {
  if (trusted) return event
  switch (event.kind) {
    case 'crash': {
      const { log: _log, evidence: _evidence, because: _because, after: _after, ...rest } = event
      return rest
    }
    case 'stop':
    case 'lost': {
      const { because: _because, after: _after, ...rest } = event
      return rest
    }
    case 'evidence': {
      const { because: _because, ...rest } = event
      return { ...rest, evidence: {} }
    }
    default:
      return event
  }
}

export function matchesFilter(filter: EventFilter, event: Event): boolean {
  const { unit, kind } = event
  return (filter.units === null || (unit !== null && filter.units(unit))) && (filter.kinds?.has(kind) ?? true)
}

/**
 * The sequence number in an event id `<stream>-<seq>`. -1, which selects all events, if the id has another stream (a
 * new state file starts a new one, so all its events are new to the client) or is malformed.
 */
export function seqOf(id: string, stream: string): number {
  const match = /^(.*)-(\d{1,15})$/.exec(id)
  return match !== null && match[1] === stream ? Number(match[2]) : -1
}

/** How many events between `after` and this one are no longer stored; 0 for a client that has none yet (-1). */
export function droppedBefore(event: Event, after: number): number {
  return after < 0 ? 0 : Math.max(0, event.seq - after - 1 - (event.seqGap ?? 0))
}

/** The events after sequence number `after`, oldest first. `history` is in order of `seq`. */
export function eventsAfter(history: readonly Event[], after: number): readonly Event[] {
  let from = history.length
  while (from > 0 && (history[from - 1]?.seq ?? 0) > after) from -= 1
  return history.slice(from)
}

/** The first `limit` matching events after `after`. `newest` is the sequence number of the newest event of all. */
export function pageAfter(
  history: readonly Event[],
  after: number,
  filter: EventFilter,
  limit: number,
  newest: number,
): EventPage {
  const events: Event[] = []
  let at = after
  let dropped = 0
  for (const event of eventsAfter(history, after)) {
    dropped += droppedBefore(event, at)
    at = event.seq
    if (matchesFilter(filter, event)) events.push(event)
    if (events.length === limit) return { events, next: at, dropped }
  }
  return { events, next: newest, dropped }
}

/** The latest `limit` matching events, oldest first. */
export function latestPage(history: readonly Event[], filter: EventFilter, limit: number, newest: number): EventPage {
  const matching = history.filter((event) => matchesFilter(filter, event))
  return { events: matching.slice(-limit), next: newest, dropped: 0 }
}
