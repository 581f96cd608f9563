import { expect, test } from 'vitest'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { nodeFs } from '../../../src/store/file/fs.ts'
import { parseMounts } from '../../../src/store/file/mounts.ts'
import { createSideWriteCounter, flashCostOf, loneCommitBytes } from '../../../src/store/file/write-amplification.ts'
import { openStore } from '../../../src/store/open.ts'
import { noFlash, startFlash } from '../../rig/flash.ts'
import { describeUnless } from '../../rig/unavailable.ts'
import { until } from '../../rig/until.ts'
import { crashStep, freshState, names } from '../sample.ts'

const costOf = (type: string, options = 'rw', blockBytes = 4096) =>
  flashCostOf(parseMounts(`22 1 179:2 / / rw,relatime - ${type} /dev/root ${options}`)[0] ?? null, blockBytes)
const mounted = (type: string, options: string) => costOf(type, options).sideWrites

/** The additional bytes of commits at these times, in seconds. */
const beside = (type: string, options: string, seconds: readonly number[]) =>
  seconds.map((s) => s * 1000).map(createSideWriteCounter(mounted(type, options)))

test.each([
  [
    'a single commit: three blocks of journal, and later the inode in its place',
    'ext4',
    'rw',
    [0, 60, 120],
    [16384, 16384, 16384],
  ],
  ['commits within the journal interval share one', 'ext4', 'rw', [0, 1, 4.9, 60], [16384, 0, 0, 16384]],
  [
    'an inode that changes again within 30 s is written in place once',
    'ext4',
    'rw',
    [0, 8, 16, 76],
    [16384, 12288, 12288, 16384],
  ],
  [
    'the mount option commit= sets the journal interval',
    'ext4',
    'rw,commit=300',
    [0, 60, 299, 300, 700],
    [16384, 0, 0, 12288, 16384],
  ],
  ['ext3 is the same', 'ext3', 'rw', [0, 60], [16384, 16384]],
  ['without a journal, only the inode is written in place', 'ext2', 'rw', [0, 60], [4096, 4096]],
  ['xfs writes its log once for commits within 30 s', 'xfs', 'rw', [0, 10, 60], [18944, 0, 18944]],
  [
    'btrfs writes tree nodes with every commit, and more every 30 s',
    'btrfs',
    'rw',
    [0, 10, 60],
    [274432, 69632, 274432],
  ],
  ['a file system that was not measured counts as ext4', 'f2fs', 'rw', [0, 60], [16384, 16384]],
  ['a file system in RAM writes nothing else', 'tmpfs', 'rw', [0, 60], [0, 0]],
])('%s', (_, type, options, seconds, bytes) => {
  expect(beside(type, options, seconds)).toEqual(bytes)
})

test.each([
  ['ext4 with blocks of 4 KiB', costOf('ext4'), 20_480],
  ['ext4 with blocks of 1 KiB', costOf('ext4', 'rw', 1024), 8_192],
  ['ext4 with blocks of 4 KiB', costOf('ext4', 'rw,commit=300'), 20_480],
  ['xfs', costOf('xfs'), 23_040],
  ['btrfs', costOf('btrfs', 'rw', 16_384), 278_528],
  ['an unknown file system', flashCostOf(null, 512), 20_480],
  ['tmpfs', costOf('tmpfs'), 4_096],
])('a commit that no other one is close to, on %s', (name, { fileSystem, sideWrites }, bytes) => {
  expect(fileSystem).toBe(name)
  expect(loneCommitBytes(sideWrites)).toBe(bytes)
})

describeUnless(noFlash('ext4'), 'on a real ext4', () => {
  test('the bytes that the store reports are those that reached the device, within 10 %', async () => {
    const flash = await startFlash('ext4', '32M', 'commit=1')
    try {
      const { store, state } = await openStore({
        path: flash.at('state.ring'),
        runtimeDir: null,
        clock,
        log: () => {},
        limits: { flushIntervalMs: 3_600_000, bytesPerDay: 30_000_000 },
        // The mount is in another namespace, reached through /proc, where realpath(3) does not work.
        fs: { ...nodeFs, realpath: async (path) => path },
        fresh: freshState(2),
        sideWrites: mounted('ext4', 'rw,commit=1'),
      })
      const journal = async () => {
        const before = flash.written()
        const what = 'the journal to be written'
        await until(flash.written, { what, is: (bytes) => bytes >= before + 3 * 4096, timeoutMs: 60_000 })
      }
      const openedMs = clock.now().monoMs
      flash.sync()
      await until(() => clock.now().monoMs > openedMs + 1_000, { what: 'the journal interval to pass' })
      const [device, reported] = [flash.written(), store.health().bytesWritten]
      let now = state
      for (let i = 0; i < 5; i++) {
        const step = crashStep(now, names(1)[0] as string, clock.now().monoMs)
        store.remember(step)
        now = step.after
        expect(await store.flush()).toBe(true)
        await journal()
      }
      flash.sync()
      const ratio = (store.health().bytesWritten - reported) / (flash.written() - device)
      expect(ratio).toBeGreaterThan(0.9)
      expect(ratio).toBeLessThan(1.1)
      await store.stop()
    } finally {
      flash.end()
    }
  })
})
