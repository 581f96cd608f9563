// What is not on flash yet waits in the runtime directory (RAM), written before anyone sees the event, for a killed agent.
import type { Event } from '../core/event.ts'
import type { Unit } from '../core/unit.ts'
import { errno, type SyncFs } from './file/fs.ts'
import type { Head } from './format/page-records.ts'
import { createSlotFile, type SlotFile, slotPaths } from './spill-slot.ts'

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
  let open: SlotFile | null = null
  /** What the open slot must hold when it is written anew: the newest of each unit, and the newest events. */
  let units = new Map<string, Unit>()
  let events: Event[] = []
  /** Steps without events, of which nobody is told: they are written together at the end of this turn of the event loop. */
  const waiting = new Map<string, Unit>()
  let waitingHead: Head | null = null

  function tryTo(what: () => void): void {
    try {
      what()
    } catch (error) {
      removeAll()
      failed(error)
    }
  }
  function unlink(file: string): void {
    try {
      fs.unlink(file)
    } catch (error) {
      if (errno(error) !== 'ENOENT') failed(error)
    }
  }
  function close(): void {
    const slot = open
    open = null
    try {
      slot?.close()
    } catch {
      // A descriptor that cannot be closed is gone all the same.
    }
  }
  function removeAll(): void {
    close()
    for (const file of [...slots, temporary]) unlink(file)
  }
  /** Writes a slot with all that it must hold, and opens it in place of the one before. */
  function rewrite(base: number, head: Head, whole: boolean): void {
    unlink(temporary)
    const slot = createSlotFile(fs, boot, {
      path: slots[base % 2] as string,
      temporary,
      base,
      whole,
      head,
      units: [...units.values()],
      events,
    })
    close()
    open = slot
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
    if (open.isLong()) rewrite(open.base, head, open.whole)
    else open.add(head, changed, told)
  }

  return {
    base: () => open?.base ?? null,
    begin: (base, head, all, told, whole) =>
      tryTo(() => {
        append([])
        units = byName(all)
        events = told.slice(-EVENTS_AT_MOST)
        fs.mkdir(directory)
        rewrite(base, head, whole)
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
        units = byName(all)
        events.push(...told)
        rewrite(open.base, head, true)
      }),
    dropOther() {
      if (open !== null) unlink(slots[(open.base + 1) % 2] as string)
    },
    remove: removeAll,
  }
}

function byName(units: readonly Unit[]): Map<string, Unit> {
  return new Map(units.map((unit) => [unit.name, unit]))
}
