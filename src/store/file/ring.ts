// The page ring: writes commits to free pages of the state file, round-robin, and creates new files.
import { dirname } from 'node:path'
import { PAGE_BYTES } from '../format/page.ts'
import { type Fs, pwriteAll, uninterrupted } from './fs.ts'
import { refuseToReplace } from './paths.ts'

/** Pages of deltas after which a snapshot is due. */
const DELTA_PAGES = 64
const PAGES_AT_LEAST = 256
const ZEROS_AT_ONCE = 64 * PAGE_BYTES

/** What one fdatasync(2) makes durable: a snapshot or a delta. */
export interface EncodedCommit {
  readonly kind: 'snapshot' | 'delta'
  readonly seq: number
  /** Encoded, in order. */
  readonly pages: readonly Uint8Array[]
}

export interface Ring {
  /** The inode of the file. */
  readonly ino: number
  /**
   * How many pages commit `seq` may have as a delta: fewer than a snapshot, and one at least. 0 if it must be a snapshot: it is
   * not the next of the chain, or a snapshot is due.
   */
  deltaPages(seq: number): number
  /** The commit number of the snapshot that the next delta is based on. */
  base(): number
  /** True if the ring has space for snapshots of `parts` pages. */
  fits(parts: number): boolean
  /** Writes and syncs; resolves to the number of bytes. After a rejection the ring must not be used again. */
  write(commit: EncodedCommit): Promise<number>
  /** The chains of the last commit that was synced; after a rejection, `next` is a page after those that were tried. */
  layout(): RingLayout
  close(): Promise<void>
}

/** The positions of the chains in a file. Pages of the last chain and of the one before it are not overwritten. */
export interface RingLayout {
  readonly ino: number
  readonly pages: number
  /** The last commit, the snapshot that it is based on, and the pages of the deltas since. */
  readonly last: number
  readonly base: number
  readonly deltaPages: number
  readonly live: readonly number[]
  readonly previous: readonly number[]
  /** The page to write next. */
  readonly next: number
}

/** Pages of a new file with snapshots of `parts` pages; a third more units fit before a larger file is needed. */
export function pagesFor(parts: number): number {
  return Math.max(PAGES_AT_LEAST, Math.ceil((4 * parts + 2 * DELTA_PAGES) / 64) * 64)
}

/** For two snapshots of `parts` pages with their deltas, and a third being written. */
export function fewestPages(parts: number): number {
  return Math.max(PAGES_AT_LEAST, 3 * parts + 2 * DELTA_PAGES)
}

/** The first `n` pages from `next` on, wrapping at the end, that are not in `taken`; null if there are fewer. */
function freePages(pages: number, next: number, taken: ReadonlySet<number>, n: number): number[] | null {
  const free: number[] = []
  for (let i = 0; i < pages && free.length < n; i++) {
    const at = (next + i) % pages
    if (!taken.has(at)) free.push(at)
  }
  return free.length === n ? free : null
}

/** The ring in a file that is open as `fd`. */
export function openRing(fs: Fs, fd: number, layout: RingLayout): Ring {
  const { ino, pages } = layout
  let { last, base, deltaPages, live, previous, next } = layout

  return {
    ino,
    deltaPages(seq) {
      const ofSnapshot = live.length - deltaPages
      return seq === last + 1 ? Math.min(DELTA_PAGES - deltaPages, Math.max(1, ofSnapshot - 1)) : 0
    },
    base: () => base,
    fits: (parts) => pages >= fewestPages(parts),
    async write(commit) {
      const n = commit.pages.length
      const places =
        freePages(pages, next, new Set([...live, ...previous]), n) ?? freePages(pages, next, new Set(live), n)
      if (places === null) throw new Error(`no space for ${n} pages in a ring of ${pages}`)
      next = ((places.at(-1) as number) + 1) % pages
      for (const [i, page] of commit.pages.entries()) {
        await pwriteAll(fs, fd, page, (places[i] as number) * PAGE_BYTES)
      }
      await uninterrupted(() => fs.fdatasync(fd))
      last = commit.seq
      if (commit.kind === 'delta') {
        live = [...live, ...places]
        deltaPages += n
      } else {
        previous = live
        live = places
        base = commit.seq
        deltaPages = 0
      }
      return n * PAGE_BYTES
    },
    layout: () => ({ ino, pages, last, base, deltaPages, live, previous, next }),
    close: () => fs.close(fd),
  }
}

/**
 * Creates a file at `path` that starts with `snapshot` and `history`. The rest is filled with zeros, because the first
 * write to a page that is only allocated costs an additional write of metadata. The file is synced, renamed to `path`, and
 * its directory is synced. As root, the file is given to the owner of the directory. On failure nothing is left behind.
 */
export async function createRing(
  fs: Fs,
  path: string,
  snapshot: EncodedCommit,
  history: readonly Uint8Array[],
): Promise<{ ring: Ring; bytes: number }> {
  const pages = pagesFor(snapshot.pages.length)
  const temporary = `${path}.new`
  const content = Buffer.concat([...snapshot.pages, ...history])
  const size = pages * PAGE_BYTES
  await fs.unlink(temporary).catch(() => {})
  const fd = await fs.open(temporary, 'create')
  let ino: number
  try {
    await pwriteAll(fs, fd, content, 0)
    const zeros = new Uint8Array(ZEROS_AT_ONCE)
    for (let at = content.length; at < size; at += zeros.length) {
      await pwriteAll(fs, fd, zeros.subarray(0, Math.min(zeros.length, size - at)), at)
    }
    await uninterrupted(() => fs.fdatasync(fd))
    ino = (await fs.stat(temporary)).ino
    if (fs.uid === 0) await giveTo(fs, temporary, dirname(path)).catch(() => {})
    await refuseToReplace(fs, path)
    await fs.rename(temporary, path)
    await fs.fsyncDir(dirname(path))
  } catch (error) {
    await fs.close(fd).catch(() => {})
    await fs.unlink(temporary).catch(() => {})
    throw error
  }
  const live = snapshot.pages.map((_, i) => i)
  const next = (snapshot.pages.length + history.length) % pages
  const { seq } = snapshot
  return {
    ring: openRing(fs, fd, { ino, pages, last: seq, base: seq, deltaPages: 0, live, previous: [], next }),
    bytes: size,
  }
}

async function giveTo(fs: Fs, path: string, directory: string): Promise<void> {
  const { uid, gid } = await fs.stat(directory)
  await fs.chown(path, uid, gid)
}
