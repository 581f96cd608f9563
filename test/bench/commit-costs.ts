// Measures in real time what a commit costs on each file system: alone, and close to others. Each has a loop device of its own,
// whose counters include the journal and everything that is written back later.
import * as node from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { flashCostOf, loneCommitBytes, NO_SIDE_WRITES } from '../../src/store/file/write-amplification.ts'
import { PAGE_BYTES } from '../../src/store/format/page.ts'
import { type FileSystem, type Flash, startFlash } from '../rig/flash.ts'
import { makePartition } from '../rig/partition.ts'

const MINUTE = 60_000
const RING_PAGES = 256
/** Longer than each file system takes to write everything back. */
const SETTLED_MS = 90_000

export interface CommitCost {
  readonly name: string
  /** Bytes per commit, 60 s apart; and of commits a second apart. */
  readonly alone: number
  readonly close: number
  /** The agent's, of a single commit. */
  readonly estimate: number
}

const MEASURED: readonly (readonly [name: string, kind: FileSystem, blockBytes: number, options: string])[] = [
  ['ext4, blocks of 4 KiB', 'ext4', 4096, 'defaults'],
  ['ext4, blocks of 4 KiB, commit=300', 'ext4', 4096, 'commit=300'],
  ['ext4, blocks of 1 KiB', 'ext4-1k', 1024, 'defaults'],
  ['xfs', 'xfs', 4096, 'defaults'],
  ['btrfs', 'btrfs', 4096, 'defaults'],
]

/** Takes about twelve minutes. */
export function commitCosts(onlyPartition: boolean): Promise<CommitCost[]> {
  return Promise.all([
    ...(onlyPartition ? [] : MEASURED).map(async ([name, kind, blockBytes, options]) => {
      const { sideWrites } = flashCostOf({ type: kind.replace('-1k', ''), options: options.split(',') }, blockBytes)
      const estimate = loneCommitBytes(sideWrites)
      const flash = await startFlash(kind, '400M', options)
      try {
        const save = createPages(flash.at('pages'), 'w+')
        flash.sync()
        await sleep(SETTLED_MS)
        const alone = await meanOf(flash, save, 6, MINUTE)
        return { name, alone, close: await meanOf(flash, save, 60, 1_000), estimate }
      } finally {
        flash.end()
      }
    }),
    costOnPartition(),
  ])
}

async function costOnPartition(): Promise<CommitCost> {
  const name = 'a partition without a file system'
  const partition = makePartition(RING_PAGES * PAGE_BYTES)
  try {
    const save = createPages(partition.path, 'r+')
    const alone = await meanOf(partition, save, 6, MINUTE)
    return { name, alone, close: await meanOf(partition, save, 60, 1_000), estimate: loneCommitBytes(NO_SIDE_WRITES) }
  } finally {
    partition.end()
  }
}

async function meanOf(
  flash: Pick<Flash, 'written'>,
  save: () => void,
  times: number,
  everyMs: number,
): Promise<number> {
  const before = flash.written()
  for (let i = 0; i < times; i++) {
    save()
    await sleep(everyMs)
  }
  await sleep(SETTLED_MS - Math.min(everyMs, SETTLED_MS))
  return (flash.written() - before) / times
}

/** A file or a partition as the ring is: full of written pages. The function writes the next one and syncs. */
function createPages(path: string, flags: 'w+' | 'r+'): () => void {
  const fd = node.openSync(path, flags)
  node.writeSync(fd, Buffer.alloc(RING_PAGES * PAGE_BYTES))
  node.fsyncSync(fd)
  const content = Buffer.alloc(PAGE_BYTES, 7)
  let at = 0
  return () => {
    node.writeSync(fd, content, 0, PAGE_BYTES, (at++ % RING_PAGES) * PAGE_BYTES)
    node.fdatasyncSync(fd)
  }
}
