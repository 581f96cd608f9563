// One slot of the spill: a file in the runtime directory, in the page format of the state file; written and read here.
import { join } from 'node:path'
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import { pwriteAllSync, type SyncFs } from './file/fs.ts'
import { pathHash } from './file/lock.ts'
import type { Head } from './format/head-record.ts'
import { type UnitChange, unitChange } from './format/history-update.ts'
import { allPayloads } from './format/pack.ts'
import { bootKey, createGrowingPage, encodePage, type GrowingPage, PAGE_BYTES, type PageHeader } from './format/page.ts'
import { createPageBuilder, type PageBuilder, type Payload } from './format/page-records.ts'
import { readPages } from './recovery.ts'

/** A slot that has grown by this many pages is rewritten with only the newest version of each unit. */
const PAGES_UNTIL_REWRITE = 64
/** A step that changes a sum of forgotten units changes the set of units: it is written as a whole. */
const NO_SUMS: State['forgotten'] = new Map()

/** The contents of one slot. */
export interface SpillSlot {
  /** The commit that it follows. */
  readonly base: number
  readonly boot: string
  readonly stream: string
  readonly groups: readonly { readonly kind: 'snapshot' | 'delta'; readonly payloads: readonly Payload[] }[]
}

/** The two slots of the state file at `path`, even and odd. */
export function slotPaths(directory: string, path: string): readonly [string, string] {
  const name = join(directory, `state-${pathHash(path)}`)
  return [`${name}.0`, `${name}.1`]
}

/** The slots that a killed agent left for the state file at `path`. */
export function readSlots(fs: SyncFs, directory: string | null, path: string): SpillSlot[] {
  if (directory === null) return []
  return slotPaths(directory, path).flatMap((slot) => {
    try {
      return readSlot(fs.read(slot)) ?? []
    } catch {
      return []
    }
  })
}

/**
 * Null if a page is damaged, because the slot is incomplete then. A last group that lacks pages is ignored: its events had
 * not reached any sink.
 */
function readSlot(file: Uint8Array): SpillSlot | null {
  const { found, damaged, newerMajor } = readPages(file)
  const first = found[0]
  if (first === undefined || damaged > 0 || newerMajor !== null) return null
  const { base, boot } = first.page
  const groups: { kind: 'snapshot' | 'delta'; payloads: Payload[] }[] = []
  for (let seq = 0; ; seq++) {
    const parts = found.filter((f) => f.page.seq === seq).sort((a, b) => a.page.part - b.page.part)
    const page = parts[0]?.page
    if (page === undefined || parts.length !== page.parts || page.kind === 'history') break
    groups.push({ kind: page.kind, payloads: parts.map((part) => part.payload) })
  }
  const last = found.at(-1)?.page.seq ?? 0
  if (groups.length === 0 || last > groups.length) return null
  return { base, boot, stream: first.payload.head.stream, groups }
}

/** An open slot. Its methods throw if the file cannot be written; the slot must not be used after that. */
export interface SlotFile {
  readonly base: number
  /** True if its first group holds all units of the state. */
  readonly whole: boolean
  /** True if it has grown so much that it should be rewritten. */
  isLong(): boolean
  /** Adds one step: to the last page if it fits there, else as a new group of pages. */
  add(head: Head, units: readonly UnitChange[], events: readonly Event[]): void
  close(): void
}

export interface SlotStart {
  readonly path: string
  /** The file is written under this name, then renamed to `path`. */
  readonly temporary: string
  readonly base: number
  readonly whole: boolean
  readonly head: Head
  readonly units: readonly Unit[]
  readonly forgotten: State['forgotten']
  readonly events: readonly Event[]
}

/** Creates a slot file with the contents of `start`, in one rename. `boot`: of the running system, null to use that of the state. */
export function createSlotFile(fs: SyncFs, boot: string | null, start: SlotStart): SlotFile {
  const { base, whole } = start
  const headerOf = (kind: 'snapshot' | 'delta', seq: number, head: Head, part = 0, parts = 1): PageHeader => {
    return { kind, part, parts, seq, base, boot: boot ?? bootKey(head.bootId), wallMs: 0 }
  }
  const encode = (kind: 'snapshot' | 'delta', group: number, head: Head, payloads: readonly Uint8Array[]) =>
    Buffer.concat(
      payloads.map((payload, part) => encodePage(headerOf(kind, group, head, part, payloads.length), payload)),
    )
  const payloads = allPayloads(
    start.head,
    start.units.map((unit) => unitChange(unit, whole ? null : undefined)),
    start.forgotten,
    start.events,
  )
  const fd = fs.create(start.temporary)
  try {
    pwriteAllSync(fs, fd, encode(whole ? 'snapshot' : 'delta', 0, start.head, payloads), 0)
    fs.rename(start.temporary, start.path)
  } catch (error) {
    fs.close(fd)
    throw error
  }
  const lastPage = createLastPage()
  let nextGroup = 1
  let pages = payloads.length

  return {
    base,
    whole,
    isLong: () => pages - payloads.length >= PAGES_UNTIL_REWRITE,
    add(head, units, events) {
      const filled = lastPage.add(head, units, events)
      if (filled !== null) {
        pwriteAllSync(fs, fd, filled, (pages - 1) * PAGE_BYTES)
        return
      }
      const next = lastPage.begin(headerOf('delta', nextGroup, head), head, units, events)
      const added = next ?? encode('delta', nextGroup, head, allPayloads(head, units, NO_SUMS, events))
      pwriteAllSync(fs, fd, added, pages * PAGE_BYTES)
      pages += added.length / PAGE_BYTES
      nextGroup++
    },
    close: () => fs.close(fd),
  }
}

/** The page that is being filled, if any. A result is the whole page, valid until the next call. */
interface LastPage {
  /** Adds one step; null if it does not fit, or if no page is being filled. */
  add(head: Head, units: readonly UnitChange[], events: readonly Event[]): Uint8Array | null
  /** The same with a new page. */
  begin(header: PageHeader, head: Head, units: readonly UnitChange[], events: readonly Event[]): Uint8Array | null
}

function createLastPage(): LastPage {
  const bytes = Buffer.allocUnsafe(PAGE_BYTES)
  let filling: { readonly page: GrowingPage; readonly records: PageBuilder } | null = null
  /** The one that was added last. */
  let lastHead: Head | null = null

  function add(head: Head, units: readonly UnitChange[], events: readonly Event[]): Uint8Array | null {
    if (filling === null) return null
    const { page, records } = filling
    const fits =
      (isSameHead(head, lastHead) || records.head(head)) &&
      units.every(
        ({ unit, history }) => records.unit(unit) && (history === null || records.history(unit.name, history)),
      ) &&
      events.every((event) => records.event(event))
    if (!fits) {
      filling = null
      return null
    }
    lastHead = head
    return page.bytes(records.bytes().length)
  }

  return {
    add,
    begin(header, head, units, events) {
      const page = createGrowingPage(header, bytes)
      filling = { page, records: createPageBuilder(page.payload) }
      lastHead = null
      return add(head, units, events)
    },
  }
}

function isSameHead(a: Head, b: Head | null): boolean {
  return b !== null && (Object.keys(a) as (keyof Head)[]).every((key) => a[key] === b[key])
}
