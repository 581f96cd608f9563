// Write amplification: estimates the journal and inode writes that a file system adds to each commit.
// Every write changes the file's mtime, which is journaled. Nothing avoids that: not O_DIRECT, O_DSYNC, mmap or a time set
// in advance, nor the mount option lazytime (on Linux 6.18). fdatasync(2) does not wait for it, and commits in quick
// succession share it. Measured by `npm run bench:flash`.
import { type Mount, storageAt } from './mounts.ts'

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

const BLOCK_BYTES = 4096
/** ext4(5), `commit=`: its default. */
const JOURNAL_EVERY_MS = 5_000
/** The kernel writes back pages that have been dirty for 30 s; it checks every 5 s (sysctl/vm: dirty_expire_centisecs). */
const WRITE_BACK_MS = 35_000

/** The measured file systems. For any other nothing is known, and nothing is counted. */
export function sideWritesOf(mount: Pick<Mount, 'type' | 'options'> | null): SideWrites {
  const inPlace = { inPlaceBytes: BLOCK_BYTES, inPlaceMs: WRITE_BACK_MS }
  switch (mount?.type) {
    case 'ext2':
      return { ...NO_SIDE_WRITES, ...inPlace }
    case 'ext3':
    case 'ext4': {
      const seconds = Number(mount.options.find((option) => option.startsWith('commit='))?.slice(7))
      // Three blocks in the journal: descriptor, inode table, commit.
      const sharedMs = seconds > 0 ? seconds * 1000 : JOURNAL_EVERY_MS
      return { eachBytes: 0, sharedMs, bytes: 3 * BLOCK_BYTES, ...inPlace }
    }
    case 'xfs':
      return { ...NO_SIDE_WRITES, sharedMs: WRITE_BACK_MS, bytes: 18_944 }
    case 'btrfs': // copy on write: each commit also writes tree nodes of 16 KiB, in two copies
      return { ...NO_SIDE_WRITES, eachBytes: 69_632, sharedMs: 30_000, bytes: 204_800 }
    default:
      return NO_SIDE_WRITES
  }
}

/** The additional writes of the file system that holds `path` on this machine. */
export function sideWritesAt(path: string): SideWrites {
  return sideWritesOf(storageAt(path).mount)
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
