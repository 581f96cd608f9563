// Write amplification: estimates the journal and inode writes that a file system adds to each commit.
// Every write changes the file's mtime, which is journaled. Nothing avoids that: not O_DIRECT, O_DSYNC, mmap or a time set
// in advance, nor the mount option lazytime (on Linux 6.18). fdatasync(2) does not wait for it, and commits in quick
// succession share it. Measured by `npm run bench:flash`.
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { PAGE_BYTES } from '../format/page.ts'
import { isBlockDevice, type Mount, storageAt } from './mounts.ts'

/** The additional writes of one file system. */
export interface SideWrites {
  /** Bytes with every commit. */
  readonly eachBytes: number
  /** Bytes of metadata, written once for all commits within this time of the first one. */
  readonly sharedMs: number
  readonly bytes: number
  /** Later, the inode is written to its place, unless it changed again within this time. */
  readonly inPlaceBytes: number
  readonly inPlaceMs: number
}

export const NO_SIDE_WRITES: SideWrites = { eachBytes: 0, sharedMs: 0, bytes: 0, inPlaceBytes: 0, inPlaceMs: 0 }

/** What commits cost on a file system. */
export interface FlashCost {
  /** `ext4 with blocks of 4 KiB` */
  readonly fileSystem: string
  readonly sideWrites: SideWrites
  /** What makes a commit cheaper there; null if nothing is known. */
  readonly advice: string | null
}

const BLOCK_BYTES = 4096
/** ext4(5), `commit=`: its default. */
const JOURNAL_EVERY_MS = 5_000
/** The kernel writes back pages that have been dirty for 30 s; it checks every 5 s (sysctl/vm: dirty_expire_centisecs). */
const WRITE_BACK_MS = 35_000
/** File systems in RAM. */
const FREE: readonly string[] = ['tmpfs', 'ramfs', 'rootfs']

/**
 * A table of what was measured. The counters of a block device cannot replace it: they include what all programs write, and
 * those of a process do not include the journal. A file system that was not measured, or is not known, counts as ext4 with
 * blocks of 4 KiB. `blockBytes`: as statfs(2) reports them.
 */
export function flashCostOf(mount: Pick<Mount, 'type' | 'options'> | null, blockBytes = BLOCK_BYTES): FlashCost {
  const type = mount?.type ?? 'an unknown file system'
  if (FREE.includes(type)) return { fileSystem: type, sideWrites: NO_SIDE_WRITES, advice: null }
  const plain = { fileSystem: type, advice: null }
  switch (type) {
    case 'ext2':
      return { ...plain, sideWrites: { ...NO_SIDE_WRITES, inPlaceBytes: blockBytes, inPlaceMs: WRITE_BACK_MS } }
    case 'ext3':
    case 'ext4':
      return extCost(type, mount?.options ?? [], blockBytes)
    case 'xfs':
      return { ...plain, sideWrites: { ...NO_SIDE_WRITES, sharedMs: WRITE_BACK_MS, bytes: 18_944 } }
    case 'btrfs': // copy on write: each commit also writes tree nodes of 16 KiB, in two copies
      return {
        fileSystem: type,
        sideWrites: { ...NO_SIDE_WRITES, eachBytes: 69_632, sharedMs: 30_000, bytes: 204_800 },
        advice: "on a partition that 'gatewatch format' prepared it is 4 KiB",
      }
    default:
      return { ...extCost(type, [], BLOCK_BYTES), ...plain }
  }
}

function extCost(type: string, options: readonly string[], blockBytes: number): FlashCost {
  const seconds = Number(options.find((option) => option.startsWith('commit='))?.slice(7))
  // Three blocks in the journal: descriptor, inode table, commit.
  const journal = { sharedMs: seconds > 0 ? seconds * 1000 : JOURNAL_EVERY_MS, bytes: 3 * blockBytes }
  return {
    fileSystem: `${type} with blocks of ${blockBytes / 1024} KiB`,
    sideWrites: { eachBytes: 0, ...journal, inPlaceBytes: blockBytes, inPlaceMs: WRITE_BACK_MS },
    advice: blockBytes > 1024 && !(seconds > 0) ? 'the mount option commit=300 saves most of it in a crash loop' : null,
  }
}

/** What commits cost on the file system that holds `path` on this machine. */
export function flashCostAt(path: string): FlashCost {
  if (isBlockDevice(path))
    return { fileSystem: 'a partition without a file system', sideWrites: NO_SIDE_WRITES, advice: null }
  return flashCostOf(storageAt(path).mount, blockBytesAt(path))
}

/** Of the nearest directory that exists: the file may be created later. */
function blockBytesAt(path: string): number | undefined {
  try {
    return statfsSync(dirname(path)).bsize
  } catch {
    return undefined
  }
}

/** The bytes of a commit of one page that no other one is close to. */
export function loneCommitBytes({ eachBytes, bytes, inPlaceBytes }: SideWrites): number {
  return PAGE_BYTES + eachBytes + bytes + inPlaceBytes
}

/** Returns a function to be called with the time of each commit; its result is the number of additional bytes. */
export function createSideWriteCounter(sideWrites: SideWrites): (nowMs: number) => number {
  const { eachBytes, sharedMs, bytes, inPlaceBytes, inPlaceMs } = sideWrites
  let sinceMs = Number.NEGATIVE_INFINITY
  return (nowMs) => {
    const agoMs = nowMs - sinceMs
    if (agoMs < sharedMs) return eachBytes
    sinceMs = nowMs
    // The write in place is counted with the next commit: only then is it known that no other came before it.
    return eachBytes + bytes + (agoMs >= sharedMs + inPlaceMs ? inPlaceBytes : 0)
  }
}
