// One slot of the spill: what is read is what was written up to some step, whatever happened to the bytes.
import { expect, test } from 'vitest'
import { type State, unitOf } from '../../src/core/state.ts'
import type { Unit } from '../../src/core/unit.ts'
import { headOf } from '../../src/store/format/head-record.ts'
import { unitChange } from '../../src/store/format/history-update.ts'
import { decodePage, encodePage, PAGE_BYTES, type Page } from '../../src/store/format/page.ts'
import { createSlotFile, readSlots, type SlotFile, type SpillSlot, slotPaths } from '../../src/store/spill-slot.ts'
import { memoryFs } from './memory-fs.ts'
import { PATH, RUN } from './memory-store.ts'
import { BOOT, busyUnit, crashStep, names, stateOf } from './sample.ts'

const SLOT = slotPaths(RUN, PATH)[0]
const A = names(1)[0] as string

/** A slot with these units; `crash` adds one step and returns the bytes of the file after it. */
const changes = (units: readonly Unit[], before: State) =>
  units.map((unit) => unitChange(unit, unitOf(before, unit.name)))

function slotWith(units: number) {
  const fs = memoryFs()
  let state: State = stateOf(names(units).map((name) => busyUnit(name)))
  const head = () => headOf(state, { reserved: 10_000_000, acknowledged: 0, published: [], clean: false })
  const start = { path: SLOT, temporary: `${SLOT}.new`, base: 4, whole: true, forgotten: new Map(), events: [] }
  const slot: SlotFile = createSlotFile(fs.sync, BOOT, { ...start, head: head(), units: state.units })
  return {
    slot,
    crash(unit = A): Buffer {
      const before = state
      const { after, events } = crashStep(before, unit, 1_000)
      state = after
      slot.add(
        head(),
        changes(
          after.units.filter(({ name }) => name === unit),
          before,
        ),
        events,
      )
      return fs.bytes(SLOT)
    },
    /** A step without an event. */
    change(): Buffer {
      const units = state.units.map((unit) => (unit.name === A ? { ...unit, endJob: unit.endJob + 1 } : unit))
      state = { ...state, units }
      slot.add(head(), changes(units.slice(0, 1), state), [])
      return fs.bytes(SLOT)
    },
    state: () => state,
    bytes: () => fs.bytes(SLOT),
  }
}

/** As the next agent reads it; null if it ignores it. */
function read(bytes: Uint8Array): SpillSlot | null {
  const fs = memoryFs()
  fs.put(SLOT, bytes)
  return readSlots(fs.sync, RUN, PATH)[0] ?? null
}

/** The events, and the counters of the newest version of `A`: what may not be wrong. */
function countsIn(slot: SpillSlot | null) {
  if (slot === null) return null
  const payloads = slot.groups.flatMap((group) => group.payloads)
  const units = payloads.flatMap((payload) => payload.units).flatMap((record) => ('update' in record ? [] : record))
  const unit = units.findLast(({ name }) => name === A)
  return { seqs: payloads.flatMap((p) => p.events.map((e) => e.seq)), counters: unit?.counters, job: unit?.endJob }
}

test('steps are added to the last page, which is at each time the page that one write of its contents would be', () => {
  const { crash, change, bytes } = slotWith(1)
  const decoded = (page: Buffer) => decodePage(page) as Page
  for (let step = 0; step < 40; step++) {
    const file = step % 3 === 0 ? crash() : change()
    for (let at = 0; at < file.length; at += PAGE_BYTES) {
      const page = file.subarray(at, at + PAGE_BYTES)
      expect(page.equals(encodePage(decoded(page), decoded(page).payload))).toBe(true)
    }
  }
  expect(countsIn(read(bytes()))?.seqs).toHaveLength(14)
  expect(bytes().length / PAGE_BYTES).toBeLessThan(6)
})

test('a page to which steps were added is damaged with any bit flipped, and its slot is ignored', () => {
  const { crash } = slotWith(1)
  crash()
  const file = crash()
  expect(file).toHaveLength(2 * PAGE_BYTES)
  expect(countsIn(read(file))?.seqs).toEqual([1, 2])
  for (let bit = 0; bit < PAGE_BYTES * 8; bit++) {
    const at = PAGE_BYTES + (bit >> 3)
    const before = file[at] as number
    file[at] = before ^ (1 << (bit & 7))
    if (decodePage(file.subarray(PAGE_BYTES)) !== 'damaged') expect.fail(`bit ${bit} can be flipped`)
    if (bit % 97 === 0) expect(read(file)).toBe(null)
    file[at] = before
  }
})

test('a slot that is cut at any byte holds the steps of its complete pages, or is ignored', () => {
  const { crash } = slotWith(1)
  let file: Buffer = crash()
  const first = countsIn(read(file))
  while (file.length < 3 * PAGE_BYTES) file = crash()
  const all = countsIn(read(file))?.seqs ?? []
  const found = new Set<number>()
  for (let length = 0; length < file.length; length++) {
    if (length % 7 !== 0 && (length + 40) % PAGE_BYTES > 80) continue
    const cut = countsIn(read(file.subarray(0, length)))
    if (cut === null) continue
    found.add(cut.seqs.length)
    expect(cut.seqs).toEqual(all.slice(0, cut.seqs.length))
    expect(cut.counters?.crashes).toBe((first?.counters?.crashes ?? 0) - 1 + cut.seqs.length)
  }
  expect(found.size).toBe(2)
})

test('an append that was written up to any byte is damage, or the slot before it or after it', () => {
  const { crash, change } = slotWith(1)
  crash()
  const before = crash()
  const after = change()
  expect(after).toHaveLength(before.length)
  const valid = [countsIn(read(before)), countsIn(read(after))]
  expect(valid[0]).not.toEqual(valid[1])
  let ignored = 0
  for (let at = PAGE_BYTES; at <= 2 * PAGE_BYTES - 2000; at++) {
    const torn = read(Buffer.concat([after.subarray(0, at), before.subarray(at)]))
    if (torn === null) ignored++
    else expect(valid).toContainEqual(countsIn(torn))
  }
  expect(ignored).toBeGreaterThan(100)
})

test('a step that does not fit into a page is added as a group of pages, and the next one begins another page', () => {
  const { slot, crash, state, bytes } = slotWith(60)
  crash()
  const head = headOf(state(), { reserved: 10_000_000, acknowledged: 0, published: [], clean: false })
  slot.add(head, changes(state().units, state()), [])
  crash()
  crash()
  const groups = read(bytes())?.groups ?? []
  expect(groups.map(({ payloads }) => payloads.length)).toEqual([groups[0]?.payloads.length, 1, expect.any(Number), 1])
  expect(groups[2]?.payloads.length).toBeGreaterThan(2)
  expect(countsIn(read(bytes()))?.seqs).toEqual([1, 2, 3])
})
