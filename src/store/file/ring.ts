// The file: a ring of pages in which a commit goes where nothing live lies, and how a new such file comes to be.
import { dirname } from 'node:path'
import { PAGE_BYTES } from '../format/page.ts'
import { type Fs, pwriteAll, uninterrupted } from './fs.ts'

/** A snapshot is due after so many deltas. */
const DELTAS_PER_SNAPSHOT = 64
const PAGES_AT_LEAST = 256
const ZEROS_AT_ONCE = 64 * PAGE_BYTES

/** What one fdatasync makes durable: a snapshot, or one delta. */
export interface EncodedCommit {
  readonly kind: 'snapshot' | 'delta'
  readonly seq: number
  /** Encoded, in order. */
  readonly pages: readonly Uint8Array[]
}

export interface Ring {
  /** Which file it is, by its inode. */
  readonly ino: number
  /** True when commit `seq` can be a delta: it is the next in the chain, and no snapshot is due. */
  takesDelta(seq: number): boolean
  /** The snapshot that a delta builds upon. */
  base(): number
  /** True when snapshots of `parts` pages, two of them with their deltas and a third being written, fit. */
  fits(parts: number): boolean
  /** Writes and syncs; resolves to the bytes written. After a rejection the descriptor is not to be used again. */
  write(commit: EncodedCommit): Promise<number>
  close(): Promise<void>
}

/** Where things lie in a file. Pages of the last chain and of the one before it are not overwritten. */
interface RingLayout {
  readonly ino: number
  readonly pages: number
  /** The last commit, the snapshot it builds upon, and the deltas from there to it. */
  readonly last: number
  readonly base: number
  readonly deltas: number
  readonly live: readonly number[]
  readonly previous: readonly number[]
  /** Where the ring goes on. */
  readonly next: number
}

/** Pages of a new file whose snapshots take `parts`: a third more units fit before it must grow. */
export function pagesFor(parts: number): number {
  return Math.max(PAGES_AT_LEAST, Math.ceil((4 * parts + 2 * DELTAS_PER_SNAPSHOT) / 64) * 64)
}

/** `n` pages from `next` on, around the end, that are not in `taken`; null where there are not so many. */
function freePages(pages: number, next: number, taken: ReadonlySet<number>, n: number): number[] | null {
  const free: number[] = []
  for (let i = 0; i < pages && free.length < n; i++) {
    const at = (next + i) % pages
    if (!taken.has(at)) free.push(at)
  }
  return free.length === n ? free : null
}

/** The ring in an open file. */
export function openRing(fs: Fs, fd: number, layout: RingLayout): Ring {
  const { ino, pages } = layout
  let { last, base, deltas, live, previous, next } = layout

  return {
    ino,
    takesDelta: (seq) => seq === last + 1 && deltas < DELTAS_PER_SNAPSHOT,
    base: () => base,
    fits: (parts) => pages >= 3 * parts + 2 * DELTAS_PER_SNAPSHOT,
    async write(commit) {
      const n = commit.pages.length
      const places =
        freePages(pages, next, new Set([...live, ...previous]), n) ?? freePages(pages, next, new Set(live), n)
      if (places === null) throw new Error(`no room for ${n} pages in a ring of ${pages}`)
      for (const [i, page] of commit.pages.entries()) {
        await pwriteAll(fs, fd, page, (places[i] as number) * PAGE_BYTES)
      }
      await uninterrupted(() => fs.fdatasync(fd))
      last = commit.seq
      next = ((places.at(-1) as number) + 1) % pages
      if (commit.kind === 'delta') {
        live = [...live, ...places]
        deltas++
      } else {
        previous = live
        live = places
        base = commit.seq
        deltas = 0
      }
      return n * PAGE_BYTES
    },
    close: () => fs.close(fd),
  }
}

/**
 * A new file at `path` that begins with `snapshot` and goes on with `history`: written in full, zeros included (a page of
 * a file that was only allocated costs a second write to mark it written), then renamed into place and its directory
 * synced. It belongs to the owner of the directory. On failure nothing is left behind.
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
    ring: openRing(fs, fd, { ino, pages, last: seq, base: seq, deltas: 0, live, previous: [], next }),
    bytes: size,
  }
}

async function giveTo(fs: Fs, path: string, directory: string): Promise<void> {
  const { uid, gid } = await fs.stat(directory)
  await fs.chown(path, uid, gid)
}
