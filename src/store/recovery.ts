// Recovery: from the bytes of a state file to the newest state that is complete in it. Pure; never throws on any bytes.
import type { Event } from '../core/event.ts'
import { limitHistories } from '../core/explain/histories.ts'
import { newState, type State, withUnits } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import type { Head } from './format/head-record.ts'
import { applied, expectedHistory } from './format/history-update.ts'
import { decodePage, MAJOR, PAGE_BYTES, type Page } from './format/page.ts'
import { type Payload, readPayload } from './format/page-records.ts'
import { sameCounters } from './format/unit-fields.ts'

/** A valid page of this format, and its position in the file, in pages. */
interface DecodedPage {
  readonly at: number
  readonly page: Page
  readonly payload: Payload
}

/** A snapshot and the consecutive deltas after it. */
interface CommitChain {
  readonly seq: number
  readonly base: number
  readonly deltaPages: number
  /** The page numbers that must not be overwritten. */
  readonly pages: readonly number[]
}

export interface FileSummary {
  readonly pages: number
  readonly valid: number
  readonly damaged: number
  readonly empty: number
  readonly snapshots: number
  readonly deltas: number
  /** Major version of valid pages that are too new for this agent; null if there are none. */
  readonly newerMajor: number | null
}

export interface RecoveredFile {
  /** Null if there is no complete snapshot. The caller sets times and policy. */
  readonly state: State | null
  readonly head: Head | null
  /** Wall time of its commit in ms. */
  readonly committedAtMs: number | null
  readonly chain: CommitChain | null
  readonly previous: CommitChain | null
  /** True if the newest valid page belongs to the chain, so that nothing newer was damaged. */
  readonly complete: boolean
  /** Highest commit number, reserved bound and event number on any valid page. */
  readonly maxSeq: number
  readonly reserved: number
  readonly lastEvent: number
  /** True if `gatewatch format` prepared it and there is no complete commit yet. */
  readonly unused: boolean
  /** Number of the page after the newest one: where the ring continues. */
  readonly next: number
  /** Every event on any valid page, oldest first. */
  readonly events: readonly Event[]
  readonly found: readonly DecodedPage[]
  readonly summary: FileSummary
}

export function recover(file: Uint8Array): RecoveredFile {
  return recoverPages(pagesOf(file))
}

/** What is recovered from a file without pages. */
export const NO_PAGES: RecoveredFile = recover(new Uint8Array())

/** The same for pages that are decoded already. */
export function recoverPages(pages: readonly PageReading[]): RecoveredFile {
  const { found, ...counts } = sorted(pages)
  const bySeq = grouped(found)
  const chains: Group[][] = []
  for (const group of [...bySeq.values()].reverse()) {
    if (group.kind === 'snapshot' && chains.length < 2) chains.push(chainFrom(group, bySeq))
  }
  const groups = chains[0] ?? []
  const applied = groups.reduce<State | null>(apply, null)
  const newest = groups.at(-1)
  const stream = applied?.stream
  const ours = found.filter((f) => f.payload.head.stream === stream)
  const newestPage = ours.reduce<DecodedPage | null>(
    (best, f) => (best && best.page.seq >= f.page.seq ? best : f),
    null,
  )
  const maxSeq = Math.max(0, ...found.map((f) => f.page.seq))
  const events = inOrder(ours.flatMap((f) => f.payload.events))
  return {
    state: applied,
    head: newest?.parts.at(-1)?.payload.head ?? null,
    committedAtMs: newest?.parts.at(-1)?.page.wallMs ?? null,
    chain: chainOf(groups),
    previous: chainOf(chains[1] ?? []),
    complete: newest !== undefined && newest.seq === maxSeq,
    maxSeq,
    reserved: Math.max(0, ...ours.map((f) => f.payload.head.reserved)),
    lastEvent: Math.max(0, events.at(-1)?.seq ?? 0, ...ours.map((f) => f.payload.head.seq)),
    unused: applied === null && isUnused(found),
    next: newestPage === null ? 0 : lastPageOf(ours, newestPage.page.seq) + 1,
    events,
    found,
    summary: {
      ...counts,
      valid: found.length,
      snapshots: [...bySeq.values()].filter((g) => g.kind === 'snapshot').length,
      deltas: [...bySeq.values()].filter((g) => g.kind === 'delta').length,
    },
  }
}

/** The complete pages of one commit. */
interface Group {
  readonly kind: 'snapshot' | 'delta'
  readonly seq: number
  readonly base: number
  readonly parts: readonly DecodedPage[]
}

/** A first commit may have been written in part. A delta follows a commit that was complete. */
function isUnused(found: readonly DecodedPage[]): boolean {
  return (
    found.some(({ payload }) => payload.head.formatted === true) && found.every(({ page }) => page.kind !== 'delta')
  )
}

/** A page as read: never written, damaged, valid but of a newer format, or valid. */
export type PageReading =
  | 'empty'
  | 'damaged'
  | { readonly newerMajor: number }
  | { readonly page: Page; readonly payload: Payload }

export function readPage(bytes: Uint8Array): PageReading {
  const page = decodePage(bytes)
  if (page === 'empty' || page === 'damaged') return page
  if (page.major > MAJOR) return { newerMajor: page.major }
  // There is no older format: major 0 was never used on a gateway.
  const payload = page.major === MAJOR ? readPayload(page.payload, page.minor) : null
  return payload === null ? 'damaged' : { page, payload }
}

/** All pages of a file: the valid ones, and counts of the others. */
export function readPages(file: Uint8Array) {
  return sorted(pagesOf(file))
}

function pagesOf(file: Uint8Array): PageReading[] {
  return Array.from({ length: Math.floor(file.length / PAGE_BYTES) }, (_, at) =>
    readPage(file.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES)),
  )
}

function sorted(pages: readonly PageReading[]) {
  const found: DecodedPage[] = []
  let damaged = 0
  let empty = 0
  let newerMajor: number | null = null
  for (const [at, read] of pages.entries()) {
    if (read === 'empty') empty++
    else if (read === 'damaged') damaged++
    else if ('newerMajor' in read) newerMajor = Math.max(newerMajor ?? 0, read.newerMajor)
    else found.push({ at, ...read })
  }
  return { found, pages: pages.length, damaged, empty, newerMajor }
}

/** The complete commits by their number, lowest first. */
function grouped(found: readonly DecodedPage[]): Map<number, Group> {
  const bySeq = new Map<number, DecodedPage[]>()
  for (const f of found) {
    if (f.page.kind === 'history') continue
    const parts = bySeq.get(f.page.seq) ?? []
    parts.push(f)
    bySeq.set(f.page.seq, parts)
  }
  const groups: Group[] = []
  for (const [seq, all] of bySeq) {
    const { kind, base, parts: count } = (all[0] as DecodedPage).page
    if (all.length < count) continue
    const parts = Array.from({ length: count }, (_, i) => all.find((f) => f.page.part === i))
    if (kind === 'history' || parts.length === 0 || !parts.every((part) => part !== undefined)) continue
    groups.push({ kind, seq, base, parts })
  }
  return new Map(groups.sort((a, b) => a.seq - b.seq).map((group) => [group.seq, group]))
}

function chainFrom(snapshot: Group, bySeq: ReadonlyMap<number, Group>): Group[] {
  const chain = [snapshot]
  for (let seq = snapshot.seq + 1; ; seq++) {
    const next = bySeq.get(seq)
    if (next?.kind !== 'delta' || next.base !== snapshot.seq) return chain
    chain.push(next)
  }
}

function chainOf(groups: readonly Group[]): CommitChain | null {
  const [first, last] = [groups[0], groups.at(-1)]
  if (first === undefined || last === undefined) return null
  const pages = groups.flatMap((group) => group.parts.map((part) => part.at))
  return { seq: last.seq, base: first.seq, deltaPages: pages.length - first.parts.length, pages }
}

function apply(state: State | null, group: Group): State {
  return applyPayloads(
    state,
    group.kind,
    group.parts.map((part) => part.payload),
  )
}

/** `state` after one commit: a snapshot replaces everything, a delta only the units in it. */
export function applyPayloads(state: State | null, kind: Page['kind'], payloads: readonly Payload[]): State {
  const head = (payloads.at(-1) as Payload).head
  const { reserved, acknowledged, published, clean, budget, formatted, ...kept } = head
  const before = state ?? newState(head.stream)
  const units = new Map(kind === 'snapshot' ? [] : before.units.map((unit) => [unit.name, unit]))
  for (const payload of payloads) applyUnits(units, payload)
  const sums = payloads.flatMap((payload) => [...payload.forgotten])
  const forgotten = kind === 'snapshot' ? new Map(sums) : before.forgotten
  return { ...withUnits(before, limitHistories([...units.values()])), forgotten, ...kept }
}

function applyUnits(units: Map<string, Unit>, { units: records, keepsHistories }: Payload): void {
  for (const record of records) {
    const known = units.get(record.name)
    if (!('update' in record)) {
      // An agent before this version counted on without it.
      const isComplete = known && (keepsHistories || sameCounters(known.counters, record.counters))
      units.set(record.name, { ...record, history: isComplete ? expectedHistory(known, record) : null })
    } else if (known !== undefined) {
      units.set(record.name, { ...known, history: applied(known.history, record.update) })
    }
  }
}

/** Each event once, oldest first. */
export function inOrder(events: readonly Event[]): Event[] {
  const bySeq = new Map(events.map((event) => [event.seq, event]))
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq)
}

function lastPageOf(found: readonly DecodedPage[], seq: number): number {
  const group = found.filter((f) => f.page.seq === seq)
  return group.reduce((last, f) => (f.page.part > last.page.part ? f : last)).at
}
