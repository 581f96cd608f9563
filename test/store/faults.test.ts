// Write errors: the store does not throw, counts in memory, reports the problem, and writes everything once flash works.
import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { recover } from '../../src/store/recovery.ts'
import { failure } from './memory-fs.ts'
import { memoryStore, PATH } from './memory-store.ts'
import { crashesOf, crashStep, names } from './sample.ts'

const A = names(1)[0] as string

test('full flash is reported, counted, and retried after 5 s, 10 s, ... up to every 5 min', async () => {
  const b = memoryStore()
  const { store, state } = await b.open()
  b.fs.fault = (op, path) => {
    if (op === 'pwrite' || op === 'create') throw failure('ENOSPC', 'no space left on device')
    return path === '' ? 0 : undefined
  }
  store.remember(crashStep(state, A, b.clock.now().monoMs))
  const began = b.clock.now().monoMs
  const times: number[] = []
  for (let s = 0, errors = 0; s < 3600; s++) {
    await b.clock.go(1000)
    const now = store.health().errors.ENOSPC
    if (now > errors) times.push(Math.round((b.clock.now().monoMs - began) / 1000))
    errors = now
  }
  expect(times.slice(0, 8)).toEqual([1, 6, 16, 36, 76, 156, 316, 616])
  expect((times.at(-1) ?? 0) - (times.at(-2) ?? 0)).toBe(300)
  expect(store.health()).toMatchObject({
    problem: `cannot write ${PATH}: no space left on device (ENOSPC)`,
    errors: { EIO: 0, EROFS: 0, other: 0 },
  })
  expect(b.lines).toEqual([
    `error: state: write failed, counters are kept in memory only: cannot write ${PATH}: no space left on device (ENOSPC)`,
  ])
  expect(crashesOf(store.committed())).toEqual([1, 0, 0])
  expect(await store.flush()).toBe(false)
  await store.commitForReader()
  b.fs.fault = () => undefined
  expect(await store.flush()).toBe(true)
  expect(store.health().problem).toBe(null)
  expect(b.lines.at(-1)).toMatch(/^info: state: writing works again after 3\d\d\d s$/)
})

test('a descriptor that failed to sync is never used again', async () => {
  const b = memoryStore()
  const { store, state } = await b.open()
  const before = [...b.fs.files.values()].map((f) => f.ino)
  b.fs.fault = (op) => {
    if (op === 'fdatasync') throw failure('EIO')
    return undefined
  }
  store.remember(crashStep(state, A, b.clock.now().monoMs))
  expect(await store.flush()).toBe(false)
  b.fs.fault = () => undefined
  const began = b.fs.log.length
  await b.clock.go(5_000)
  expect(store.health().problem).toBe(null)
  expect(b.fs.log.slice(began).some((e) => 'ino' in e && before.includes(e.ino))).toBe(false)
})

test('with a missing or read-only directory the store starts, and recovers without a restart', async () => {
  for (const code of ['ENOENT', 'EROFS', 'EACCES']) {
    const b = memoryStore()
    b.fs.fault = (op) => {
      if (op === 'create' || op === 'mkdir') throw failure(code)
      return undefined
    }
    const { store, state, recovered } = await b.open({ runtimeDir: null })
    expect(recovered).toBe('fresh')
    expect(store.health().problem).toBe(`cannot write ${PATH}: made to fail (${code})`)
    const step = crashStep(state, A, b.clock.now().monoMs)
    store.remember(step)
    expect(store.committed()).toBe(step.after)
    b.fs.fault = () => undefined
    await b.clock.go(5_000)
    expect(store.health().problem).toBe(null)
    expect(recover(b.fs.bytes(PATH)).state?.units).toEqual(step.after.units)
  }
})

test('the state of a file on read-only flash is used', async () => {
  const b = memoryStore()
  const first = await b.open()
  const step = crashStep(first.state, A, b.clock.now().monoMs)
  first.store.remember(step)
  await first.store.stop()
  const readOnly = b.fs.bytes(PATH)
  const fault = () => {
    throw failure('EROFS', 'read-only file system')
  }
  b.fs.fault = (op) => (op === 'pread' || op === 'open' ? undefined : fault())
  const open = b.fs.open
  b.fs.open = (path, how) => (how === 'update' ? Promise.reject(failure('EROFS')) : open(path, how))
  const second = await b.open()
  expect(second.recovered).toBe('clean')
  expect(second.state.units).toEqual(step.after.units)
  expect(second.store.health().problem).toBe(`cannot write ${PATH}: read-only file system (EROFS)`)
  expect(second.store.health().errors.EROFS).toBe(1)
  second.store.remember(crashStep(second.state, A, b.clock.now().monoMs))
  expect(b.fs.bytes(PATH).equals(readOnly)).toBe(true)
})

test('a state file that was removed or replaced is created again by the next commit', async () => {
  const b = memoryStore()
  const { store, state } = await b.open()
  const one = crashStep(state, A, b.clock.now().monoMs)
  store.remember(one)
  await store.flush()
  b.fs.files.delete(PATH)
  const two = crashStep(one.after, A, b.clock.now().monoMs)
  store.remember(two)
  expect(await store.flush()).toBe(true)
  expect(recover(b.fs.bytes(PATH)).state?.units).toEqual(two.after.units)
  expect(recover(b.fs.bytes(PATH)).events).toHaveLength(2)
  b.fs.put(PATH, Buffer.from('{}'))
  const three = crashStep(two.after, A, b.clock.now().monoMs)
  store.remember(three)
  expect(await store.flush()).toBe(true)
  expect(recover(b.fs.bytes(PATH)).state?.units).toEqual(three.after.units)
})

test('a page that the device cannot read counts as damaged', async () => {
  const b = memoryStore()
  const { store, state } = await b.open()
  let now: State = state
  for (let i = 0; i < 5; i++) {
    const step = crashStep(now, A, b.clock.now().monoMs)
    store.remember(step)
    now = step.after
    await store.flush()
  }
  b.powerCut()
  const pread = b.fs.pread
  b.fs.pread = (fd, into, at) =>
    at < 5 * 4096 && at + into.length > 4 * 4096 ? Promise.reject(failure('EIO')) : pread(fd, into, at)
  const next = await b.open()
  expect(next.recovered).toBe('unclean')
  expect(crashesOf(next.state)[0]).toBe(3)
})
