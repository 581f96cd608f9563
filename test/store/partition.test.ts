// A partition as the state file, on a real one of a loop device: written in place, never replaced, and left alone if it must be.
import { spawnSync } from 'node:child_process'
import * as node from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withUnits } from '../../src/core/state.ts'
import { newUnit } from '../../src/core/unit.ts'
import { nodeFs } from '../../src/store/file/fs.ts'
import { storageAt } from '../../src/store/file/mounts.ts'
import { flashCostAt, loneCommitBytes } from '../../src/store/file/write-amplification.ts'
import { encodePage, MAJOR } from '../../src/store/format/page.ts'
import { editState, readState } from '../../src/store/offline.ts'
import { type OpenedStore, type OpenOptions, openStore } from '../../src/store/open.ts'
import { formattedPage, preparePartition } from '../../src/store/prepare-partition.ts'
import { recover } from '../../src/store/recovery.ts'
import { type TestClock, testClock } from '../rig/clock.ts'
import { makePartition, noPartition, type Partition } from '../rig/partition.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { failure } from './memory-fs.ts'
import { memoryStore, PATH, partitionWith } from './memory-store.ts'
import { BOOT, busyUnit, crash, names, stateOf } from './sample.ts'

const MIB = 1024 * 1024

describeUnless(noPartition(), 'a partition', () => {
  let partition: Partition
  let directory: string
  let clock: TestClock
  let lines: string[]
  const stores: OpenedStore[] = []

  beforeEach(() => {
    partition = makePartition()
    directory = node.mkdtempSync(join(tmpdir(), 'gatewatch-store-'))
    clock = testClock()
    lines = []
  })
  afterEach(async () => {
    for (const { store } of stores.splice(0)) await store.stop()
    expect(node.statSync(partition.path).isBlockDevice()).toBe(true)
    expect(node.existsSync(`${partition.path}.new`)).toBe(false)
    partition.end()
    node.rmSync(directory, { recursive: true, force: true })
  })

  async function open(more: Partial<OpenOptions> = {}): Promise<OpenedStore> {
    const opened = await openStore({
      path: partition.path,
      runtimeDir: join(directory, 'run'),
      clock,
      log: (level, message) => void lines.push(`${level}: ${message}`),
      limits: { flushIntervalMs: 60_000, bytesPerDay: 30_000_000 },
      fresh: () => ({ ...stateOf(names(12).map(newUnit)), stream: 'feedfeedfeedfeed' }),
      bootId: BOOT,
      ...more,
    })
    stores.push(opened)
    return opened
  }

  async function format(): Promise<void> {
    const prepared = await preparePartition(partition.path, stateOf([]))
    await prepared.format()
    await prepared.close()
  }

  const content = () => node.readFileSync(partition.path)

  test('that was formatted is written in place, closed and opened again, also under another path', async () => {
    await format()
    expect(await readState(partition.path, null)).toMatchObject({ state: null, recovered: 'fresh' })
    const first = await open()
    expect([first.recovered, first.path, first.setAside]).toEqual(['fresh', partition.path, null])
    let now = first.state
    for (let i = 0; i < 300; i++) {
      now = crash(first, now, 2)
      expect(await first.store.flush()).toBe(true)
    }
    const left = crash(first, now, 1)
    expect(first.store.health()).toMatchObject({ problem: null, commits: 301 })
    expect((await readState(partition.path, join(directory, 'run'), BOOT)).state?.units).toEqual(left.units)
    await first.store.stop()
    const link = join(directory, 'by-partlabel')
    node.symlinkSync(partition.path, link)
    const second = await open({ path: link })
    expect([second.recovered, second.path]).toEqual(['clean', partition.path])
    expect(second.state.units).toEqual(left.units)
  })

  test('a commit writes 4,096 bytes', async () => {
    await format()
    const opened = await open()
    await opened.store.flush()
    const before = { device: partition.written(), reported: opened.store.health().bytesWritten }
    let now = opened.state
    for (let i = 0; i < 50; i++) {
      now = crash(opened, now, 1)
      await opened.store.flush()
    }
    expect(partition.written() - before.device).toBe(50 * 4096)
    expect(opened.store.health().bytesWritten - before.reported).toBe(50 * 4096)
    const { fileSystem, sideWrites } = flashCostAt(partition.path)
    expect([fileSystem, loneCommitBytes(sideWrites)]).toEqual(['a partition without a file system', 4096])
    expect(storageAt(partition.path).volatile).toBe(null)
  })

  test('is claimed: a second agent, format and mount are refused, under another device node too', async () => {
    await format()
    const { store } = await open()
    await expect(open()).rejects.toThrow('another gatewatch is already running with this state file')
    await expect(preparePartition(partition.path, stateOf([]))).rejects.toThrow('another gatewatch is already running')
    const { rdev } = node.statSync(partition.path)
    const copy = join(directory, 'node')
    spawnSync('mknod', [copy, 'b', String(Math.floor(rdev / 256)), String(rdev % 256)])
    expect(node.statSync(copy).rdev).toBe(rdev)
    await expect(open({ path: copy })).rejects.toThrow('another gatewatch is already running')
    const unlocked = { lock: async () => async () => {} }
    await expect(preparePartition(copy, stateOf([]), unlocked)).rejects.toThrow('in exclusive use by something else')
    expect(() => node.openSync(partition.path, node.constants.O_RDWR | node.constants.O_EXCL)).toThrow('EBUSY')
    expect(store.health().problem).toBe(null)
  })

  test.each([
    ['that was never formatted', () => Buffer.alloc(MIB), 'it was not prepared for gatewatch'],
    ['with erased flash', () => Buffer.alloc(MIB, 0xff), 'it was not prepared for gatewatch'],
    ['with other data', () => Buffer.alloc(MIB, 'precious'), 'it was not prepared for gatewatch'],
    ['with a damaged ring', damaged, 'the ring on it is damaged'],
    ['with a ring of a newer version', newer, `it has format ${MAJOR + 1} of a newer gatewatch`],
  ])('%s is left untouched, and the reason is reported', async (_, make, reason) => {
    const bytes = make()
    node.writeFileSync(partition.path, bytes)
    const opened = await open()
    const now = crash(opened, opened.state, 3)
    expect(await opened.store.flush()).toBe(false)
    expect(opened.store.health().problem).toContain(`cannot write ${partition.path}: ${reason}`)
    expect(opened.store.health().problem).toContain("stop gatewatch and run 'gatewatch format'")
    expect(opened.store.committed()).toBe(now)
    await clock.go(10 * 60_000)
    await opened.store.stop()
    expect(content().equals(bytes)).toBe(true)
    const edit = editState(
      {
        path: partition.path,
        runtimeDir: null,
        clock,
        log() {},
        limits: { flushIntervalMs: 1, bytesPerDay: 1 },
        fresh: () => stateOf([]),
      },
      (state) => ({ state: { ...state, gatewayId: 'x' }, events: [] }),
    )
    await expect(edit).rejects.toThrow(reason)
    expect(content().equals(bytes)).toBe(true)
  })

  test('a device that does not exist is not created, not even as root', async () => {
    for (const path of [`${partition.path}x`, '/dev/disk/by-partlabel/of-no-gatewatch']) {
      const before = node.existsSync(join(path, '..'))
      const opened = await open({ path })
      expect(opened.store.health().problem).toBe(`cannot write ${path}: there is no such device (ENOENT)`)
      await clock.go(60_000)
      expect(node.existsSync(path)).toBe(false)
      expect(node.existsSync(join(path, '..'))).toBe(before)
    }
  })

  test('a link to a device that does not exist is not replaced', async () => {
    const link = join(directory, 'state.ring')
    node.symlinkSync(`${partition.path}x`, link)
    const opened = await open({ path: link })
    expect(opened.store.health().problem).toMatch(/it is a symbolic link to something that does not exist/)
    await opened.store.stop()
    expect(node.lstatSync(link).isSymbolicLink()).toBe(true)
  })

  test('a device node that replaces the state file while the agent runs is not replaced', async () => {
    const path = join(directory, 'state.ring')
    const opened = await open({ path })
    node.rmSync(path)
    const { rdev } = node.statSync(partition.path)
    spawnSync('mknod', [path, 'b', String(Math.floor(rdev / 256)), String(rdev % 256)])
    crash(opened, opened.state, 1)
    expect(await opened.store.flush()).toBe(false)
    expect(opened.store.health().problem).toContain('it is neither a regular file nor a partition')
    await opened.store.stop()
    expect(node.lstatSync(path).isBlockDevice()).toBe(true)
    expect(content().every((byte) => byte === 0)).toBe(true)
  })

  test('more units than fit are counted in memory, and the size that they need is reported', async () => {
    await format()
    const many = names(3000).map((name) => busyUnit(name))
    const opened = await open({ fresh: () => stateOf(many) })
    const needs =
      /^cannot write \S+: 3000 units need a partition of ([\d,]+) KiB or more, and it has 1,024 KiB; counters are kept/
    const [, kib = ''] = needs.exec(opened.store.health().problem ?? '') ?? []
    await opened.store.stop()
    partition.end()
    partition = makePartition(Number(kib.replace(',', '')) * 1024)
    await format()
    expect((await open({ fresh: () => stateOf(many) })).store.health().problem).toBe(null)
  })

  test('a ring begins with 1 MiB of a larger partition, and continues after it when there are more units', async () => {
    partition.end()
    partition = makePartition(9 * MIB)
    await format()
    const many = (units: number) => () => stateOf(names(units).map((name) => busyUnit(name)))
    const writtenBeyond = (mib: number) =>
      content()
        .subarray(mib * MIB)
        .some((byte) => byte !== 0)
    const small = await open({ fresh: many(12) })
    let now = small.state
    for (let i = 0; i < 300; i++) {
      now = crash(small, now, 1)
      await small.store.flush()
    }
    expect(writtenBeyond(1)).toBe(false)
    const more = withUnits(
      now,
      names(3000).map((name) => now.units.find((unit) => unit.name === name) ?? busyUnit(name)),
    )
    small.store.remember({ before: now, after: more, events: [], at: clock.now() })
    expect(await small.store.flush()).toBe(true)
    expect([writtenBeyond(1), writtenBeyond(4)]).toEqual([true, false])
    const after = crash(small, more, 5)
    await small.store.stop()
    const next = await open({ fresh: many(12) })
    expect([next.recovered, next.store.health().problem]).toEqual(['clean', null])
    expect(next.state.units).toEqual(after.units)
    let last = after
    for (let i = 0; i < 5; i++) {
      last = crash(next, last, 2)
      expect(await next.store.flush()).toBe(true)
    }
    expect(recover(content().subarray(0, 4 * MIB)).state?.units).toEqual(last.units)
  })

  test('continues with the counters of a state file that was copied to it', async () => {
    const path = join(directory, 'state.ring')
    const first = await open({ path })
    const now = crash(first, first.state, 7)
    await first.store.stop()
    partition.end()
    partition = makePartition(3 * MIB)
    await format()
    spawnSync('dd', [`if=${path}`, `of=${partition.path}`, 'bs=1M', 'conv=notrunc'])
    const second = await open()
    expect([second.recovered, second.store.health().problem]).toEqual(['clean', null])
    expect(second.state.units).toEqual(now.units)
  })

  test('after a failed sync, the snapshot goes to other pages, and no page of the last commit is overwritten', async () => {
    await format()
    let failing = false
    const written: number[] = []
    const fs = {
      ...nodeFs,
      pwrite(fd: number, bytes: Uint8Array, at: number) {
        written.push(at)
        return nodeFs.pwrite(fd, bytes, at)
      },
      async fdatasync(fd: number) {
        if (failing) throw failure('EIO')
        await nodeFs.fdatasync(fd)
      },
    }
    const opened = await open({ fs, fresh: () => stateOf(names(150).map((name) => busyUnit(name))) })
    let now = crash(opened, opened.state, 1)
    await opened.store.flush()
    const { chain } = recover(content())
    const before = content()
    failing = true
    written.length = 0
    now = crash(opened, now, 1)
    expect(await opened.store.flush()).toBe(false)
    expect(opened.store.health().problem).toContain('EIO')
    for (let i = 0; i < 50; i++) await opened.store.flush()
    expect(written.length).toBeGreaterThan(300) // more than once around the ring
    for (const page of chain?.pages ?? []) {
      const [at, after] = [page * 4096, content()]
      expect(after.subarray(at, at + 4096).equals(before.subarray(at, at + 4096))).toBe(true)
    }
    expect(new Set(written.slice(0, 100)).size).toBe(100)
    failing = false
    expect(await opened.store.flush()).toBe(true)
    expect(opened.store.health().problem).toBe(null)
    await opened.store.stop()
    const next = await open()
    expect(next.state.units).toEqual(now.units)
  })
})

test('another ring that appears on the device after the start is not overwritten', async () => {
  const b = memoryStore()
  b.fs.putDevice(PATH, partitionWith(256))
  b.fs.fault = (op) => {
    if (op === 'open') throw failure('ENXIO')
    return undefined
  }
  const { store } = await b.open()
  const other = memoryStore()
  other.fs.putDevice(PATH, partitionWith(256))
  await (await other.open({ fresh: () => ({ ...stateOf([]), stream: 'aaaaaaaaaaaaaaaa' }) })).store.stop()
  b.fs.putDevice(PATH, other.fs.bytes(PATH))
  b.fs.fault = () => undefined
  await b.clock.go(10 * 60_000)
  expect(store.health().problem).toContain('restart gatewatch to continue with that')
  expect(b.fs.bytes(PATH).equals(other.fs.bytes(PATH))).toBe(true)
})

test('only the first page of a formatted partition means that it was never used', () => {
  const page = Buffer.from(formattedPage(stateOf([])))
  expect(recover(page)).toMatchObject({ state: null, unused: true, summary: { valid: 1, damaged: 0 } })
  page[100] = 1
  expect(recover(page).unused).toBe(false)
})

/** A ring whose snapshots are damaged. */
function damaged(): Buffer {
  const bytes = Buffer.alloc(MIB)
  const header = { kind: 'snapshot', part: 0, parts: 1, seq: 9, base: 9, boot: '0'.repeat(32), wallMs: 0 } as const
  bytes.set(encodePage(header, Buffer.from('torn')), 4096)
  bytes[5000] = 7
  return bytes
}

function newer(): Buffer {
  const bytes = Buffer.alloc(MIB)
  const header = { kind: 'snapshot', part: 0, parts: 1, seq: 9, base: 9, boot: '0'.repeat(32), wallMs: 0 } as const
  bytes.set(encodePage(header, Buffer.from('from the future'), { major: MAJOR + 1, minor: 0 }))
  return bytes
}
