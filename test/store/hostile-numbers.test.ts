// Pages with a valid checksum and impossible numbers: a start always ends, what it yields can be used, and it writes no such page.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { LARGEST_NUMBER } from '../../src/store/format/bytes.ts'
import { headOf } from '../../src/store/format/head-record.ts'
import { encodePage, PAGE_BYTES, type PageKind } from '../../src/store/format/page.ts'
import { createPageBuilder } from '../../src/store/format/page-records.ts'
import type { OpenedStore } from '../../src/store/open.ts'
import { recover } from '../../src/store/recovery.ts'
import { slotPaths } from '../../src/store/spill-slot.ts'
import { bytesOf, hostilePages } from './hostile-pages.ts'
import { memoryStore, PATH, RUN } from './memory-store.ts'
import { BOOT, busyUnit, crashesOf, crashOf, crashStep, names, STREAM, stateOf } from './sample.ts'

const A = names(1)[0] as string
const OTHER = 'bbbbbbbbbbbbbbbb'
const ZEROS = (pages: number) => Buffer.alloc(pages * PAGE_BYTES)
const NUMBERS = { reserved: 10, acknowledged: 0, published: [], clean: false }

/** A page as the agent writes it, with these commit numbers. */
function pageOf(
  kind: PageKind,
  seq: number,
  base: number,
  state: State,
  numbers: Partial<typeof NUMBERS> = {},
): Buffer {
  const page = createPageBuilder()
  page.head(headOf(state, { ...NUMBERS, ...numbers }))
  for (const unit of state.units) page.unit(unit)
  return encodePage({ kind, part: 0, parts: 1, seq, base, boot: BOOT, wallMs: 0 }, page.bytes())
}

const STATE = stateOf([busyUnit(A, 7)], 5)

async function crashOnce({ store, state }: OpenedStore): Promise<State> {
  const step = crashStep(state, A, 1_000)
  store.remember(step)
  expect(await store.flush()).toBe(true)
  return step.after
}

/** The highest number that the store wrote for commits and events. */
function highest(file: Uint8Array): number {
  const { maxSeq, reserved, lastEvent, summary } = recover(file)
  expect(summary.damaged).toBe(0)
  return Math.max(maxSeq, reserved, lastEvent)
}

test.each([
  ['2^53-1', 2 ** 53 - 1],
  ['2^48+1', 2 ** 48 + 1],
])('a page with the commit number %s is damaged; the others are used', async (_, seq) => {
  const b = memoryStore()
  const hostile = [
    pageOf('snapshot', seq, seq, stateOf([busyUnit(A, 99)])),
    pageOf('delta', seq + 1, seq, stateOf([busyUnit(A, 99)])),
    pageOf('delta', seq + 2, seq, stateOf([busyUnit(A, 99)])),
  ]
  b.fs.put(PATH, Buffer.concat([pageOf('snapshot', 1, 1, STATE), ...hostile, ZEROS(252)]))
  const opened = await b.open()
  expect([opened.recovered, crashesOf(opened.state)]).toEqual(['unclean', [7]])
  await crashOnce(opened)
  await opened.store.stop()
  expect(recover(b.fs.bytes(PATH)).maxSeq).toBeLessThan(10)
})

test.each([
  ['commit number', pageOf('snapshot', LARGEST_NUMBER, LARGEST_NUMBER, STATE)],
  ['event number', pageOf('snapshot', 1, 1, { ...STATE, seq: LARGEST_NUMBER })],
  ['reserved event number', pageOf('snapshot', 1, 1, STATE, { reserved: LARGEST_NUMBER, clean: true })],
])('the highest possible %s is read, and numbering starts again with the same counters', async (_, page) => {
  const b = memoryStore()
  b.fs.put(PATH, Buffer.concat([page, ZEROS(255)]))
  const opened = await b.open({ fresh: () => ({ ...stateOf([]), stream: OTHER }) })
  expect([crashesOf(opened.state), opened.state.seq, opened.state.stream]).toEqual([[7], 0, OTHER])
  expect(opened.store.history()).toEqual([])
  const after = await crashOnce(opened)
  expect(after.seq).toBe(1)
  expect(highest(b.fs.bytes(PATH))).toBeLessThan(2 ** 40)
  await opened.store.stop()
  const next = await b.open()
  expect([next.recovered, crashesOf(next.state), next.state.stream]).toEqual(['clean', [8], OTHER])
  expect(b.lines).toEqual([
    `warning: state: commits or events in ${PATH} have impossibly high numbers; numbering starts again`,
  ])
})

test('an acknowledged number above all events does not keep later events from the broker', async () => {
  const b = memoryStore()
  b.fs.put(PATH, Buffer.concat([pageOf('snapshot', 1, 1, STATE, { acknowledged: 2 ** 40, clean: true }), ZEROS(255)]))
  const { store, state } = await b.open()
  expect([state.seq, store.acknowledged()]).toEqual([5, 5])
})

test('an event above all numbers of the state does not exist', async () => {
  const b = memoryStore()
  const page = createPageBuilder()
  page.head(headOf(STATE, { ...NUMBERS, clean: true }))
  for (const unit of STATE.units) page.unit(unit)
  for (const seq of [4, 5, 2 ** 40]) page.event(crashOf(A, seq))
  const header = { kind: 'snapshot', part: 0, parts: 1, seq: 1, base: 1, boot: BOOT, wallMs: 0 } as const
  b.fs.put(PATH, Buffer.concat([encodePage(header, page.bytes()), ZEROS(255)]))
  const { store } = await b.open()
  expect(store.history().map(({ seq }) => seq)).toEqual([4, 5])
})

test('a negative NRestarts is damage: restarts are counted by its difference to what systemd has', async () => {
  const b = memoryStore()
  const unit = busyUnit(A, 7)
  const negative = { ...unit, snapshot: unit.snapshot && { ...unit.snapshot, nRestarts: -(2 ** 40) } }
  b.fs.put(PATH, Buffer.concat([pageOf('snapshot', 1, 1, stateOf([negative], 5)), ZEROS(255)]))
  expect((await b.open()).recovered).toBe('damaged')
})

test('pages of 65,535 parts do not make a start slow', async () => {
  const b = memoryStore()
  const parts = { kind: 'snapshot', part: 0, parts: 65_535, base: 1, boot: BOOT, wallMs: 0 } as const
  const pages = Array.from({ length: 4096 }, (_, seq) => encodePage({ ...parts, seq }, payloadOf(STATE)))
  const began = process.cpuUsage()
  b.fs.put(PATH, Buffer.concat(pages))
  const opened = await b.open()
  expect(opened.recovered).toBe('damaged')
  const { user, system } = process.cpuUsage(began)
  expect((user + system) / 1000).toBeLessThan(15_000)
})

function payloadOf(state: State): Uint8Array {
  const page = createPageBuilder()
  page.head(headOf(state, NUMBERS))
  return page.bytes()
}

test('a start with hostile numbers in any field ends, and its state is counted on, written and read again', async () => {
  await fc.assert(
    fc.asyncProperty(hostilePages, hostilePages, fc.boolean(), fc.boolean(), async (pages, spilled, whole, spills) => {
      const b = memoryStore(1)
      const genuine = whole ? [pageOf('snapshot', 1, 1, STATE), pageOf('delta', 2, 1, STATE)] : []
      b.fs.put(PATH, Buffer.concat([...genuine, bytesOf(pages), ZEROS(256 - genuine.length - pages.length)]))
      if (spills) b.fs.put(slotPaths(RUN, PATH)[0], bytesOf(spilled))
      const opened = await b.open({ fresh: () => ({ ...stateOf([busyUnit(A)]), stream: OTHER }) })
      const { store, state } = opened
      expect(state.stream === STREAM || state.seq === 0).toBe(true)
      expect(state.seq).toBeLessThanOrEqual(LARGEST_NUMBER / 2)
      expect(store.acknowledged()).toBeLessThanOrEqual(state.seq)
      expect(store.history().every((event) => event.seq <= state.seq)).toBe(true)
      for (const { nRestarts } of state.units.flatMap((unit) => unit.snapshot ?? []))
        expect(nRestarts).toBeGreaterThanOrEqual(0)
      const after = await crashOnce(opened)
      expect(await store.flush()).toBe(true)
      await store.stop()
      const next = await b.open({ fresh: () => ({ ...stateOf([]), stream: 'cccccccccccccccc' }) })
      expect(next.recovered).toBe('clean')
      if (next.state.stream === after.stream) expect(next.state.seq).toBe(after.seq)
      else expect(next.state.seq).toBe(0)
      const most = (crashes: readonly number[]) => crashes.map((n) => Math.min(n, LARGEST_NUMBER))
      expect(crashesOf(next.state)).toEqual(most(crashesOf(after)))
    }),
    { numRuns: Number(process.env['GATEWATCH_LONG'] ? 2_000 : 200) },
  )
}, 600_000)
