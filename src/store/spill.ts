// What is not on flash yet waits in the runtime directory (RAM), written before anyone sees the event, for a killed agent.
import { join } from 'node:path'
import type { Event } from '../core/event.ts'
import type { Unit } from '../core/unit.ts'
import { errno, pwriteAllSync, type SyncFs } from './file/fs.ts'
import { pathHash } from './file/lock.ts'
import { allPayloads } from './format/pack.ts'
import { bootKey, encodePage, PAGE_BYTES } from './format/page.ts'
import { createPageBuilder, type Head, type PageBuilder } from './format/page-records.ts'

/** A slot that grew by so many pages is written anew with only the newest of each unit. */
const PAGES_UNTIL_REWRITE = 64
/** Each step sums the page that it is added to, so pages are left mostly empty; there is no lack of room in RAM. */
const FILLED_BYTES = 1000
/** What a slot keeps of events; more are told but not kept. */
const EVENTS_AT_MOST = 2000

/**
 * Two slots, two files: what follows commit n waits in slot n mod 2. A commit n+1 first opens the other slot, so what comes
 * while it is written waits there; once it is on flash the slot of n is dropped. Never throws: where the directory
 * cannot be written both slots go, so that half a story is never taken for the whole.
 */
export interface Spill {
  /** The commit that the open slot follows; null where nothing can be kept. */
  base(): number | null
  /** Opens the slot of `base`, in one rename, with what it must hold from the start. `whole`: `units` are all there are. */
  begin(base: number, head: Head, units: readonly Unit[], events: readonly Event[], whole: boolean): void
  /** Adds one step: at once where it has events, which are told next; else at the end of this turn. */
  add(head: Head, units: readonly Unit[], events: readonly Event[]): void
  /** Adds one step after which these are all the units there are. */
  addWhole(head: Head, units: readonly Unit[], events: readonly Event[]): void
  /** Removes the slot that is not open. */
  dropOther(): void
  /** Removes everything. */
  remove(): void
}

export const NO_SPILL: Spill = { base: () => null, begin() {}, add() {}, addWhole() {}, dropOther() {}, remove() {} }

/** The two slots of the state file at `path`, even and odd. */
export function slotPaths(directory: string, path: string): readonly [string, string] {
  const name = join(directory, `state-${pathHash(path)}`)
  return [`${name}.0`, `${name}.1`]
}

/** `boot`: of the running system, null to take that of the state. `failed` is told why nothing can be kept. */
export function openSpill(
  fs: SyncFs,
  directory: string,
  path: string,
  boot: string | null,
  failed: (error: unknown) => void,
): Spill {
  const slots = slotPaths(directory, path)
  const temporary = `${slots[0]}.new`
  /** The open slot. `group`: number of the next group of pages; `page`: the one being filled, null when none is. */
  let open: {
    fd: number
    base: number
    whole: boolean
    group: number
    pages: number
    page: PageBuilder | null
  } | null = null
  let startPages = 0
  let units = new Map<string, Unit>()
  let events: Event[] = []
  /** Steps without events, of which nobody is told: they are written together at the end of this turn of the event loop. */
  const waiting = new Map<string, Unit>()
  let waitingHead: Head | null = null
  const onePage = Buffer.allocUnsafe(PAGE_BYTES)

  function tryTo(what: () => void): void {
    try {
      what()
    } catch (error) {
      close()
      for (const slot of [...slots, temporary]) unlink(slot)
      failed(error)
    }
  }
  function unlink(path: string): void {
    try {
      fs.unlink(path)
    } catch (error) {
      if (errno(error) !== 'ENOENT') failed(error)
    }
  }
  function close(): void {
    if (open === null) return
    try {
      fs.close(open.fd)
    } catch {
      // A descriptor that cannot be closed is gone all the same.
    }
    open = null
  }
  function encoded(head: Head, payloads: readonly Uint8Array[], group: number, base: number, whole: boolean): Buffer {
    const kind = whole ? 'snapshot' : 'delta'
    const common = {
      kind,
      parts: payloads.length,
      seq: group,
      base,
      boot: boot ?? bootKey(head.bootId),
      wallMs: 0,
    } as const
    if (payloads.length === 1) return encodePage({ ...common, part: 0 }, payloads[0] as Uint8Array, undefined, onePage)
    return Buffer.concat(payloads.map((payload, part) => encodePage({ ...common, part }, payload)))
  }
  /** Adds what waits and `told`. */
  function append(told: readonly Event[]): void {
    const head = waitingHead
    const changed = [...waiting.values()]
    waitingHead = null
    waiting.clear()
    if (open === null || head === null) return
    for (const unit of changed) units.set(unit.name, unit)
    events.push(...told)
    if (events.length > 2 * EVENTS_AT_MOST) events = events.slice(-EVENTS_AT_MOST)
    if (open.pages - startPages >= PAGES_UNTIL_REWRITE) {
      write(open.base, head, open.whole)
      return
    }
    if (open.page !== null && fill(open.page, head, changed, told)) {
      const page = encoded(head, [open.page.bytes()], open.group - 1, open.base, false)
      pwriteAllSync(fs, open.fd, page, (open.pages - 1) * PAGE_BYTES)
      return
    }
    const page = createPageBuilder(FILLED_BYTES)
    const one = fill(page, head, changed, told)
    const payloads = one ? [page.bytes()] : allPayloads(head, changed, told)
    pwriteAllSync(fs, open.fd, encoded(head, payloads, open.group, open.base, false), open.pages * PAGE_BYTES)
    open.pages += payloads.length
    open.group++
    open.page = one ? page : null
  }
  function write(base: number, head: Head, whole: boolean): void {
    const payloads = allPayloads(head, [...units.values()], events)
    unlink(temporary)
    const fd = fs.create(temporary)
    try {
      pwriteAllSync(fs, fd, encoded(head, payloads, 0, base, whole), 0)
      fs.rename(temporary, slots[base % 2] as string)
    } catch (error) {
      fs.close(fd)
      throw error
    }
    close()
    startPages = payloads.length
    open = { fd, base, whole, group: 1, pages: payloads.length, page: null }
  }

  return {
    base: () => open?.base ?? null,
    begin: (base, head, all, told, whole) =>
      tryTo(() => {
        append([])
        units = new Map(all.map((unit) => [unit.name, unit]))
        events = told.slice(-EVENTS_AT_MOST)
        fs.mkdir(directory)
        write(base, head, whole)
      }),
    add(head, changed, told) {
      if (waitingHead === null && told.length === 0) queueMicrotask(() => tryTo(() => append([])))
      waitingHead = head
      for (const unit of changed) waiting.set(unit.name, unit)
      if (told.length > 0) tryTo(() => append(told))
    },
    addWhole: (head, all, told) =>
      tryTo(() => {
        append([])
        if (open === null) return
        units = new Map(all.map((unit) => [unit.name, unit]))
        events.push(...told)
        write(open.base, head, true)
      }),
    dropOther() {
      if (open !== null) unlink(slots[(open.base + 1) % 2] as string)
    },
    remove() {
      close()
      for (const slot of [...slots, temporary]) unlink(slot)
    },
  }
}

/** All of it or nothing. */
function fill(page: PageBuilder, head: Head, units: readonly Unit[], events: readonly Event[]): boolean {
  const back = page.mark()
  if (page.head(head) && units.every((unit) => page.unit(unit)) && events.every((event) => page.event(event)))
    return true
  back()
  return false
}
