import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import type { Unit } from '../../src/core/unit.ts'
import { flashCostOf } from '../../src/store/file/write-amplification.ts'
import { UNLIMITED_BYTES } from '../../src/store/flush-budget.ts'
import type { PageRingStore } from '../../src/store/store.ts'
import { type TestClock, testClock } from '../rig/clock.ts'
import { memoryStore, PATH, RUN } from './memory-store.ts'
import { BOOT, busyUnit, crashesOf, crashStep, names } from './sample.ts'

/** Lets the unit crash `n` times; returns the state after that. */
function crash(store: PageRingStore, state: State, unit: string, monoMs: number, n = 1): State {
  let now = state
  for (let i = 0; i < n; i++) {
    const step = crashStep(now, unit, monoMs + i)
    store.remember(step)
    now = step.after
  }
  return now
}
const A = names(1)[0] as string
const OTHER_BOOT = '22222222222222223333333333333333'
const TODAY = 1_795_000_000_000

test('the first start writes a file of 256 pages in full, then renames it into place', async () => {
  const { fs, open } = memoryStore()
  const { recovered, state } = await open()
  expect(recovered).toBe('fresh')
  expect(state.units).toHaveLength(3)
  expect(fs.bytes(PATH)).toHaveLength(256 * 4096)
  const written = fs.log.flatMap((e) => (e.op === 'pwrite' ? [e.bytes.length] : [])).reduce((a, b) => a + b)
  expect(written).toBe(256 * 4096)
  expect(fs.log.slice(-3).map((e) => e.op)).toEqual(['fdatasync', 'rename', 'fsyncDir'])
})

test('a clean stop and a new start lose nothing and leave no gap', async () => {
  const { fs, open, clock } = memoryStore()
  const first = await open()
  const last = crash(first.store, first.state, A, clock.now().monoMs, 5)
  await first.store.stop()
  expect([...fs.files.keys()].filter((path) => path.startsWith(RUN))).toEqual([])
  const second = await open()
  expect(second.recovered).toBe('clean')
  expect(second.state).toEqual({ ...last, index: second.state.index })
  expect(second.store.history().map((e) => e.seq)).toEqual([1, 2, 3, 4, 5])
})

test('nothing is written while nothing changes', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open()
  const before = fs.log.length
  await clock.go(86_400_000)
  const seen = { ...state, units: state.units.map((u) => ({ ...u, changedAtMs: 1 })) }
  store.remember({ before: state, after: seen, events: [], at: clock.now() })
  await clock.go(86_400_000)
  expect(fs.log.length).toBe(before)
  expect(clock.pending()).toBe(0)
})

test('when the clock is set, all times are stored with it: on flash, and for an agent that is killed before', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open()
  const commits = () => fs.log.filter(({ op }) => op === 'fdatasync').length
  const before = commits()
  const observed = (to: PageRingStore, was: State, bootedAtMs: number) => {
    const at = clock.now()
    const after = step(was, { kind: 'clock-set', at, bootedAtMs }).state
    to.remember({ before: was, after, events: [], at })
    return after
  }
  const snapshot = { ...(busyUnit('x').snapshot as NonNullable<Unit['snapshot']>), changedAtMonoMs: 5000 }
  const seen = { ...state, units: state.units.map((unit) => ({ ...unit, snapshot, changedAtMs: 6000 })) }
  store.remember({ before: state, after: seen, events: [], at: clock.now() })
  const booted = observed(store, seen, 1000)
  await clock.go(86_400_000)
  expect(commits()).toBe(before) // the first reading of the clock is not worth a commit
  const set = observed(store, booted, TODAY)
  await clock.go(60_000)
  expect(commits()).toBe(before + 1)
  for (const path of [...fs.files.keys()]) if (path.startsWith(RUN)) fs.files.delete(path)
  const cut = await open()
  const expected = { name: A, changedAtMs: TODAY + 5000 }
  expect(set.units[0]).toMatchObject(expected)
  expect(cut.state).toMatchObject({ bootedAtMs: TODAY, units: [expected, {}, {}] })
  observed(cut.store, cut.state, TODAY + 3_600_000)
  const killed = await open()
  const later = { name: A, changedAtMs: TODAY + 3_605_000 }
  expect(killed.state).toMatchObject({ bootedAtMs: TODAY + 3_600_000, units: [later, {}, {}] })
})

test('a first crash is on flash within a second, with one page and one sync', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open()
  const { commits } = store.health()
  const began = fs.log.length
  crash(store, state, A, clock.now().monoMs)
  expect(crashesOf(store.committed())).toEqual([0, 0, 0])
  await clock.go(1000)
  expect(crashesOf(store.committed())).toEqual([1, 0, 0])
  expect(store.health().commits).toBe(commits + 1)
  expect(fs.log.slice(began).map((e) => (e.op === 'pwrite' ? e.bytes.length : e.op))).toEqual([4096, 'fdatasync'])
})

test('a killed agent loses nothing: counters, events and event numbers continue exactly', async () => {
  const { open, clock } = memoryStore()
  const first = await open()
  const last = crash(first.store, first.state, A, clock.now().monoMs, 300)
  const second = await open()
  expect(second.recovered).toBe('spill')
  expect(second.state).toEqual({ ...last, index: second.state.index })
  expect(second.store.history().map((e) => e.seq)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
  expect(crashesOf(second.store.committed())).toEqual([0, 0, 0])
  await clock.go(60_000)
  expect(crashesOf(second.store.committed())).toEqual([300, 0, 0])
})

test('after a power loss, event numbers that may have been used are skipped, and their number is reported', async () => {
  const { open, clock, powerCut } = memoryStore()
  const first = await open()
  crash(first.store, first.state, A, clock.now().monoMs, 3)
  await first.store.flush()
  crash(first.store, first.store.committed(), A, clock.now().monoMs, 4)
  powerCut()
  const second = await open()
  expect(second.recovered).toBe('unclean')
  expect(second.state.seq).toBe(10_000_000)
  expect(second.state.seqGap).toBe(10_000_000 - 3)
  expect(crashesOf(second.state)).toEqual([3, 0, 0])
  powerCut()
  const third = await open()
  expect(third.state.seq).toBe(20_000_000)
  expect(third.state.seqGap).toBe(20_000_000 - 3)
})

test('a scrape commits newer counts first, while there are spare tokens', async () => {
  const { open, clock } = memoryStore()
  const { store, state } = await open()
  let now = state
  const commits: number[] = []
  for (let i = 0; i < 8; i++) {
    now = crash(store, now, A, clock.now().monoMs)
    await store.commitForReader()
    commits.push(store.health().commits)
  }
  // The commit of the start, then four for scrapes: the last five tokens are reserved for first crashes.
  expect(commits).toEqual([2, 3, 4, 5, 5, 5, 5, 5])
  expect(crashesOf(store.committed())).toEqual([4, 0, 0])
  await clock.go(60_000)
  expect(crashesOf(store.committed())).toEqual([8, 0, 0])
})

test('concurrent scrapes share one commit, and cause none without changes', async () => {
  const { open, clock } = memoryStore()
  const { store, state } = await open()
  crash(store, state, A, clock.now().monoMs)
  await Promise.all([store.commitForReader(), store.commitForReader(), store.commitForReader()])
  await store.commitForReader()
  expect(store.health().commits).toBe(2)
})

test('a scrape does not wait for flash that does not respond', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open()
  fs.fdatasync = () => new Promise(() => {})
  crash(store, state, A, clock.now().monoMs)
  let done = false
  const read = store.commitForReader().then(() => {
    done = true
  })
  await clock.go(1_900)
  expect(done).toBe(false)
  await clock.go(200)
  await read
  expect(crashesOf(store.committed())).toEqual([0, 0, 0])
})

test('starts and stops are on flash within the interval, in one commit', async () => {
  const { open, clock } = memoryStore()
  const { store, state } = await open()
  await clock.go(600_000)
  let now = state
  for (let i = 0; i < 10; i++) {
    const counters = { ...(now.units[0] as Unit).counters, starts: i + 1 }
    const units = now.units.map((u, at) => (at === 0 ? { ...u, counters } : u))
    const after = { ...now, units }
    store.remember({ before: now, after, events: [], at: clock.now() })
    now = after
    await clock.go(1_000)
  }
  expect(store.health().commits).toBe(1)
  await clock.go(50_000)
  expect(store.health().commits).toBe(2)
  expect(store.committed().units[0]?.counters.starts).toBe(10)
})

test('history is bounded, oldest first', async () => {
  const { open, clock } = memoryStore()
  const { store, state } = await open()
  crash(store, state, A, clock.now().monoMs, 1500)
  const seqs = store.history().map((e) => e.seq)
  expect([seqs.length, seqs[0], seqs.at(-1)]).toEqual([1000, 501, 1500])
})

test('health reports what was written, and how long it took', async () => {
  const { open, clock } = memoryStore()
  const { store, state } = await open()
  crash(store, state, A, clock.now().monoMs)
  await store.flush()
  const { commits, bytesWritten, lastCommitMs, commitSeconds, errors } = store.health()
  expect({ commits, bytesWritten, lastCommitMs }).toEqual({
    commits: 2,
    bytesWritten: 256 * 4096 + 4096,
    lastCommitMs: clock.now().wallMs,
  })
  expect(commitSeconds.counts.every((n) => n === 2)).toBe(true)
  expect([commitSeconds.count, commitSeconds.sum]).toEqual([2, 0])
  expect(errors).toEqual({ EIO: 0, ENOSPC: 0, EROFS: 0, other: 0 })
})

test('a unit that is added costs one page, in the file and in the spill', async () => {
  const { fs, open, clock } = memoryStore(200)
  const { store, state } = await open()
  const watch = (before: State, units: readonly string[]) => {
    const at = clock.now()
    const { state: after } = step(before, { kind: 'watch', at, units, patterns: [] })
    store.remember({ before, after, events: [], at })
    return after
  }
  const spilled = () => [...fs.files].flatMap(([path, { bytes }]) => (path.startsWith(RUN) ? bytes.length : 0))
  const pagesInSpill = () => spilled().reduce((a, b) => a + b) / 4096
  const before = pagesInSpill()
  const all = names(200)
  watch(state, [...all, 'added.service'])
  await clock.go(0)
  expect(pagesInSpill() - before).toBe(1)
  const began = fs.log.length
  await store.flush()
  expect(fs.log.slice(began).flatMap((e) => (e.op === 'pwrite' ? [e.bytes.length] : []))).toEqual([4096])
  const killed = await open()
  expect(killed.state.units.map(({ name }) => name)).toEqual([...all, 'added.service'])
  const cut = await open({ runtimeDir: null })
  expect(cut.state.units.map(({ name }) => name)).toEqual([...all, 'added.service'])
})

test('what forgotten units had counted survives a kill and a power loss, and a clear', async () => {
  const { open, clock } = memoryStore()
  const first = await open()
  const sum = { starts: 3, stops: 1, crashes: 1, restarts: 0, lost: 1 }
  const templates = Array.from({ length: 65 }, (_, n) => [`${'long'.repeat(30)}${n}@.service`, sum] as const)
  const forgotten = { ...first.state, forgotten: new Map(templates) }
  first.store.remember({ before: first.state, after: forgotten, events: [], at: clock.now() })
  const killed = await open()
  expect(killed.recovered).toBe('spill')
  expect(killed.state.forgotten).toEqual(forgotten.forgotten)
  expect(await killed.store.flush()).toBe(true)
  crash(killed.store, killed.state, A, clock.now().monoMs)
  await killed.store.flush()
  const cut = await open({ runtimeDir: null })
  expect(cut.state.forgotten).toEqual(forgotten.forgotten)
  const { state: cleared } = step(cut.state, { kind: 'clear', via: 'socket', keepEvents: false, at: clock.now() })
  cut.store.remember({ before: cut.state, after: cleared, events: [], at: clock.now() })
  expect(await cut.store.flush()).toBe(true)
  const last = await open({ runtimeDir: null })
  expect([...last.state.forgotten]).toEqual([])
})

test('after a stop nothing is stored any more, and a second stop does nothing', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open()
  await Promise.all([store.stop(), store.stop()])
  const began = fs.log.length
  crash(store, state, A, clock.now().monoMs)
  await clock.go(120_000)
  await store.commitForReader()
  expect(fs.log.length).toBe(began)
  expect(clock.pending()).toBe(0)
})

test('if the last commit fails, the spill stays for the next start', async () => {
  const { fs, open, clock } = memoryStore()
  const { store, state } = await open()
  const last = crash(store, state, A, clock.now().monoMs, 3)
  fs.fault = (op) => {
    if (op === 'pwrite' || op === 'create') throw Object.assign(new Error('EIO: x, write'), { code: 'EIO' })
    return undefined
  }
  await store.stop()
  fs.fault = () => undefined
  const second = await open()
  expect(second.recovered).toBe('spill')
  expect(second.state.units).toEqual(last.units)
})

test('the flush interval can be changed at run time', async () => {
  const { open, clock } = memoryStore()
  const { store, state } = await open()
  await clock.go(600_000)
  const after = { ...state, gatewayId: 'other' }
  store.remember({ before: state, after, events: [], at: clock.now() })
  store.limitFlushes({ flushIntervalMs: 5_000, bytesPerDay: 30_000_000 })
  await clock.go(5_000)
  expect(store.committed()).toBe(after)
})

const EXT4 = flashCostOf({ type: 'ext4', options: [] }).sideWrites
/** Holds two lone commits at once, and gains one in half an hour. */
const TIGHT = { sideWrites: EXT4, limits: { flushIntervalMs: 60_000, bytesPerDay: 1_000_000 } }

/** A crash every 5 s for 10 minutes. */
async function crashLoop(store: PageRingStore, state: State, clock: TestClock): Promise<State> {
  let now = state
  for (let i = 0; i < 120; i++) {
    now = crash(store, now, A, clock.now().monoMs)
    await clock.go(5_000)
  }
  return now
}

test('with an empty flash budget, counts wait for 15 minutes at most; that it is exceeded is logged once and in the health', async () => {
  const { open, clock, lines } = memoryStore()
  const { store, state } = await open(TIGHT)
  expect(store.health()).toMatchObject({ note: null, delaySeconds: 60 })
  let now = state
  for (let i = 0; i < 9; i++) now = await crashLoop(store, now, clock)
  const { commits, delaySeconds, note, problem } = store.health()
  expect([delaySeconds, problem]).toEqual([900, null])
  expect(note).toMatch(/more is written than flash_bytes_per_day allows/)
  expect(commits).toBeLessThan(15)
  expect(lines).toEqual([
    'warning: state: more is written than flash_bytes_per_day (1000000) allows, although commits are delayed',
  ])
  now = crash(store, now, names(2)[1] as string, clock.now().monoMs)
  await clock.go(1_000)
  expect(crashesOf(store.committed())).toEqual(crashesOf(now)) // the first crash of another unit is not delayed
  await clock.go(4 * 3_600_000)
  expect(store.health()).toMatchObject({ note: null, delaySeconds: 60 })
  crash(store, now, A, clock.now().monoMs)
  await clock.go(1_000)
  expect(lines.slice(1)).toEqual(['info: state: flash_bytes_per_day (1000000) is not exceeded any more'])
})

test.each<[string, boolean, string]>([
  ['a clean restart', true, BOOT],
  ['a kill', false, BOOT],
  ['a reboot, after which the clock shows 1970', true, OTHER_BOOT],
])('the flash budget is not full again after %s', async (_, clean, bootId) => {
  const { open, clock } = memoryStore()
  const first = await open(TIGHT)
  await crashLoop(first.store, first.state, clock)
  const before = first.store.health().delaySeconds
  expect(before).toBeGreaterThan(600)
  if (clean) await first.store.stop()
  const wall = bootId === BOOT ? {} : { clock: testClock({ startMs: 7_000, wallOffsetMs: 0 }) }
  const { store } = await open({ ...TIGHT, bootId, ...wall })
  expect(store.health().delaySeconds).toBeGreaterThanOrEqual(before - 120)
  await store.stop()
  await clock.go(4 * 3_600_000)
  const later = await open(TIGHT)
  expect(later.store.health().delaySeconds).toBe(60)
})

test('without a limit, no load stretches the flush interval', async () => {
  const { open, clock } = memoryStore()
  const { store, state } = await open({ ...TIGHT, limits: { ...TIGHT.limits, bytesPerDay: UNLIMITED_BYTES } })
  await crashLoop(store, state, clock)
  expect(store.health()).toMatchObject({ note: null, delaySeconds: 60 })
  expect(store.health().commits).toBeGreaterThan(10)
})

test('crashes after the first within an hour wait for the interval, also after a restart of the agent', async () => {
  const { open, clock } = memoryStore()
  const first = await open({ sideWrites: EXT4 })
  const last = crash(first.store, first.state, A, clock.now().monoMs)
  await clock.go(1_000)
  await first.store.stop()
  const { store, state } = await open(TIGHT)
  for (let i = 0; i < 6; i++) {
    store.remember({ before: state, after: { ...state, gatewayId: `${i}` }, events: [], at: clock.now() })
    await store.flush()
  }
  const committed = () => crashesOf(store.committed())
  crash(store, last, A, clock.now().monoMs)
  await clock.go(1_000)
  expect(committed()).toEqual([1, 0, 0])
  await clock.go(3_600_000)
  expect(committed()).toEqual([2, 0, 0])
})
