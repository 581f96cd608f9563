// Opening, reading and editing state files on a real file system, with the real lock.
import { spawnSync } from 'node:child_process'
import * as node from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { nodeFs } from '../../src/store/file/fs.ts'
import { encodePage, MAJOR } from '../../src/store/format/page.ts'
import { editState, readState } from '../../src/store/offline.ts'
import { type OpenedStore, type OpenOptions, openStore } from '../../src/store/open.ts'
import { recover } from '../../src/store/recovery.ts'
import { slotPaths } from '../../src/store/spill-slot.ts'
import { testClock } from '../rig/clock.ts'
import { BOOT, busyUnit, crash, names, stateOf } from './sample.ts'

const NEITHER = "it is neither a regular file nor a partition that 'gatewatch format' prepared"

const directories: string[] = []
const stores: OpenedStore[] = []

function place(): OpenOptions & { runtimeDir: string; lines: string[] } {
  const directory = node.mkdtempSync(join(tmpdir(), 'gatewatch-store-'))
  directories.push(directory)
  const lines: string[] = []
  return {
    path: join(directory, 'lib', 'state.ring'),
    runtimeDir: join(directory, 'run'),
    clock: testClock(),
    log: (level, message) => void lines.push(`${level}: ${message}`),
    limits: { flushIntervalMs: 60_000, bytesPerDay: 30_000_000 },
    fresh: () => stateOf(names(12).map((name) => busyUnit(name))),
    bootId: BOOT,
    lines,
  }
}

async function open(options: OpenOptions): Promise<OpenedStore> {
  const opened = await openStore(options)
  stores.push(opened)
  return opened
}

afterEach(async () => {
  for (const { store } of stores.splice(0)) await store.stop()
  for (const directory of directories.splice(0)) node.rmSync(directory, { recursive: true, force: true })
})

test('a real file is created, written, closed and opened again', async () => {
  const at = place()
  const first = await open(at)
  expect(first.recovered).toBe('fresh')
  const { size, mode, blocks } = node.statSync(at.path)
  expect(size).toBe(256 * 4096)
  expect(mode & 0o777).toBe(0o640)
  expect(blocks * 512).toBeGreaterThanOrEqual(size)
  expect(node.readdirSync(join(at.path, '..'))).toEqual(['state.ring'])
  let now = first.state
  for (let i = 0; i < 200; i++) {
    now = crash(first, now, 3)
    expect(await first.store.flush()).toBe(true)
  }
  expect(first.store.health()).toMatchObject({ problem: null, commits: 201 })
  expect(node.statSync(at.path).size).toBe(size)
  const left = crash(first, now, 2)
  const reading = await readState(at.path, at.runtimeDir, BOOT)
  expect(reading).toMatchObject({ recovered: 'spill', state: { seq: left.seq, seqGap: 0 } })
  expect(reading.state?.units).toEqual(left.units)
  await first.store.stop()
  expect(node.readdirSync(at.runtimeDir)).toEqual([])
  const second = await open(at)
  expect(second.recovered).toBe('clean')
  expect(second.state.units).toEqual(left.units)
  expect(second.store.history().length).toBe(602)
})

test('a second agent on the same file is refused under any path to it, and may start after the first one has stopped', async () => {
  const at = place()
  const first = await open(at)
  const message = `another gatewatch is already running with this state file: ${at.path}`
  await expect(openStore(at)).rejects.toThrow(message)
  const linked = join(directories[0] as string, 'linked')
  node.symlinkSync(join(at.path, '..'), linked)
  await expect(openStore({ ...at, path: join(linked, 'state.ring') })).rejects.toThrow(message)
  await expect(editState(at, (state) => ({ state, events: [] }))).rejects.toThrow(message)
  // The same directory at another path, as another container may see it.
  const moved = join(directories[0] as string, 'moved')
  node.renameSync(join(at.path, '..'), moved)
  await expect(openStore({ ...at, path: join(moved, 'state.ring') })).rejects.toThrow('another gatewatch is already')
  node.renameSync(moved, join(at.path, '..'))
  const other = await open({ ...at, path: join(at.path, '..', 'other.ring') })
  await other.store.stop()
  await first.store.stop()
  await expect(open(at)).resolves.toMatchObject({ recovered: 'clean' })
})

test('a killed agent leaves no lock behind, and loses nothing', async () => {
  const at = place()
  const sources = join(import.meta.dirname, '..', '..', 'src')
  const program = join(directories[0] as string, 'agent.mts')
  node.writeFileSync(
    program,
    `import { openStore } from ${JSON.stringify(join(sources, 'store', 'open.ts'))}
     import { crashStep, names, stateOf } from ${JSON.stringify(join(import.meta.dirname, 'sample.ts'))}
     import { clockWithoutTimers as clock } from ${JSON.stringify(join(import.meta.dirname, '../rig/clock.ts'))}
     import { newUnit } from ${JSON.stringify(join(sources, 'core', 'unit.ts'))}
     const fresh = () => stateOf(names(2).map(newUnit))
     const options = { path: process.argv[2], runtimeDir: process.argv[3], clock, log() {}, limits: { flushIntervalMs: 60_000, bytesPerDay: 30_000_000 }, fresh }
     const { store, state } = await openStore({ ...options, bootId: process.argv[4] })
     let now = state
     for (let i = 0; i < 50; i++) {
       const step = crashStep(now, names(2)[i % 2], i)
       store.remember(step)
       now = step.after
       if (i % 20 === 10) await store.flush()
     }
     process.kill(process.pid, 'SIGKILL')`,
  )
  const { signal, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, at.path, at.runtimeDir, BOOT], {
    cwd: join(sources, '..'),
    encoding: 'utf8',
  })
  expect([signal, stderr]).toEqual(['SIGKILL', ''])
  const { recovered, state, store } = await open(at)
  expect(recovered).toBe('spill')
  expect(state).toMatchObject({ seq: 50, seqGap: 0 })
  expect(state.units.map((u) => u.counters.crashes)).toEqual([25, 25])
  expect(store.history().map((e) => e.seq)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
})

test('reading changes nothing, not even a timestamp', async () => {
  const at = place()
  const first = await open(at)
  crash(first, first.state, 30)
  await first.store.flush()
  crash(first, first.store.committed(), 2)
  const all = [at.path, ...slotPaths(at.runtimeDir, at.path)].filter((path) => node.existsSync(path))
  const contents = () =>
    all.map((path) => [path, node.statSync(path, { bigint: true }).mtimeNs, node.readFileSync(path, 'latin1')])
  const before = contents()
  await readState(at.path, at.runtimeDir, BOOT)
  expect(contents()).toEqual(before)
  const { found } = recover(node.readFileSync(at.path))
  expect(found[0]).toMatchObject({ at: 0, page: { kind: 'snapshot', part: 0, parts: 1, seq: 1 } })
  expect(found[0]).toMatchObject({ payload: { head: { clean: false } } })
  expect(found[1]).toMatchObject({ page: { kind: 'delta', seq: 2, base: 1 }, payload: { head: { seq: 30 } } })
})

test('reading without a file yields no state, and reading a directory fails', async () => {
  const at = place()
  expect(await readState(at.path, at.runtimeDir)).toMatchObject({ state: null, recovered: 'fresh', history: [] })
  node.mkdirSync(at.path, { recursive: true })
  const problem = `the state file ${at.path}: ${NEITHER}`
  await expect(readState(at.path, null)).rejects.toThrow(`cannot read ${problem}`)
  const opened = await open(at)
  expect(opened.store.health().problem).toBe(`cannot write ${at.path}: ${NEITHER}`)
  expect(node.statSync(at.path).isDirectory()).toBe(true)
})

test('a pipe or a device at the path is neither read nor replaced', async () => {
  const at = place()
  node.mkdirSync(join(at.path, '..'), { recursive: true })
  spawnSync('mkfifo', [at.path])
  const opened = await open(at)
  crash(opened, opened.state, 3)
  expect(await opened.store.flush()).toBe(false)
  expect(opened.store.health().problem).toBe(`cannot write ${at.path}: ${NEITHER}`)
  expect(node.statSync(at.path).isFIFO()).toBe(true)
})

test('editing the state without an agent writes it with a clean stop and leaves no spill', async () => {
  const at = place()
  const first = await open(at)
  const before = crash(first, first.state, 5)
  await first.store.stop()
  const after = await editState(at, (state) => {
    expect(state.units).toEqual(before.units)
    const units = state.units.map((u) => ({ ...u, baseline: { ...u.baseline, starts: 1000 } }))
    return { state: { ...state, units }, events: [] }
  })
  expect(after.units[0]?.baseline.starts).toBe(1000)
  expect(node.readdirSync(at.runtimeDir)).toEqual([])
  const reading = await readState(at.path, at.runtimeDir)
  expect(reading).toMatchObject({ recovered: 'clean', path: at.path })
  expect(reading.state?.units).toEqual(after.units)
})

test('editing fails with the reason if the file cannot be written', async () => {
  const at = place()
  const fs = { ...nodeFs, open: refuse('EROFS', nodeFs.open), rename: refuse('EROFS', nodeFs.rename) }
  await expect(
    editState({ ...at, fs }, (state) => ({ state: { ...state, gatewayId: 'x' }, events: [] })),
  ).rejects.toThrow(`cannot write ${at.path}: read-only file system (EROFS)`)
})

test('as root, the files belong to the owner of the directory', async () => {
  if (process.getuid?.() !== 0) return
  const at = place()
  const directory = join(at.path, '..')
  node.mkdirSync(directory)
  node.chownSync(directory, 4321, 4322)
  await editState(at, (state) => ({ state: { ...state, gatewayId: 'x' }, events: [] }))
  const { uid, gid } = node.statSync(at.path)
  expect([uid, gid]).toEqual([4321, 4322])
  // In another user's directory a link may point to anything: root neither follows it nor renames its target.
  const target = join(directories[0] as string, 'precious')
  node.writeFileSync(target, 'precious')
  node.rmSync(at.path)
  node.symlinkSync(target, at.path)
  await editState(at, (state) => ({ state: { ...state, gatewayId: 'y' }, events: [] }))
  expect(node.readFileSync(target, 'utf8')).toBe('precious')
  expect(node.lstatSync(at.path).isFile()).toBe(true)
})

test('root does not follow the link of another user in a directory of root', async () => {
  if (process.getuid?.() !== 0) return
  const at = place()
  const target = join(directories[0] as string, 'precious')
  node.mkdirSync(join(at.path, '..'))
  node.writeFileSync(target, 'precious')
  node.symlinkSync(target, at.path)
  node.lchownSync(at.path, 4321, 4322)
  await editState(at, (state) => ({ state: { ...state, gatewayId: 'x' }, events: [] }))
  expect(node.readFileSync(target, 'utf8')).toBe('precious')
  expect(node.lstatSync(at.path).isFile()).toBe(true)
})

test('a link at the path is followed', async () => {
  const at = place()
  const real = join(directories[0] as string, 'data')
  node.mkdirSync(real)
  node.mkdirSync(join(at.path, '..'))
  node.writeFileSync(join(real, 'ring'), '')
  node.symlinkSync(join(real, 'ring'), at.path)
  const { path } = await open(at)
  expect(path).toBe(join(real, 'ring'))
  expect(node.lstatSync(at.path).isSymbolicLink()).toBe(true)
})

test('the store works in memory if the directory cannot be written', async () => {
  const at = place()
  const opened = await open({ ...at, path: '/proc/self/nowhere/state.ring', runtimeDir: '/proc/self/nowhere' })
  expect(opened.recovered).toBe('fresh')
  expect(opened.store.health().problem).toMatch(/^cannot write \/proc\/self\/nowhere\/state.ring: /)
  const now = crash(opened, opened.state, 5)
  expect(opened.store.committed()).toBe(now)
})

test('a file of another program is renamed and keeps its contents', async () => {
  const at = place()
  node.mkdirSync(join(at.path, '..'))
  node.writeFileSync(at.path, '{"services": {}}')
  const { setAside, recovered } = await open(at)
  expect([setAside, recovered]).toEqual([`${at.path}.damaged-1`, 'damaged'])
  expect(node.readFileSync(`${at.path}.damaged-1`, 'utf8')).toBe('{"services": {}}')
})

describe('the state of a first start', () => {
  const first = (fresh: State) => ({ state: { ...fresh, gatewayId: 'imported' }, note: 'imported 12 units' })

  test('is completed before the first commit, once', async () => {
    const at = place()
    let calls = 0
    const counting = {
      ...at,
      first(fresh: State) {
        calls++
        return first(fresh)
      },
    }
    const opened = await open(counting)
    expect(opened.state.gatewayId).toBe('imported')
    expect(opened.store.health()).toMatchObject({ commits: 1, note: 'imported 12 units' })
    expect(recover(node.readFileSync(at.path)).state?.gatewayId).toBe('imported')
    await opened.store.stop()
    const again = await open(counting)
    expect({ calls, note: again.store.health().note }).toEqual({ calls: 1, note: null })
    expect(again.state.gatewayId).toBe('imported')
  })

  test('is not completed after an edit without an agent, such as clear or import', async () => {
    const at = place()
    await editState(at, (state) => ({ state, events: [] }))
    const opened = await open({ ...at, first })
    expect(opened.state.gatewayId).not.toBe('imported')
  })

  test.each([
    ['a damaged state file', (path: string) => node.writeFileSync(path, 'damaged')],
    ['a state file that was damaged before', (path: string) => node.writeFileSync(`${path}.damaged-2`, 'damaged')],
    ['a state file of a newer version', (path: string) => node.writeFileSync(path, newerFile())],
    ['a directory in its place', (path: string) => node.mkdirSync(path)],
  ])('is not completed if there is %s', async (_, prepare) => {
    const at = place()
    node.mkdirSync(join(at.path, '..'))
    prepare(at.path)
    const opened = await open({ ...at, first })
    expect(opened.state.gatewayId).not.toBe('imported')
  })
})

/** A page of the next major version. */
function newerFile(): Buffer {
  const header = { kind: 'snapshot', part: 0, parts: 1, seq: 1, base: 1, boot: BOOT, wallMs: 0 } as const
  return encodePage(header, new Uint8Array(4), { major: MAJOR + 1, minor: 0 })
}

function refuse<A extends unknown[], R>(code: string, real: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return (...args) =>
    args[1] === 'read'
      ? real(...args)
      : Promise.reject(Object.assign(new Error(`${code}: read-only file system, x`), { code }))
}

test('a state of another machine continues in a new stream, with its units and without its events', async () => {
  const at = place()
  const first = await open({ ...at, machineId: 'a' })
  const there = { ...crash(first, { ...first.state, machineId: 'a' }, 3) }
  const names = { prefix: 'gatewatch', gatewayId: 'gw-7', discoveryPrefix: 'homeassistant', status: 'current' } as const
  await first.store.publishAs([names])
  await first.store.stop()
  for (const machineId of ['a', null]) {
    const same = await open({ ...at, machineId })
    expect([same.state.stream, same.formerStream, same.store.history(), same.store.published()]).toEqual([
      there.stream,
      there.stream,
      expect.objectContaining({ length: 3 }),
      [names],
    ])
    await same.store.stop()
  }
  const fresh = { ...at.fresh(), stream: 'fedcba9876543210' }
  const moved = await open({ ...at, fresh: () => fresh, machineId: 'b' })
  expect(moved).toMatchObject({
    formerStream: there.stream,
    state: { stream: fresh.stream, seq: 0, machineId: 'a', units: there.units },
  })
  expect([moved.store.history(), moved.store.acknowledged(), moved.store.published()]).toEqual([[], 0, []])
  expect(recover(node.readFileSync(at.path)).state?.stream).toBe(fresh.stream)
})

test('a state of another machine that cannot be replaced yet continues in the same way after a restart', async () => {
  const at = place()
  const first = await open({ ...at, machineId: 'a' })
  crash(first, { ...first.state, machineId: 'a' }, 3)
  await first.store.stop()
  const refused = { ...nodeFs, open: refuse('EROFS', nodeFs.open), rename: refuse('EROFS', nodeFs.rename) }
  const fresh = (stream: string) => ({ fresh: () => ({ ...at.fresh(), stream }) })
  const moved = await open({ ...at, ...fresh('1111111111111111'), machineId: 'b', fs: refused })
  const own = crash(moved, { ...moved.state, machineId: 'b' }, 2)
  await moved.store.stop()
  const again = await open({ ...at, ...fresh('2222222222222222'), machineId: 'b', fs: refused })
  expect(again.state).toMatchObject({ machineId: 'b', units: own.units })
  expect(again.store.history().map(({ seq }) => seq)).toEqual([1, 2])
  await again.store.stop()
  const written = await open({ ...at, ...fresh('3333333333333333'), machineId: 'b' })
  expect(written.state).toMatchObject({ machineId: 'b', units: own.units })
  expect(recover(node.readFileSync(at.path)).state).toMatchObject({ machineId: 'b', units: own.units })
})

test('cleared events are not read again, neither from flash nor from the spill of a killed agent', async () => {
  const at = place()
  const first = await open(at)
  const before = crash(first, first.state, 3)
  const { state, events } = step(before, { kind: 'clear', at: at.clock.now(), via: 'socket', keepEvents: false })
  first.store.remember({ before, after: state, events, at: at.clock.now() })
  const after = crash(first, state, 1)
  const seqs = (store: OpenedStore['store']) => store.history().map(({ seq }) => seq)
  const left = Array.from({ length: after.seq - before.seq }, (_, i) => before.seq + 1 + i)
  expect(seqs(first.store)).toEqual(left)

  expect((await readState(at.path, at.runtimeDir, BOOT)).history.map(({ seq }) => seq)).toEqual(left)
  expect(await first.store.flush()).toBe(true)
  const fromFlash = await readState(at.path, null)
  expect(fromFlash.history.map(({ seq }) => seq)).toEqual(left)
  expect(fromFlash.state).toMatchObject({ seq: expect.any(Number), clearedSeq: before.seq })
})
