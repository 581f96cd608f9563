// What `gatewatch format` writes, and what it refuses to overwrite: real partitions of loop devices, and facts that cannot be made here.
import { spawnSync } from 'node:child_process'
import * as node from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newUnit } from '../../src/core/unit.ts'
import { deviceUse } from '../../src/store/file/block-device.ts'
import { nodeFs } from '../../src/store/file/fs.ts'
import { openStore } from '../../src/store/open.ts'
import { preparePartition } from '../../src/store/prepare-partition.ts'
import { recover } from '../../src/store/recovery.ts'
import { testClock } from '../rig/clock.ts'
import { makePartition, noPartition, type Partition } from '../rig/partition.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { names, stateOf } from './sample.ts'

const MIB = 1024 * 1024
const FRESH = stateOf([])

describeUnless(noPartition() ?? missingPrograms('blkid', 'mkfs.ext4', 'mkswap'), 'gatewatch format', () => {
  let partition: Partition

  beforeEach(() => {
    partition = makePartition(2 * MIB)
  })
  afterEach(() => partition.end())

  async function format(options: Parameters<typeof preparePartition>[2] = {}) {
    const prepared = await preparePartition(partition.path, FRESH, options)
    await prepared.format()
    await prepared.close()
    return prepared
  }
  const content = () => node.readFileSync(partition.path)

  /** Refuses, changes nothing, and releases the device. */
  async function refuses(reason: string, options: Parameters<typeof preparePartition>[2] = {}, path = partition.path) {
    const before = content()
    await expect(preparePartition(path, FRESH, options)).rejects.toThrow(reason)
    expect(content().equals(before)).toBe(true)
    const claim = () => node.closeSync(node.openSync(partition.path, node.constants.O_RDWR | node.constants.O_EXCL))
    if (options.useOf !== undefined) expect(claim).not.toThrow()
  }

  test('writes an empty ring to blank and to erased flash', async () => {
    expect((await format()).former).toBe(null)
    const { state, unused, summary } = recover(content())
    expect([state, unused, summary.valid, summary.empty]).toEqual([null, true, 1, 511])
    node.writeFileSync(partition.path, Buffer.alloc(2 * MIB, 0xff))
    expect((await format()).former).toBe(null)
    expect(recover(content()).summary).toMatchObject({ valid: 1, damaged: 0, empty: 511 })
  })

  test('erases a former ring as a whole, even a damaged one, and says what it holds', async () => {
    await format()
    const fresh = () => stateOf(names(7).map(newUnit))
    const limits = { flushIntervalMs: 60_000, bytesPerDay: 30_000_000 }
    const { store } = await openStore({
      path: partition.path,
      runtimeDir: null,
      clock: testClock(),
      log() {},
      limits,
      fresh,
    })
    await store.stop()
    expect((await format()).former).toEqual({ units: 7 })
    expect(recover(content()).found).toHaveLength(1)
    const fd = node.openSync(partition.path, 'r+')
    node.writeSync(fd, Buffer.from('damaged'), 0, 7, 100)
    node.closeSync(fd)
    expect((await format()).former).toEqual({ units: 0 })
    expect(recover(content()).unused).toBe(true)
  })

  test('a power loss while it erases leaves no page of the former ring beside the new one', async () => {
    const calls: string[] = []
    const fs = {
      ...nodeFs,
      async pwrite(fd: number, bytes: Uint8Array, at: number) {
        calls.push(bytes.every((byte) => byte === 0) ? 'zeros' : 'page')
        return await nodeFs.pwrite(fd, bytes, at)
      },
      async fdatasync(fd: number) {
        calls.push('sync')
        await nodeFs.fdatasync(fd)
      },
    }
    await format({ fs })
    expect(calls).toEqual(['zeros', 'zeros', 'sync', 'page', 'sync'])
  })

  test('uses at most 16 MiB, and leaves the rest as it is', async () => {
    partition.end()
    partition = makePartition(20 * MIB)
    const fd = node.openSync(partition.path, 'r+')
    node.writeSync(fd, Buffer.from('beyond'), 0, 6, 16 * MIB)
    node.closeSync(fd)
    await format()
    expect(
      content()
        .subarray(16 * MIB, 16 * MIB + 6)
        .toString(),
    ).toBe('beyond')
  })

  test.each([
    ['ext4', ['mkfs.ext4', '-q', '-F']],
    ['swap', ['mkswap', '-q']],
  ])('refuses a partition with %s', async (type, [program = '', ...words]) => {
    spawnSync(program, [...words, partition.path])
    await refuses(`it holds data (${type})`)
    // Without blkid, as with busybox.
    await refuses('it holds data that is not from gatewatch, at byte 0;', { signatureOn: async () => null })
  })

  test.each([0, 1, 4096, 4097, MIB - 1])('refuses other data at byte %i', async (at) => {
    const fd = node.openSync(partition.path, 'r+')
    node.writeSync(fd, Buffer.from([1]), 0, 1, at)
    node.closeSync(fd)
    await refuses(`it holds data that is not from gatewatch, at byte ${Math.floor(at / 4096) * 4096};`)
  })

  test('refuses a file system that was made on a former ring', async () => {
    await format()
    spawnSync('mkfs.ext4', ['-q', '-F', partition.path])
    await refuses('at byte 0;', { signatureOn: async () => null })
  })

  test.each([
    ['a GPT partition table', Buffer.from('EFI PART'), 512],
    ['a Linux RAID member', Buffer.from('fc4e2ba9', 'hex'), 8192],
    ['a ZFS label', Buffer.from('0cb1ba0000000000', 'hex'), 128 * 1024],
  ])('refuses %s at the end, without blkid', async (what, magic, beforeEnd) => {
    const fd = node.openSync(partition.path, 'r+')
    node.writeSync(fd, magic, 0, magic.length, 2 * MIB - beforeEnd)
    node.closeSync(fd)
    await refuses(`it holds ${what} at its end`, { signatureOn: async () => null })
  })

  test('refuses a whole disk, a missing device, a file, and a character device', async () => {
    await refuses(`${partition.disk}: it is a whole disk, not a partition; nothing was changed`, {}, partition.disk)
    await refuses('no such file', {}, `${partition.path}x`)
    await refuses('it is not a block device', {}, import.meta.filename)
    await refuses('it is not a block device', {}, '/dev/null')
  })

  test('refuses a partition that is mounted, and one that only another namespace has mounted', async () => {
    spawnSync('mkfs.ext4', ['-q', '-F', partition.path])
    const point = node.mkdtempSync(join(tmpdir(), 'gatewatch-mount-'))
    expect(spawnSync('mount', [partition.path, point]).status).toBe(0)
    try {
      await refuses(`it is mounted at ${point}`)
      const unseen = (rdev: number) => ({ ...deviceUse(rdev), mountedAt: null })
      await expect(preparePartition(partition.path, FRESH, { useOf: unseen })).rejects.toThrow(
        'in exclusive use by something else',
      )
    } finally {
      spawnSync('umount', [point])
      node.rmdirSync(point)
    }
  })

  test('refuses a partition that is too large, or too small', async () => {
    partition.end()
    partition = makePartition(65 * MIB)
    await refuses('it has 65 MiB, and a partition for gatewatch has at most 64 MiB')
    partition.end()
    partition = makePartition(MIB - 4096)
    await refuses('it is smaller than 1 MiB')
  })

  test.each([
    [{ isMtd: true }, 'it is raw flash (MTD)'],
    [{ isSwap: true }, 'it is used as swap'],
    [{ usedBy: 'dm-0' }, 'it is part of dm-0'],
    [{ isReadOnly: true }, 'it is read-only'],
  ])('refuses %j', async (fact, reason) => {
    await refuses(reason, { useOf: (rdev) => ({ ...deviceUse(rdev), ...fact }) })
  })
})
