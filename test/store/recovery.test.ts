import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { decodePage, encodePage, PAGE_BYTES, type Page } from '../../src/store/format/page.ts'
import { type RecoveredFile, recover } from '../../src/store/recovery.ts'
import { memoryStore, PATH } from './memory-store.ts'
import { crashesOf, crashStep, names } from './sample.ts'

const A = names(1)[0] as string

/** A file with snapshots and deltas, small enough to damage each byte of it, and all states that it has stored. */
async function file(commits: number): Promise<{ bytes: Buffer; states: State[]; used: number }> {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open()
  const states = [state]
  for (let i = 0; i < commits; i++) {
    const step = crashStep(states.at(-1) as State, A, clock.now().monoMs)
    store.remember(step)
    states.push(step.after)
    await store.flush()
  }
  const bytes = fs.bytes(PATH)
  let used = bytes.length
  while (bytes[used - 1] === 0) used--
  return { bytes, states, used: Math.ceil(used / PAGE_BYTES) * PAGE_BYTES }
}

const total = (read: RecoveredFile) => (read.state === null ? null : (crashesOf(read.state)[0] as number))

test('an intact file yields the newest state and all events', async () => {
  const { bytes, states } = await file(150)
  const read = recover(bytes)
  expect(read.state?.units).toEqual(states.at(-1)?.units)
  expect(read.complete).toBe(true)
  expect(read.events.map((e) => e.seq)).toEqual(Array.from({ length: 150 }, (_, i) => i + 1))
  expect(read.previous).not.toBe(null)
})

test('a file truncated at any byte yields an older state, never an error or a state that did not exist', async () => {
  const { bytes, states, used } = await file(2)
  let last: number | null = null
  const image = bytes.subarray(0, used)
  for (let length = 0; length <= used; length++) {
    const read = recover(image.subarray(0, length))
    const now = total(read)
    if (now === last) continue
    if (now !== null) expect(read.state?.units).toEqual(states[now]?.units)
    expect(now).toBe(last === null ? 0 : (last as number) + 1)
    last = now
  }
  expect(last).toBe(2)
})

test('one damaged byte costs at most its page and the commits based on it', async () => {
  const { bytes, states, used } = await file(2)
  const newest = states.length - 1
  for (let at = 0; at < used; at++) {
    const image = Buffer.from(bytes.subarray(0, used))
    image[at] = (image[at] as number) ^ (1 + (at % 255))
    const page = Math.floor(at / PAGE_BYTES)
    const read = recover(image)
    // Page 0 is the snapshot, the page after it the first delta; without the snapshot nothing can be recovered.
    expect(total(read)).toBe(page === 0 ? null : page - 1)
    if (page > 0 && page - 1 < newest) expect(read.complete).toBe(page === newest)
  }
})

test('if the newest snapshot is damaged, the one before it and its deltas are used', async () => {
  const { bytes, states } = await file(70)
  const snapshots = recover(bytes).found.filter((f) => f.page.kind === 'snapshot')
  expect(snapshots).toHaveLength(2)
  const newest = snapshots.reduce((a, b) => (a.page.seq > b.page.seq ? a : b))
  const image = Buffer.from(bytes)
  for (let at = newest.at * PAGE_BYTES; at < (newest.at + 1) * PAGE_BYTES; at += 64) {
    image[at] = (image[at] as number) ^ 1
    const read = recover(image)
    expect(total(read)).toBe(64)
    expect(read.state?.units).toEqual(states[64]?.units)
    expect(read.complete).toBe(false)
    // Events do not depend on the chain: those on pages of the damaged snapshot's deltas are still found.
    expect(read.events.at(-1)?.seq).toBe(70)
    image[at] = (image[at] as number) ^ 1
  }
})

test('random damage of any extent never yields a state that did not exist', async () => {
  const { bytes, states } = await file(100)
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647
    return seed % below
  }
  for (let i = 0; i < 150; i++) {
    const image = Buffer.from(bytes)
    for (let n = random(40); n >= 0; n--) {
      const from = random(image.length)
      image.subarray(from, from + random(random(2) === 0 ? 16 : 20_000)).fill(random(256))
    }
    const read = recover(image)
    const now = total(read)
    if (now !== null) expect(read.state?.units).toEqual(states[now]?.units)
  }
})

test('a snapshot that lacks a part is ignored', async () => {
  const { fs, open } = memoryStore(200)
  const { store } = await open()
  await store.stop()
  const bytes = fs.bytes(PATH)
  const read = recover(bytes)
  const parts = read.chain?.pages ?? []
  expect(parts.length).toBeGreaterThan(1)
  for (const at of parts) {
    const image = Buffer.from(bytes)
    image.fill(0, at * PAGE_BYTES, (at + 1) * PAGE_BYTES)
    const older = recover(image)
    expect(older.chain?.seq).toBe((read.chain?.seq ?? 0) - 1)
    expect(older.state?.units).toHaveLength(200)
    expect(older.complete).toBe(false)
  }
})

test('bytes that are not pages yield nothing', () => {
  for (const bytes of [new Uint8Array(), Buffer.from('{"services": {}}'), new Uint8Array(300_000).fill(255)]) {
    expect(recover(bytes)).toMatchObject({ state: null, chain: null, events: [], maxSeq: 0 })
  }
})

test('pages of a newer major version are reported, those of a newer minor version are read', async () => {
  const { bytes } = await file(1)
  const page = decodePage(bytes.subarray(0, PAGE_BYTES)) as Page
  const minor = Buffer.from(bytes)
  minor.set(encodePage(page, page.payload, { major: 1, minor: 9 }), 0)
  expect(total(recover(minor))).toBe(1)
  const major = Buffer.from(bytes)
  major.set(encodePage(page, page.payload, { major: 2, minor: 0 }), 0)
  expect(recover(major).summary.newerMajor).toBe(2)
  major.set(encodePage(page, page.payload, { major: 0, minor: 9 }), 0)
  expect(recover(major).summary).toMatchObject({ newerMajor: null, damaged: 1 })
})

test('a delta from before a recovery is not added to the new chain', async () => {
  const { fs, open, clock, powerCut } = memoryStore()
  const first = await open()
  let now = first.state
  for (let i = 0; i < 6; i++) {
    const step = crashStep(now, A, clock.now().monoMs)
    first.store.remember(step)
    now = step.after
    await first.store.flush()
  }
  // The third delta is damaged: the chain ends at the second, but the later deltas are still in the file.
  const bytes = fs.bytes(PATH)
  bytes[3 * PAGE_BYTES + 1000] = 1
  fs.put(PATH, bytes)
  powerCut()
  const second = await open()
  expect(crashesOf(second.state)[0]).toBe(2)
  const step = crashStep(second.state, A, clock.now().monoMs)
  second.store.remember(step)
  await second.store.flush()
  expect(total(recover(fs.bytes(PATH)))).toBe(3)
  await second.store.stop()
  expect(total(recover(fs.bytes(PATH)))).toBe(3)
  // Event numbers of the lost deltas are not reused.
  expect(second.state.seq).toBeGreaterThanOrEqual(10_000_000)
  expect(step.events[0]?.seqGap).toBe(10_000_000 - 6)
})
