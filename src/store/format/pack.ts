// What goes on the pages of one commit: all units that changed, then as many events as fit, the newest crashes first.
import type { Event } from '../../core/event.ts'
import type { Unit } from '../../core/unit.ts'
import { countByUnitAndKind, type UncommittedEvents } from '../uncommitted-events.ts'
import { createPageBuilder, type Head, type LeftOut, type PageBuilder } from './page-records.ts'

/** Bytes that the counts of what was left out may take of a page. */
const LEFT_OUT_BYTES_AT_MOST = 1024
/** After so many events in a row that did not fit, the page is full. */
const MISSES_AT_MOST = 8

/** The payloads of a commit, a page each, and the events that found no room on them. */
export interface PackedCommit {
  readonly payloads: readonly Uint8Array[]
  readonly omitted: readonly Event[]
}

/**
 * One page with all `changed` units and what fits of the events; null where the units alone do not fit. What is left is
 * filled with those of `seen` that changed only in what systemd tells again.
 */
export function deltaPayload(
  head: Head,
  changed: readonly Unit[],
  window: UncommittedEvents,
  seen: readonly Unit[] = [],
): PackedCommit | null {
  const page = openPage(head)
  for (const unit of changed) if (!page.unit(unit)) return null
  const omitted = addEvents(page, window)
  for (const unit of seen) if (!changed.includes(unit) && !page.unit(unit)) break
  return { payloads: [page.bytes()], omitted }
}

/**
 * All `units` on as many pages as it takes, then what fits of `events` on the last one. A snapshot of more than one page
 * takes one further page for its events where they need it.
 */
export function snapshotPayloads(head: Head, units: readonly Unit[], window: UncommittedEvents): PackedCommit {
  const full: Uint8Array[] = []
  let page = openPage(head)
  for (const unit of units) {
    if (page.unit(unit)) continue
    full.push(page.bytes())
    page = openPage(head)
    page.unit(unit)
  }
  const back = page.mark()
  let omitted = addEvents(page, window)
  if (omitted.length > 0 && full.length > 0) {
    back()
    full.push(page.bytes())
    page = openPage(head)
    omitted = addEvents(page, window)
  }
  return { payloads: [...full, page.bytes()], omitted }
}

/** Everything, on as many pages as it takes: what waits in memory, for the runtime directory. */
export function allPayloads(head: Head, units: readonly Unit[], events: readonly Event[]): Uint8Array[] {
  const full: Uint8Array[] = []
  let page = openPage(head)
  const add = (put: (page: PageBuilder) => boolean) => {
    if (put(page)) return
    full.push(page.bytes())
    page = openPage(head)
    put(page)
  }
  for (const unit of units) add((p) => p.unit(unit))
  for (const event of events) add((p) => p.event(event))
  return [...full, page.bytes()]
}

/** The events as they are, on as many pages as it takes, at most `pages`, the newest: the history of a new file. */
export function historyPayloads(head: Head, events: readonly Event[], pages: number): Uint8Array[] {
  return events.length === 0 ? [] : allPayloads(head, [], events).slice(-pages)
}

function openPage(head: Head): PageBuilder {
  const page = createPageBuilder()
  page.head(head)
  return page
}

/** Adds what fits in the order of `seq`, and counts of the rest, which it returns. */
function addEvents(page: PageBuilder, window: UncommittedEvents): Event[] {
  const { events } = window
  const back = page.mark()
  if (window.dropped.length === 0 && events.every((event) => page.event(event))) return []
  back()
  const chosen = new Set(choose(page, events, leftOutBytes(countByUnitAndKind(events, window.dropped))))
  back()
  for (const event of events) if (chosen.has(event)) page.event(event)
  const omitted = events.filter((event) => !chosen.has(event))
  for (const entry of countByUnitAndKind(omitted, window.dropped)) page.leftOut(entry)
  return omitted
}

/** The newest crashes, then the newest of the rest, as long as `spare` bytes stay free. Leaves them in the page. */
function choose(page: PageBuilder, events: readonly Event[], spare: number): Event[] {
  const newestFirst = events.toReversed()
  const wanted = [...newestFirst.filter((e) => e.kind === 'crash'), ...newestFirst.filter((e) => e.kind !== 'crash')]
  const chosen: Event[] = []
  let misses = 0
  for (const event of wanted) {
    if (misses === MISSES_AT_MOST) break
    const back = page.mark()
    if (page.event(event) && page.room() >= spare) {
      chosen.push(event)
      misses = 0
    } else {
      back()
      misses++
    }
  }
  return chosen
}

/** The most that these counts could take. */
function leftOutBytes(entries: readonly LeftOut[]): number {
  const bytes = entries.reduce((sum, entry) => sum + entry.unit.length + 14, 0)
  return Math.min(bytes, LEFT_OUT_BYTES_AT_MOST)
}
