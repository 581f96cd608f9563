// What a file system writes beside the pages of a commit: any write changes the time of the file, and that is journaled.
// No way of writing avoids it (O_DIRECT, O_DSYNC, a mapping, a time set beforehand; nor does lazytime, on Linux 6.18).
// fdatasync does not wait for it, and commits that follow each other at once share it. Measured by `npm run bench:flash`.
import { type Mount, mountOfPath } from './mounts.ts'

/** Of one file system. */
export interface SideWrites {
  /** With every commit. */
  readonly eachBytes: number
  /** What changes within so long of the first change is written as one. */
  readonly sharedMs: number
  readonly bytes: number
  /** Then the inode goes to its place this long after, unless it changed again before. */
  readonly inPlaceBytes: number
  readonly inPlaceMs: number
}

export const NO_SIDE_WRITES: SideWrites = { eachBytes: 0, sharedMs: 0, bytes: 0, inPlaceBytes: 0, inPlaceMs: 0 }

const BLOCK_BYTES = 4096
/** ext4(5), `commit=`: its default. */
const JOURNAL_EVERY_MS = 5_000
/** The kernel writes back what has been dirty for 30 s, and looks every 5 s (sysctl/vm: dirty_expire_centisecs). */
const WRITE_BACK_MS = 35_000

/** Of file systems that were measured; of any other nothing is known, and nothing counted. */
export function sideWritesOf(mount: Mount | null): SideWrites {
  const inPlace = { inPlaceBytes: BLOCK_BYTES, inPlaceMs: WRITE_BACK_MS }
  switch (mount?.type) {
    case 'ext2':
      return { ...NO_SIDE_WRITES, ...inPlace }
    case 'ext3':
    case 'ext4': {
      const seconds = Number(mount.options.find((option) => option.startsWith('commit='))?.slice(7))
      // A descriptor, the block of the inode table, the commit.
      const sharedMs = seconds > 0 ? seconds * 1000 : JOURNAL_EVERY_MS
      return { eachBytes: 0, sharedMs, bytes: 3 * BLOCK_BYTES, ...inPlace }
    }
    case 'xfs':
      return { ...NO_SIDE_WRITES, sharedMs: WRITE_BACK_MS, bytes: 18_944 }
    case 'btrfs': // every page goes elsewhere, and the trees that say where are 16 KiB a node, twice
      return { ...NO_SIDE_WRITES, eachBytes: 69_632, sharedMs: 30_000, bytes: 204_800 }
    default:
      return NO_SIDE_WRITES
  }
}

/** Of the file system that holds `path` on this machine. */
export function sideWritesAt(path: string): SideWrites {
  return sideWritesOf(mountOfPath(path))
}

/** Counts them: called with the time of each commit, returns the bytes that it made the file system write beside it. */
export function createSideWriteCounter(of: SideWrites): (nowMs: number) => number {
  const { eachBytes, sharedMs, bytes, inPlaceBytes, inPlaceMs } = of
  let sinceMs = Number.NEGATIVE_INFINITY
  return (nowMs) => {
    const agoMs = nowMs - sinceMs
    if (agoMs < sharedMs) return eachBytes
    sinceMs = nowMs
    // What was due in place is counted when the next commit comes: only then it is known that none came before.
    return eachBytes + bytes + (agoMs >= sharedMs + inPlaceMs ? inPlaceBytes : 0)
  }
}
