// What a ring is on: a regular file, which is created and replaced, or a partition, which is only ever written in place.
import { dirname } from 'node:path'
import { plural } from '../../core/views/format.ts'
import { isPage, MAJOR, PAGE_BYTES } from '../format/page.ts'
import { type RecoveredFile, recover } from '../recovery.ts'
import { numbersRunOut } from '../resume.ts'
import { errno, type Fs } from './fs.ts'
import { notRegular, readRing, ringBytes } from './paths.ts'
import { createRing, type EncodedCommit, fewestPages, openRing, pagesFor, type Ring, type RingLayout } from './ring.ts'

/** What the first commit of a ring consists of. */
export interface FirstCommit {
  readonly snapshot: EncodedCommit
  readonly units: number
  /** Pages of older events. They are optional. */
  readonly history: () => readonly Uint8Array[]
}

export interface Medium {
  /** Writes a snapshot where no ring is open: at the start, after an error, or where the ring became too small. */
  begin(first: FirstCommit): Promise<BegunRing>
}

interface BegunRing {
  readonly ring: Ring
  readonly bytes: number
  /** True if the history was written, too. */
  readonly hasHistory: boolean
}

/** `clearTheWay` renames a foreign file that a new state file would replace. */
export function fileMedium(fs: Fs, path: string, clearTheWay: () => Promise<void>): Medium {
  return {
    async begin({ snapshot, history }) {
      await fs.mkdir(dirname(path)).catch(() => {})
      await clearTheWay()
      return { ...(await createRing(fs, path, snapshot, history())), hasHistory: true }
    },
  }
}

/**
 * The ring on a partition, as this run found it: another ring that appears there is not overwritten. After a failed
 * fdatasync(2) the device is opened again, and the snapshot goes to pages after those that failed; the last commit that
 * was synced stays. `streams`: those of the ring as it was found, and of this run.
 */
export function partitionMedium(fs: Fs, path: string, streams: ReadonlySet<string>, found: Ring | null): Medium {
  let last = found
  return {
    async begin({ snapshot, units }) {
      const { fd, number, size, bytes } = await claim(fs, path)
      try {
        const file = recover(bytes)
        const refusal = refusalOf(bytes, file, streams)
        if (refusal !== null) throw new Error(refusal)
        const before = last?.layout() ?? layoutOf(file, number)
        if (before.ino !== number || snapshot.seq <= file.maxSeq) throw new Error(OTHER)
        const parts = snapshot.pages.length
        const layout = enlarged(before, parts, ringBytes(size) / PAGE_BYTES)
        if (layout === null) throw new Error(tooSmall(units, parts, ringBytes(size) / PAGE_BYTES))
        const ring = openRing(fs, fd, layout)
        last = ring
        return { ring, bytes: await ring.write(snapshot), hasHistory: false }
      } catch (error) {
        await fs.close(fd).catch(() => {})
        throw error
      }
    },
  }
}

/** With space for snapshots of `parts` pages, on the pages after the present ones; null if there are too few. */
function enlarged(layout: RingLayout, parts: number, most: number): RingLayout | null {
  let { pages } = layout
  while (pages < fewestPages(parts) && pages < most) pages = Math.min(2 * pages, most)
  if (pages < fewestPages(parts)) return null
  return pages === layout.pages ? layout : { ...layout, pages, next: layout.pages }
}

/** The positions of the chains in a file that was read. */
export function layoutOf({ chain, previous, next, found, unused, summary }: RecoveredFile, ino: number): RingLayout {
  // The page that `gatewatch format` wrote stays until there is a commit.
  const live = chain?.pages ?? (unused ? found.map(({ at }) => at) : [])
  return {
    ino,
    pages: summary.pages,
    last: chain?.seq ?? 0,
    base: chain?.base ?? 0,
    deltaPages: chain?.deltaPages ?? 0,
    live,
    previous: previous?.pages ?? [],
    next,
  }
}

/** errno(3), for a device. */
const REASONS: Readonly<Record<string, string>> = {
  EBUSY: 'it is mounted or in exclusive use by something else',
  ENOENT: 'there is no such device',
  EACCES: 'permission denied; the udev rule partition.rules and the drop-in partition.conf allow it',
  EPERM: 'not permitted; the drop-in partition.conf allows it',
}

function withReason(error: unknown): never {
  const code = errno(error)
  const reason = REASONS[code]
  throw reason === undefined ? error : Object.assign(new Error(`${code}: ${reason}`, { cause: error }), { code })
}

interface Claimed {
  readonly fd: number
  /** The device number. */
  readonly number: number
  readonly size: number
  readonly bytes: Uint8Array
}

async function claim(fs: Fs, path: string): Promise<Claimed> {
  const { isBlock, ino: number, size } = await fs.stat(path).catch(withReason)
  if (!isBlock) throw notRegular()
  const fd = await fs.open(path, 'claim').catch(withReason)
  try {
    return { fd, number, size, bytes: await readRing(fs, fd, size) }
  } catch (error) {
    await fs.close(fd).catch(() => {})
    throw error
  }
}

const FORMAT = "stop gatewatch and run 'gatewatch format'"
const OTHER = 'what is on it could not be read when gatewatch started; restart gatewatch to continue with that'

/** Why the content of a partition must not be overwritten; null if it may. */
function refusalOf(bytes: Uint8Array, file: RecoveredFile, streams: ReadonlySet<string>): string | null {
  const { newerMajor, pages } = file.summary
  if (pages < pagesFor(1)) return `it has ${sizeText(pages)}, but a ring needs ${sizeText(pagesFor(1))}`
  if (newerMajor !== null)
    return `it has format ${newerMajor} of a newer gatewatch (this one has format ${MAJOR}) and is left untouched; install that version, or ${FORMAT} to start again from 0`
  if (file.unused) return null
  if (file.state === null)
    return isRing(bytes)
      ? `the ring on it is damaged and is left untouched; ${FORMAT} to start again from 0`
      : `it was not prepared for gatewatch and is left untouched; ${FORMAT}`
  if (numbersRunOut(file, { state: file.state }))
    return `its commits or events have impossibly high numbers, so it is left untouched; ${FORMAT} to start again from 0`
  return streams.has(file.state.stream) ? null : OTHER
}

/** True if there is a page of a ring in it, even a damaged one. */
export function isRing(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) if (isPage(bytes.subarray(at, at + PAGE_BYTES))) return true
  return false
}

/** Of a ring with snapshots of `parts` pages. */
function tooSmall(units: number, parts: number, pages: number): string {
  return `${plural(units, 'unit')} need a partition of ${sizeText(fewestPages(parts))} or more, and it has ${sizeText(pages)}; counters are kept in memory only`
}

function sizeText(pages: number): string {
  return `${Math.ceil((pages * PAGE_BYTES) / 1024).toLocaleString('en')} KiB`
}
