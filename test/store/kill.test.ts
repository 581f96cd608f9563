// SIGKILL without power loss, before each file operation: the next agent has every step exactly once.
import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { withUnits } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { newUnit, shownCounters } from '../../src/core/unit.ts'
import type { OpenedStore } from '../../src/store/open.ts'
import { failure, type MemoryFs } from './memory-fs.ts'
import { type MediumKind, type MemoryStore, memoryStore, PATH, partitionWith, RUN } from './memory-store.ts'
import { crashStep, freshState, names, stateOf } from './sample.ts'

interface CrashImage {
  readonly files: ReadonlyMap<string, Buffer>
  /** The least and the most that the agent had stored: the current step may be included or not. */
  readonly from: State
  readonly to: State
}

/** Runs `scenario` and takes an image of all files before every operation that changes one. */
async function imagesOf(
  units: number,
  on: MediumKind,
  scenario: (b: MemoryStore, opened: OpenedStore, step: (unit?: string) => void) => Promise<void>,
) {
  const b = memoryStore(units)
  if (on === 'partition') b.fs.putDevice(PATH, partitionWith(256))
  const { fs, clock } = b
  const images: CrashImage[] = []
  let from: State | null = null
  let to: State | null = null
  let last = ''
  const take = () => {
    if (from === null || to === null) return
    const files = new Map([...fs.files].map(([path, inode]) => [path, Buffer.from(inode.bytes)]))
    const seen = `${to.seq} ${from.seq} ${[...files.values()].map((f) => f.toString('latin1')).join()}`
    if (seen !== last) images.push({ files, from, to })
    last = seen
  }
  fs.fault = () => void take()
  fs.syncFault = take
  const opened = await b.open()
  const { store } = opened
  from = to = opened.state
  const step = (unit = names(units)[0] as string) => {
    const made = crashStep(from as State, unit, clock.now().monoMs)
    to = made.after
    take()
    store.remember(made)
    from = made.after
    take()
  }
  await scenario(b, opened, step)
  return images
}

const MEDIA: readonly MediumKind[] = ['file', 'partition']

async function reopened({ files }: CrashImage, on: MediumKind): Promise<{ found: OpenedStore; fs: MemoryFs }> {
  const b = memoryStore()
  putAll(b.fs, files, on)
  return { found: await b.open(), fs: b.fs }
}

function putAll(fs: MemoryFs, files: ReadonlyMap<string, Buffer>, on: MediumKind): void {
  for (const [path, bytes] of files) {
    if (path === PATH && on === 'partition') fs.putDevice(path, bytes)
    else fs.put(path, bytes)
  }
}

async function expectNothingLost(images: readonly CrashImage[], on: MediumKind): Promise<void> {
  for (const image of images) {
    const { found } = await reopened(image, on)
    const at = [image.from, image.to].find((s) => s.seq === found.state.seq)
    expect(found.state.seqGap).toBe(0)
    expect(found.state.units).toEqual(at?.units)
    expect(found.state.stream).toBe(image.from.stream)
    const seqs = found.store.history().map((e) => e.seq)
    expect(seqs).toEqual(Array.from({ length: found.state.seq }, (_, i) => 1 + i))
  }
}

test.each(MEDIA)(
  'around a step, a commit in progress, the switch of spill slots, and the next commit, on a %s',
  async (on) => {
    const images = await imagesOf(3, on, async ({ fs }, { store }, step) => {
      step()
      for (let i = 0; i < 4; i++) {
        step()
        // Steps arrive while the commit is being written and synced.
        const take = fs.fault
        fs.fault = (op, path) => {
          const short = take(op, path)
          if (op === 'pwrite' || op === 'fdatasync') step(names(3)[1])
          return short
        }
        await store.flush()
        fs.fault = take
      }
    })
    expect(images.length).toBeGreaterThan(30)
    await expectNothingLost(images, on)
  },
)

test.each(MEDIA)(
  'while snapshots of several pages are written, and steps need several pages of the spill, on a %s',
  async (on) => {
    const images = await imagesOf(120, on, async ({ clock }, { store, state }, step) => {
      step()
      await store.flush()
      step()
      // As after a reconciliation: 120 units change at once, more than a page can hold.
      const before = { ...store.committed() }
      expect(before.units).toHaveLength(state.units.length)
      for (const name of names(120)) step(name)
      await store.flush()
      step()
      await clock.go(60_000)
    })
    await expectNothingLost(
      images.filter((_, i) => i % 7 === 0 || i > images.length - 60),
      on,
    )
  },
)

test.each(MEDIA)('after a failed commit, during its retry, and while a new ring is begun, on a %s', async (on) => {
  const images = await imagesOf(3, on, async ({ fs, clock }, { store }, step) => {
    step()
    await store.flush()
    step()
    const take = fs.fault
    fs.fault = (op, path) => {
      take(op, path)
      if (op === 'fdatasync') throw failure('EIO')
      return undefined
    }
    expect(await store.flush()).toBe(false)
    step()
    await clock.go(5_000)
    step(names(3)[1])
    fs.fault = take
    step()
    await clock.go(20_000)
    expect(store.health().problem).toBe(null)
    step()
    await store.flush()
    step()
  })
  expect(images.length).toBeGreaterThan(20)
  await expectNothingLost(images, on)
})

test.each([
  ['the file can be written', 'file', undefined],
  ['the file cannot be replaced', 'file', 'EROFS'],
  ['the partition can be written', 'partition', undefined],
  ['the partition cannot be written', 'partition', 'EROFS'],
] as const)(
  'in the first start on another machine, with a spill from before it, while %s',
  async (_what, on, error) => {
    const b = memoryStore()
    if (on === 'partition') b.fs.putDevice(PATH, partitionWith(256))
    const first = await b.open({ fresh: () => ({ ...freshState(3)(), machineId: 'a' }) })
    const made = crashStep(first.state, names(3)[0] as string, 1)
    first.store.remember(made)
    const counted = made.after.units.map(shownCounters)

    const images: ReadonlyMap<string, Buffer>[] = []
    const take = () => void images.push(new Map([...b.fs.files].map(([path, { bytes }]) => [path, Buffer.from(bytes)])))
    b.fs.fault = (op) => {
      take()
      if (op === (on === 'file' ? 'create' : 'pwrite') && error !== undefined) throw failure(error)
      return undefined
    }
    b.fs.syncFault = take
    const start = async (on: MemoryStore, stream: string) => {
      const { store, state: before } = await on.open({ fresh: () => ({ ...stateOf([]), stream }), machineId: 'b' })
      const at = on.clock.now()
      const { state, events } = step(before, { kind: 'identity', at, gatewayId: 'g', machineId: 'b' })
      store.remember({ before, after: state, events, at })
      return { store, state }
    }
    const { store } = await start(b, 'bbbbbbbbbbbbbbbb')
    await store.flush()
    take()
    expect(images.length).toBeGreaterThan(15)
    for (const [i, files] of images.entries()) {
      const again = memoryStore()
      putAll(again.fs, files, on)
      const { state } = await start(again, 'cccccccccccccccc')
      expect([i, state.machineId, state.units.map(shownCounters)]).toEqual([i, 'b', counted])
      expect(state.stream).not.toBe(first.state.stream)
    }
  },
)

test('if nothing could ever be written to flash', async () => {
  const b = memoryStore()
  b.fs.fault = (op) => {
    if (op === 'create') throw failure('EROFS')
    return undefined
  }
  const first = await b.open()
  expect(first.recovered).toBe('fresh')
  let now = first.state
  for (let i = 0; i < 30; i++) {
    const made = crashStep(now, names(1)[0] as string, b.clock.now().monoMs)
    first.store.remember(made)
    now = made.after
    await b.clock.go(1000)
  }
  const second = await b.open()
  expect(second.recovered).toBe('spill')
  expect(second.state.units).toEqual(now.units)
  expect(second.state).toMatchObject({ stream: now.stream, seq: 30, seqGap: 0 })
})

test('the spill includes a change of the set of units', async () => {
  const { open, clock } = memoryStore()
  const { store, state } = await open()
  const more = withUnits(state, [newUnit('new.service'), ...state.units.slice(1)])
  store.remember({ before: state, after: more, events: [], at: clock.now() })
  const step = crashStep(more, 'new.service', clock.now().monoMs)
  store.remember(step)
  const second = await open()
  expect(second.recovered).toBe('spill')
  expect(second.state.units).toEqual(step.after.units)
})

/** A step of a crash loop that is summarised: it changes counters without an event. */
function countStep(before: State, monoMs: number) {
  const { after, at } = crashStep(before, names(1)[0] as string, monoMs)
  return { before, after: { ...after, seq: before.seq }, events: [], at }
}

test('steps without events are written together at the end of the turn, or earlier with the next event', async () => {
  const { fs, open } = memoryStore()
  const { store, state } = await open()
  let writes = 0
  fs.syncFault = (op, path) => {
    if (op === 'pwrite' && path.startsWith(RUN)) writes += 1
  }
  const first = countStep(state, 1)
  const second = countStep(first.after, 2)
  store.remember(first)
  store.remember(second)
  expect(writes).toBe(0)
  await Promise.resolve()
  expect(writes).toBe(1)
  const third = countStep(second.after, 3)
  const made = crashStep(third.after, names(2)[1] as string, 4)
  store.remember(third)
  store.remember(made)
  expect(writes).toBe(2)
  await Promise.resolve()
  expect(writes).toBe(2)
  expect((await open()).state.units).toEqual(made.after.units)
})

test('thousands of events between two commits take bounded space in the runtime directory', async () => {
  const { fs, open, clock } = memoryStore(12)
  const { store, state } = await open()
  let now = state
  let most = 0
  for (let i = 0; i < 12_000; i++) {
    const made = crashStep(now, names(12)[i % 12] as string, clock.now().monoMs)
    store.remember(made)
    now = made.after
    const size = [...fs.files].reduce((sum, [path, { bytes }]) => sum + (path.startsWith(RUN) ? bytes.length : 0), 0)
    most = Math.max(most, size)
  }
  expect(most).toBeLessThan(1_000_000)
  const second = await open()
  expect(second.recovered).toBe('spill')
  expect(second.state.units).toEqual(now.units)
  expect(second.store.history()).toHaveLength(1000)
})

test('killed repeatedly, also directly after the start', async () => {
  const { open, clock, fs } = memoryStore()
  let now = (await open()).state
  for (let start = 0; start < 4; start++) {
    const { store, state, recovered } = await open()
    expect(recovered).toBe('spill')
    expect(state.units).toEqual(now.units)
    const made = crashStep(state, names(1)[0] as string, clock.now().monoMs)
    store.remember(made)
    if (start === 2) await store.flush()
    now = made.after
  }
  const { state } = await open()
  expect(state).toMatchObject({ seq: 4, seqGap: 0 })
  expect(state.units).toEqual(now.units)
  // A start after a kill makes no commit: uncommitted changes are due within the interval.
  expect(fs.files.has(PATH)).toBe(true)
})

test('the spill of another boot or of another state file is ignored and removed', async () => {
  const b = memoryStore()
  const { store, state } = await b.open()
  store.remember(crashStep(state, names(1)[0] as string, 1))
  const spill = new Map([...b.fs.files].filter(([path]) => path.startsWith(RUN)))
  const other = await b.open({ bootId: 'ffffffffffffffffffffffffffffffff' })
  expect(other.recovered).toBe('unclean')
  expect(other.state.seqGap).toBe(10_000_000)

  const fresh = memoryStore()
  for (const [path, { bytes }] of spill) fresh.fs.put(path, bytes)
  const stream = 'aaaaaaaaaaaaaaaa'
  const found = await fresh.open({ fresh: () => ({ ...stateOf([]), stream }) })
  await found.store.stop()
  for (const [path, { bytes }] of spill) fresh.fs.put(path, bytes)
  const again = await fresh.open()
  expect(again.recovered).toBe('clean')
  expect(again.state.stream).toBe(stream)
})

test('a spill with a damaged page is ignored', async () => {
  const b = memoryStore()
  const { store, state } = await b.open()
  let now = state
  for (let i = 0; i < 40; i++) {
    const made = crashStep(now, names(1)[0] as string, b.clock.now().monoMs)
    store.remember(made)
    now = made.after
  }
  for (const [path, { bytes }] of b.fs.files) if (path.startsWith(RUN)) bytes.writeUInt8(77, bytes.length - 4000)
  const second = await b.open()
  expect(second.recovered).toBe('unclean')
  expect(second.state).toMatchObject({ seq: 10_000_000, seqGap: 10_000_000 })
})

test.each(['ENOSPC', 'EROFS'])(
  'if the runtime directory cannot be written (%s), no incomplete spill is left there',
  async (code) => {
    const b = memoryStore()
    const { store, state } = await b.open()
    const one = crashStep(state, names(1)[0] as string, 1)
    store.remember(one)
    b.fs.syncFault = () => {
      throw failure(code)
    }
    const two = crashStep(one.after, names(1)[0] as string, 2)
    store.remember(two)
    b.fs.syncFault = () => {}
    store.remember(crashStep(two.after, names(1)[0] as string, 3))
    const second = await b.open()
    expect(second.recovered).toBe('unclean')
    expect(second.state.seq).toBe(10_000_000)
    expect(b.lines.filter((line) => line.includes('runtime directory'))).toHaveLength(1)

    // The spill works again with the next commit.
    const three = crashStep(second.state, names(1)[0] as string, 4)
    second.store.remember(three)
    await second.store.flush()
    const four = crashStep(three.after, names(1)[0] as string, 5)
    second.store.remember(four)
    const third = await b.open()
    expect(third.recovered).toBe('spill')
    expect(third.state.units).toEqual(four.after.units)
  },
)

test('without a runtime directory a killed agent loses uncommitted changes, and no event number is reused', async () => {
  const b = memoryStore()
  const { store, state } = await b.open({ runtimeDir: null })
  store.remember(crashStep(state, names(1)[0] as string, 1))
  const second = await b.open({ runtimeDir: null })
  expect(second.recovered).toBe('unclean')
  expect(second.state.seq).toBe(10_000_000)
  expect([...b.fs.files.keys()]).toEqual([PATH])
})
