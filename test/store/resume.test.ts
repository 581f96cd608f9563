// Starts with something else than an intact state file: none, a damaged one, another format, another program's file.
import { expect, test } from 'vitest'
import { decodePage, encodePage, PAGE_BYTES, type Page } from '../../src/store/format/page.ts'
import { recover } from '../../src/store/recovery.ts'
import { failure } from './memory-fs.ts'
import { memoryStore, PATH } from './memory-store.ts'
import { crashesOf, crashStep, names, stateOf } from './sample.ts'

const A = names(1)[0] as string

test.each([
  ['the JSON of the former program', Buffer.from('{"services": {"mosquitto.service": {"starts": 3}}}')],
  ['zeros', Buffer.alloc(256 * PAGE_BYTES)],
  ['noise', Buffer.alloc(50_000, 0xa5)],
])('a file that is not a state file (%s) is renamed, and a new one is started', async (_, bytes) => {
  const b = memoryStore()
  b.fs.put(PATH, bytes)
  const stream = 'bbbbbbbbbbbbbbbb'
  const opened = await b.open({ fresh: () => ({ ...stateOf([]), stream }) })
  expect(opened.recovered).toBe('damaged')
  expect(opened.setAside).toBe(`${PATH}.damaged-1`)
  expect(opened.state).toMatchObject({ stream, seq: 0, seqGap: 0 })
  expect(b.fs.bytes(`${PATH}.damaged-1`).equals(bytes)).toBe(true)
  expect(recover(b.fs.bytes(PATH)).state?.stream).toBe(stream)
  expect(b.lines).toHaveLength(1)
})

test('at most three renamed files are kept: the first two and the newest', async () => {
  const b = memoryStore()
  for (let n = 1; n <= 5; n++) {
    b.fs.put(PATH, Buffer.from(`broken ${n}`))
    await b.open()
  }
  const aside = [...b.fs.files.keys()].filter((path) => path.includes('damaged')).sort()
  expect(aside.map((path) => b.fs.bytes(path).toString())).toEqual(['broken 1', 'broken 2', 'broken 5'])
})

test.each([
  ['an empty file', Buffer.alloc(0)],
  ['a file of zeros', Buffer.alloc(256 * PAGE_BYTES)],
])('%s is renamed, and is reported in the log and by the health of the store', async (_, bytes) => {
  const b = memoryStore()
  b.fs.put(PATH, bytes)
  const { recovered, setAside, store } = await b.open()
  expect([recovered, setAside]).toEqual(['damaged', `${PATH}.damaged-1`])
  expect(b.lines).toEqual([
    `error: state: ${PATH} is empty; moved it to ${PATH}.damaged-1 and started a new one, counting restarts from 0`,
  ])
  expect(store.health()).toMatchObject({
    problem: null,
    note: `the file was empty at the start of gatewatch; moved it to ${PATH}.damaged-1, counting restarted from 0`,
  })
  await store.stop()
  const next = await b.open()
  expect([next.recovered, next.store.health().note]).toEqual(['clean', null])
})

test('a first start without a file reports nothing', async () => {
  const b = memoryStore()
  const { recovered, setAside, store } = await b.open()
  expect([recovered, setAside, store.health().note, b.lines]).toEqual(['fresh', null, null, []])
})

test('a file that cannot be read is renamed, not overwritten', async () => {
  const b = memoryStore()
  b.fs.put(PATH, Buffer.from('precious'))
  const open = b.fs.open
  b.fs.open = (path, how) => (how === 'create' ? open(path, how) : Promise.reject(failure('EACCES')))
  const { store } = await b.open()
  expect(b.fs.bytes(`${PATH}.damaged-1`).toString()).toBe('precious')
  expect(store.health().problem).toBe(null)
})

test('a damaged file on read-only flash is renamed as soon as writing works', async () => {
  const b = memoryStore()
  b.fs.put(PATH, Buffer.from('broken'))
  b.fs.fault = (op) => {
    if (op === 'rename' || op === 'create') throw failure('EROFS')
    return undefined
  }
  const { store, recovered } = await b.open()
  expect(recovered).toBe('damaged')
  expect(b.fs.bytes(PATH).toString()).toBe('broken')
  b.fs.fault = () => undefined
  await b.clock.go(60_000)
  expect(store.health().problem).toBe(null)
  expect(b.fs.bytes(`${PATH}.damaged-1`).toString()).toBe('broken')
})

test('a file of a newer major version is left untouched; another file is used, and that is reported', async () => {
  const b = memoryStore()
  const first = await b.open()
  await first.store.stop()
  const page = decodePage(b.fs.bytes(PATH).subarray(PAGE_BYTES, 2 * PAGE_BYTES)) as Page
  const newer = encodePage(page, page.payload, { major: 2, minor: 0 })
  b.fs.put(PATH, newer)
  const second = await b.open()
  expect(second.path).toBe(`${PATH}.v1`)
  expect(second.recovered).toBe('fresh')
  expect(second.store.health().problem).toContain('newer gatewatch (format 2)')
  const step = crashStep(second.state, A, b.clock.now().monoMs)
  second.store.remember(step)
  expect(await second.store.flush()).toBe(true)
  expect(second.store.committed()).toBe(step.after)
  await second.store.stop()
  const third = await b.open()
  expect(third.recovered).toBe('clean')
  expect(crashesOf(third.state)).toEqual([1, 0, 0])
  expect(b.fs.bytes(PATH).equals(newer)).toBe(true)
})

test('a truncated ring is read, and written in full again', async () => {
  const b = memoryStore()
  const { store, state } = await b.open()
  store.remember(crashStep(state, A, b.clock.now().monoMs))
  await store.flush()
  b.powerCut()
  b.fs.put(PATH, b.fs.bytes(PATH).subarray(0, 10 * PAGE_BYTES + 100))
  const next = await b.open()
  expect(next.recovered).toBe('unclean')
  expect(crashesOf(next.state)).toEqual([1, 0, 0])
  expect(b.fs.bytes(PATH)).toHaveLength(256 * PAGE_BYTES)
})

test('a start after a clean stop writes to the file at once, so that event numbers are not reused after a power loss', async () => {
  const b = memoryStore()
  const first = await b.open()
  first.store.remember(crashStep(first.state, A, b.clock.now().monoMs))
  await first.store.stop()
  const second = await b.open()
  expect(second.recovered).toBe('clean')
  second.store.remember(crashStep(second.state, A, b.clock.now().monoMs))
  b.powerCut()
  const third = await b.open()
  expect(third.recovered).toBe('unclean')
  expect(third.state.seq).toBe(10_000_000)
})

test('if the first commit of a start fails, events get a new stream, so that no id is reused', async () => {
  const b = memoryStore()
  const first = await b.open()
  first.store.remember(crashStep(first.state, A, b.clock.now().monoMs))
  await first.store.stop()
  b.fs.fault = (op) => {
    if (op === 'pwrite' || op === 'create') throw failure('EROFS')
    return undefined
  }
  const stream = 'bbbbbbbbbbbbbbbb'
  const fresh = () => ({ ...stateOf([]), stream })
  const second = await b.open({ fresh })
  expect([second.recovered, second.state.stream, second.state.seq]).toEqual(['clean', stream, 1])
  const made = crashStep(second.state, A, b.clock.now().monoMs)
  second.store.remember(made)
  // After a kill the next agent continues the new stream. After a power loss it continues the old one, which has no gap.
  const killed = await b.open()
  expect(killed.state).toMatchObject({ stream, seq: 2, seqGap: 0 })
  b.powerCut()
  b.fs.fault = () => undefined
  const third = await b.open({ fresh })
  expect(third.state).toMatchObject({ stream: first.state.stream, seq: 1 })
  expect(crashesOf(third.state)).toEqual([1, 0, 0])
})

test('a start whose first commit failed keeps its new stream after flash has recovered', async () => {
  const b = memoryStore()
  const first = await b.open()
  await first.store.stop()
  b.fs.fault = (op) => {
    if (op === 'pwrite' || op === 'create') throw failure('EROFS')
    return undefined
  }
  const stream = 'bbbbbbbbbbbbbbbb'
  const second = await b.open({ fresh: () => ({ ...stateOf([]), stream }) })
  const made = crashStep(second.state, A, b.clock.now().monoMs)
  second.store.remember(made)
  b.fs.fault = () => undefined
  await b.clock.go(60_000)
  expect(recover(b.fs.bytes(PATH)).state).toMatchObject({ stream, seq: 1, units: made.after.units })
})

test('event numbers are reserved in blocks: the next when half of one is used, and at once before they run out', async () => {
  const b = memoryStore()
  const { store, state } = await b.open()
  const reserved = () => recover(b.fs.bytes(PATH)).reserved
  expect(reserved()).toBe(10_000_000)
  const at = (seq: number) => ({ before: store.committed(), after: { ...state, seq }, events: [], at: b.clock.now() })
  store.remember(at(4_900_000))
  store.remember(crashStep({ ...state, seq: 4_900_000 }, A, b.clock.now().monoMs))
  await store.flush()
  expect(reserved()).toBe(10_000_000)
  store.remember(crashStep({ ...state, seq: 5_100_000 }, A, b.clock.now().monoMs))
  await store.flush()
  expect(reserved()).toBe(15_100_001)
  store.remember(at(15_092_000))
  await b.clock.go(1)
  expect(reserved()).toBe(25_092_000)
})

test('skipped event numbers are reported once, and stored until then', async () => {
  const b = memoryStore()
  const first = await b.open()
  first.store.remember(crashStep(first.state, A, b.clock.now().monoMs))
  await first.store.flush()
  b.powerCut()
  const second = await b.open()
  expect(second.state.seqGap).toBe(9_999_999)
  await second.store.stop()
  const third = await b.open()
  expect(third.recovered).toBe('clean')
  expect(third.state).toMatchObject({ seq: 10_000_000, seqGap: 9_999_999 })
  const step = crashStep(third.state, A, b.clock.now().monoMs)
  third.store.remember(step)
  await third.store.stop()
  const fourth = await b.open()
  expect(fourth.state).toMatchObject({ seq: 10_000_001, seqGap: 0 })
  expect(fourth.store.history().at(-1)).toEqual(step.events[0])
  expect(fourth.store.history().at(-1)?.seqGap).toBe(9_999_999)
})

test('the acknowledged event number is stored with commits, and causes none', async () => {
  const b = memoryStore()
  const { store, state } = await b.open()
  expect(store.acknowledged()).toBe(0)
  const began = b.fs.log.length
  store.acknowledge(7)
  store.acknowledge(5)
  await b.clock.go(600_000)
  expect(b.fs.log.length).toBe(began)
  store.remember(crashStep(state, A, b.clock.now().monoMs))
  await store.flush()
  b.powerCut()
  expect((await b.open()).store.acknowledged()).toBe(7)
})

test('the names that messages are retained under are stored at once, and survive a power loss and a kill', async () => {
  const b = memoryStore()
  const { store } = await b.open()
  expect(store.published()).toEqual([])
  const names = { prefix: 'gatewatch', gatewayId: 'gw-6', discoveryPrefix: 'homeassistant', status: 'former' } as const
  const both = [names, { ...names, gatewayId: 'gw-7', status: 'current' } as const]
  expect(await store.publishAs([names])).toBe(true)
  expect(await store.publishAs(both)).toBe(true)
  b.powerCut()
  const second = await b.open()
  expect(second.store.published()).toEqual(both)
  void second.store.publishAs([])
  second.store.remember(crashStep(second.state, A, b.clock.now().monoMs))
  const killed = await b.open()
  expect(killed.store.published()).toEqual([])
})
