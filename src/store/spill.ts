// The spill: uncommitted state in the runtime directory (RAM), so that a kill of the agent loses nothing.
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import { errno, type SyncFs } from './file/fs.ts'
import type { Head } from './format/head-record.ts'
import { unitChange } from './format/history-update.ts'
import { createSlotFile, type SlotFile, type SlotStart, slotPaths } from './spill-slot.ts'

/** Number of events kept in a slot; older ones are dropped. */
const EVENTS_AT_MOST = 2000

/**
 * Two slots, one file each: steps after commit n go to slot n mod 2. A commit n+1 first opens the other slot for the steps
 * that come while it is being written; once it is on flash, the slot of n is removed. A step is in the spill before any
 * sink receives its events. Never throws: if the directory cannot be written, both slots are removed, because an
 * incomplete spill must not be mistaken for a complete one.
 */
export interface Spill {
  /** The commit that the open slot follows; null if no slot is open. */
  base(): number | null
  /** Opens the slot of `base`, with its first contents, in one rename: the whole state, or with null no units. */
  begin(base: number, head: Head, state: State | null, events: readonly Event[]): void
  /** Adds one step: at once if it has events, else at the end of this turn of the event loop. */
  add(head: Head, units: readonly Unit[], events: readonly Event[]): void
  /** Adds one step that removed units, or changed their order. */
  addWhole(head: Head, state: State, events: readonly Event[]): void
  /** Removes the slot that is not open. */
  dropOther(): void
  /** Removes both slots. */
  remove(): void
}

export const NO_SPILL: Spill = { base: () => null, begin() {}, add() {}, addWhole() {}, dropOther() {}, remove() {} }

/** `boot`: of the running system, null to use that of the state. `failed` is called with each error. */
export function openSpill(
  fs: SyncFs,
  directory: string,
  path: string,
  boot: string | null,
  failed: (error: unknown) => void,
): Spill {
  const slots = createSlots(fs, directory, path, boot, failed)
  /** The contents of the open slot, for when it is rewritten: the newest version of each unit, and the newest events. */
  let units = new Map<string, Unit>()
  let forgotten: State['forgotten'] = new Map()
  let events: Event[] = []
  /** Steps without events: no sink sees them, so they are written together at the end of this turn of the event loop. */
  const waiting = new Map<string, Unit>()
  let waitingHead: Head | null = null

  function tryTo(what: () => void): void {
    try {
      what()
    } catch (error) {
      slots.removeAll()
      failed(error)
    }
  }

  function hold(state: State | null): void {
    units = new Map(state?.units.map((unit) => [unit.name, unit]))
    forgotten = state?.forgotten ?? new Map()
  }

  function rewrite(base: number, head: Head, whole: boolean): void {
    slots.replace({ base, whole, head, units: [...units.values()], forgotten, events })
  }

  /** Writes the waiting steps and `newEvents`. */
  function append(newEvents: readonly Event[]): void {
    const open = slots.open()
    const head = waitingHead
    const changed = [...waiting.values()].map((unit) => unitChange(unit, units.get(unit.name)))
    waitingHead = null
    waiting.clear()
    if (open === null || head === null) return
    for (const { unit } of changed) units.set(unit.name, unit)
    events.push(...newEvents)
    if (events.length > 2 * EVENTS_AT_MOST) events = events.slice(-EVENTS_AT_MOST)
    if (open.isLong()) rewrite(open.base, head, open.whole)
    else open.add(head, changed, newEvents)
  }

  return {
    base: () => slots.open()?.base ?? null,
    begin: (base, head, state, newEvents) =>
      tryTo(() => {
        append([])
        hold(state)
        events = newEvents.slice(-EVENTS_AT_MOST)
        fs.mkdir(directory)
        rewrite(base, head, state !== null)
      }),
    add(head, changed, newEvents) {
      if (waitingHead === null && newEvents.length === 0) queueMicrotask(() => tryTo(() => append([])))
      waitingHead = head
      for (const unit of changed) waiting.set(unit.name, unit)
      if (newEvents.length > 0) tryTo(() => append(newEvents))
    },
    addWhole: (head, state, newEvents) =>
      tryTo(() => {
        append([])
        const open = slots.open()
        if (open === null) return
        hold(state)
        events.push(...newEvents)
        rewrite(open.base, head, true)
      }),
    dropOther: slots.dropOther,
    remove: slots.removeAll,
  }
}

/** The two slot files, of which at most one is open. Only `replace` can throw. */
function createSlots(
  fs: SyncFs,
  directory: string,
  path: string,
  boot: string | null,
  failed: (error: unknown) => void,
) {
  const paths = slotPaths(directory, path)
  const temporary = `${paths[0]}.new`
  let open: SlotFile | null = null

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
      // After a failed close(2) the descriptor is closed anyway.
    }
  }

  return {
    open: () => open,
    /** Writes a new slot file with these contents and makes it the open one. */
    replace(contents: Omit<SlotStart, 'path' | 'temporary'>): void {
      unlink(temporary)
      const slot = createSlotFile(fs, boot, { ...contents, path: paths[contents.base % 2] as string, temporary })
      close()
      open = slot
    },
    dropOther(): void {
      if (open !== null) unlink(paths[(open.base + 1) % 2] as string)
    },
    removeAll(): void {
      close()
      for (const file of [...paths, temporary]) unlink(file)
    },
  }
}
