// Packs a commit into pages: all changed units, then as many events as fit, the newest crashes first.
import type { Event } from '../../core/event.ts'
import type { Counters, Unit } from '../../core/unit.ts'
import { countByUnitAndKind, type UncommittedEvents } from '../uncommitted-events.ts'
import type { Head } from './head-record.ts'
import { type UnitChange, unitChange } from './history-update.ts'
import { createPageBuilder, type LeftOut, type PageBuilder } from './page-records.ts'

/** Bytes of a page that the counts of omitted events may take. */
const LEFT_OUT_BYTES_AT_MOST = 1024
/** After this many consecutive events that did not fit, the page is considered full. */
const MISSES_AT_MOST = 8

/** The payloads of a commit, one per page, and the events that did not fit. */
export interface PackedCommit {
  readonly payloads: readonly Uint8Array[]
  readonly omitted: readonly Event[]
}

/**
 * All `changed` units and as many events as fit; null if that needs more than `pagesAtMost`. The rest of the last page is
 * filled with units of `touched` that differ only in values that can be read from systemd again.
 */
export function deltaPayloads(
  head: Head,
  changed: readonly UnitChange[],
  window: UncommittedEvents,
  touched: readonly Unit[],
  pagesAtMost: number,
): PackedCommit | null {
  const pages = openPages(head)
  for (const change of changed) {
    pages.addUnit(change)
    if (pages.full.length >= pagesAtMost) return null
  }
  const omitted = addEventsAtEnd(pages, window)
  if (pages.full.length >= pagesAtMost) return null
  const isAdded = new Set(changed.map(({ unit }) => unit))
  for (const unit of touched) if (!isAdded.has(unit) && !pages.last().unit(unit)) break
  return { payloads: [...pages.full, pages.last().bytes()], omitted }
}

/** All `units` and sums of forgotten ones on as many pages as needed, and as many events as fit. */
export function snapshotPayloads(
  head: Head,
  units: readonly Unit[],
  forgotten: ReadonlyMap<string, Counters>,
  window: UncommittedEvents,
): PackedCommit {
  const pages = openPages(head)
  pages.addState(
    units.map((unit) => unitChange(unit, null)),
    forgotten,
  )
  const omitted = addEventsAtEnd(pages, window)
  return { payloads: [...pages.full, pages.last().bytes()], omitted }
}

/** All units, sums and events, on as many pages as needed; for the spill. */
export function allPayloads(
  head: Head,
  units: readonly UnitChange[],
  forgotten: ReadonlyMap<string, Counters>,
  events: readonly Event[],
): Uint8Array[] {
  const pages = openPages(head)
  pages.addState(units, forgotten)
  for (const event of events) pages.add((page) => page.event(event))
  return [...pages.full, pages.last().bytes()]
}

/** As many pages as needed for what is added. */
function openPages(head: Head) {
  const full: Uint8Array[] = []
  let page = openPage(head)

  function next(): void {
    full.push(page.bytes())
    page = openPage(head)
  }

  function add(put: (page: PageBuilder) => boolean): void {
    if (put(page)) return
    next()
    put(page)
  }

  function addUnit({ unit, history }: UnitChange): void {
    add((p) => p.unit(unit))
    if (history !== null) add((p) => p.history(unit.name, history))
  }

  return {
    full,
    last: () => page,
    next,
    add,
    addUnit,
    addState(units: readonly UnitChange[], forgotten: ReadonlyMap<string, Counters>): void {
      for (const change of units) addUnit(change)
      for (const [template, sum] of forgotten) add((p) => p.forgotten(template, sum))
    },
  }
}

/** The history of a new file: the newest events, on at most `pages` pages. */
export function historyPayloads(head: Head, events: readonly Event[], pages: number): Uint8Array[] {
  return events.length === 0 ? [] : allPayloads(head, [], new Map(), events).slice(-pages)
}

function openPage(head: Head): PageBuilder {
  const page = createPageBuilder()
  page.head(head)
  return page
}

/** Adds as many events as fit on the last page; of a commit with more pages, on one more page if they need it. */
function addEventsAtEnd(pages: ReturnType<typeof openPages>, window: UncommittedEvents): Event[] {
  const back = pages.last().mark()
  const omitted = addEvents(pages.last(), window)
  if (omitted.length === 0 || pages.full.length === 0) return omitted
  back()
  pages.next()
  return addEvents(pages.last(), window)
}

/** Adds as many events as fit, in the order of `seq`, and counts of the others; returns the others. */
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

/** Chooses the newest crashes, then the newest of the others, while `spare` bytes stay free. Leaves them in the page. */
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

/** The maximum size of these counts. */
function leftOutBytes(entries: readonly LeftOut[]): number {
  const bytes = entries.reduce((sum, entry) => sum + entry.unit.length + 14, 0)
  return Math.min(bytes, LEFT_OUT_BYTES_AT_MOST)
}
