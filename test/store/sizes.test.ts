import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { withUnits } from '../../src/core/state.ts'
import { pagesFor } from '../../src/store/file/ring.ts'
import { recover } from '../../src/store/recovery.ts'
import type { LoggedOp } from './memory-fs.ts'
import { memoryStore, PATH } from './memory-store.ts'
import { busyHistory, busyUnit, crashesOf, crashStep, names, stateOf } from './sample.ts'

const written = (log: readonly LoggedOp[]) => log.map((e) => (e.op === 'pwrite' ? e.bytes.length : e.op))
const busy = (count: number, crashes = 5) => names(count).map((name) => busyUnit(name, crashes))

test('a commit of 12 changed units and their 12 crashes is 4,096 bytes and one fdatasync, with all events', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open({ fresh: () => stateOf(busy(12)) })
  const began = fs.log.length
  let now: State = state
  for (const name of names(12)) {
    const step = crashStep(now, name, clock.now().monoMs)
    store.remember(step)
    now = step.after
  }
  await clock.go(1000)
  expect(written(fs.log.slice(began))).toEqual([4096, 'fdatasync'])
  const read = recover(fs.bytes(PATH))
  expect(read.events.map((e) => e.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  expect(read.found.flatMap((f) => f.payload.leftOut)).toEqual([])
})

test('a minute of an endless crash loop of 12 units is one page with the newest crashes; the other events are counted', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open({ fresh: () => stateOf(busy(12)) })
  let now: State = state
  for (let i = 0; i < 600; i++) {
    const step = crashStep(now, names(12)[i % 12] as string, clock.now().monoMs)
    store.remember(step)
    now = step.after
  }
  const began = fs.log.length
  await store.flush()
  expect(written(fs.log.slice(began))).toEqual([4096, 'fdatasync'])
  const read = recover(fs.bytes(PATH))
  const onFlash = read.events.map((e) => e.seq)
  expect(onFlash.length).toBeGreaterThan(5)
  expect(onFlash).toEqual(Array.from({ length: onFlash.length }, (_, i) => 600 - onFlash.length + 1 + i))
  const leftOut = read.found.flatMap((f) => f.payload.leftOut)
  expect(leftOut.reduce((sum, entry) => sum + entry.count, 0)).toBe(600 - onFlash.length)
  expect(leftOut).toHaveLength(12)
  expect(crashesOf(read.state as State)).toEqual(crashesOf(now))
})

test('a day of an endless crash loop writes less than 6.7 MB', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open({ fresh: () => stateOf(busy(12)) })
  const began = store.health().bytesWritten
  let now: State = state
  for (let s = 0; s < 86_400; s += 20) {
    const step = crashStep(now, names(12)[(s / 20) % 12] as string, clock.now().monoMs)
    store.remember(step)
    now = step.after
    if (s % 60 === 0) await store.commitForReader()
    await clock.go(20_000)
  }
  expect(store.health().bytesWritten - began).toBeLessThan(6_700_000)
  expect(store.health().commits).toBeLessThanOrEqual(1450)
  expect(fs.log.filter((e) => e.op === 'fdatasync').length).toBeLessThanOrEqual(1452)
  expect(crashesOf(recover(fs.bytes(PATH)).state as State)).toEqual(crashesOf(store.committed()))
})

test.each([12, 200, 1000])(
  '%i units are recovered after a stop and after a kill, from snapshots and deltas',
  async (count) => {
    const { fs, open, clock } = memoryStore()
    const first = await open({ fresh: () => stateOf(busy(count, 4)) })
    let now: State = first.state
    for (let i = 0; i < 150; i++) {
      const step = crashStep(now, names(count)[(i * 7) % count] as string, clock.now().monoMs)
      first.store.remember(step)
      now = step.after
      if (i % 3 === 0) expect(await first.store.flush()).toBe(true)
    }
    expect(first.store.health().problem).toBe(null)
    const killed = await open()
    expect(killed.recovered).toBe('spill')
    expect(killed.state.units).toEqual(now.units)
    await killed.store.stop()
    const stopped = await open()
    expect(stopped.recovered).toBe('clean')
    expect(stopped.state.units).toEqual(now.units)
    const { chain, summary } = recover(fs.bytes(PATH))
    expect(summary.pages).toBeGreaterThanOrEqual(3 * (chain?.pages.length ?? 0) + 128)
  },
)

test('a change of 200 units at once, which does not fit into a page, is written as a snapshot', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open({ fresh: () => stateOf(busy(200)) })
  const units = state.units.map((u) => ({ ...u, counters: { ...u.counters, starts: u.counters.starts + 1 } }))
  const after = { ...state, units }
  store.remember({ before: state, after, events: [], at: clock.now() })
  expect(await store.flush()).toBe(true)
  expect(recover(fs.bytes(PATH)).chain).toMatchObject({ deltaPages: 0 })
  expect(recover(fs.bytes(PATH)).state?.units).toEqual(units)
})

test('a change of 40 of 200 units, which does not fit into a page, is written as a delta of a few pages', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open({ fresh: () => stateOf(busy(200)) })
  const snapshot = recover(fs.bytes(PATH)).chain?.pages.length ?? 0
  const began = store.health().bytesWritten
  let now = state
  for (let i = 0; i < 40; i++) {
    const step = crashStep(now, names(200)[i * 5] as string, clock.now().monoMs)
    store.remember(step)
    now = step.after
  }
  expect(await store.flush()).toBe(true)
  const { chain, state: stored, events } = recover(fs.bytes(PATH))
  expect(chain?.deltaPages).toBeGreaterThan(1)
  expect(store.health().bytesWritten - began).toBe(4096 * (chain?.deltaPages ?? 0))
  expect(chain?.deltaPages).toBeLessThan(snapshot / 2)
  expect(stored?.units).toEqual(now.units)
  expect(events.length).toBe(40)
})

test('a file grows with the set of units, and keeps its history', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open({ fresh: () => stateOf(busy(12)) })
  const step = crashStep(state, names(1)[0] as string, clock.now().monoMs)
  store.remember(step)
  await store.flush()
  expect(fs.bytes(PATH)).toHaveLength(256 * 4096)
  const units = [...step.after.units, ...busy(1000).slice(12)]
  const more = withUnits(step.after, units)
  store.remember({ before: step.after, after: more, events: [], at: clock.now() })
  expect(await store.flush()).toBe(true)
  const read = recover(fs.bytes(PATH))
  expect(read.state?.units).toEqual(units)
  expect(read.events.map((e) => e.seq)).toEqual([1])
  expect(read.summary.pages).toBe(pagesFor(read.chain?.pages.length ?? 0))
  expect(read.summary.pages).toBeGreaterThan(256)
})

test('a crash of one unit in a thousand is one page', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open({ fresh: () => stateOf(busy(1000)) })
  // Every unit was read again. That needs no flash, and must not displace the crash from the page.
  const units = state.units.map((u) => ({ ...u, snapshot: u.snapshot && { ...u.snapshot, nRestarts: 9 } }))
  const read = { ...state, units }
  store.remember({ before: state, after: read, events: [], at: clock.now() })
  const began = fs.log.length
  store.remember(crashStep(read, names(1)[0] as string, clock.now().monoMs))
  await store.flush()
  expect(written(fs.log.slice(began))).toEqual([4096, 'fdatasync'])
})

test('a lone crash of a unit with a full history is one page, whatever its cause', async () => {
  const { fs, open, clock } = memoryStore()
  const full = busy(12).map((unit) => ({ ...unit, history: busyHistory(unit.name) }))
  const { store, state } = await open({ fresh: () => stateOf(full) })
  const began = fs.log.length
  const step = crashStep(state, names(1)[0] as string, clock.now().monoMs)
  store.remember(step)
  await store.flush()
  expect(written(fs.log.slice(began))).toEqual([4096, 'fdatasync'])
  expect(recover(fs.bytes(PATH)).state?.units).toEqual(step.after.units)
})

test('full histories of 64 units are at most eight pages of a snapshot', async () => {
  const pages = async (history: typeof busyHistory | null) => {
    const { fs, open } = memoryStore()
    const units = busy(200).map((unit, i) => ({ ...unit, history: i < 64 ? (history?.(unit.name) ?? null) : null }))
    const { store } = await open({ fresh: () => stateOf(units) })
    await store.stop()
    expect(recover(fs.bytes(PATH)).state?.units).toEqual(units)
    return recover(fs.bytes(PATH)).chain?.pages.length ?? 0
  }
  expect((await pages(busyHistory)) - (await pages(null))).toBeLessThanOrEqual(8)
})

test('where more units crash than have a history, a commit of 12 crashes is still one page', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open({ fresh: () => stateOf(busy(100, 1)) })
  let now: State = state
  for (let i = 0; i < 240; i++) {
    await clock.go(1000)
    const step = crashStep(now, names(100)[i % 100] as string, clock.now().monoMs)
    store.remember(step)
    now = step.after
    if (i % 12 !== 11) continue
    const began = fs.log.length
    await store.flush()
    if (i > 108) expect(written(fs.log.slice(began)).filter((n) => typeof n === 'number').length).toBeLessThanOrEqual(1)
    expect(recover(fs.bytes(PATH)).state?.units).toEqual(now.units)
  }
})
