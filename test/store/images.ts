// Generates all possible contents of flash after a power cut, from the operations that the file system in memory recorded.
import { PAGE_BYTES } from '../../src/store/format/page.ts'
import { type PageReading, readPage } from '../../src/store/recovery.ts'
import type { LoggedOp } from './memory-fs.ts'
import { PATH } from './memory-store.ts'

const SECTOR_BYTES = 512
const SECTORS = PAGE_BYTES / SECTOR_BYTES

/** The possible contents of the state file after this many operations. */
export interface PossibleContents {
  readonly done: number
  /** How many different contents are possible. */
  readonly contents: number
  /** All distinct readings of them, page by page; null if there is no file. */
  readonly readings: Iterable<readonly PageReading[] | null>
}

/** A file as it was synced, and the versions of pages written since then. */
interface File {
  readonly synced: Uint8Array[]
  readonly pending: Map<number, Uint8Array[]>
}

/**
 * After each operation, every page that was written and not synced is old, new or torn, in any combination with the others.
 * A torn page has any subset of its sectors new and the others old, or garbage from any sector on.
 */
export function* possibleContentsOf(log: readonly LoggedOp[], before: Buffer | null): Generator<PossibleContents> {
  const files = new Map<number, File>()
  /** Inodes that the path may refer to; only the last one after a sync of the directory. Null: no file. */
  let names: (number | null)[] = [null]
  if (before !== null) {
    const first = Math.min(...log.flatMap((entry) => ('ino' in entry ? [entry.ino] : [])))
    files.set(first, { synced: pagesOf(before), pending: new Map() })
    names = [first]
  }
  for (const [i, entry] of log.entries()) {
    if (entry.op === 'pwrite') write(fileOf(files, entry.ino), entry.at, entry.bytes)
    else if (entry.op === 'fdatasync') sync(fileOf(files, entry.ino))
    else if (entry.op === 'rename' && entry.to === PATH) names = [...names, entry.ino]
    else if (entry.op === 'fsyncDir') names = names.slice(-1)
    for (const name of names) {
      if (name === null) yield { done: i + 1, contents: 1, readings: [null] }
      else yield momentOf(fileOf(files, name), i + 1)
    }
  }
}

function fileOf(files: Map<number, File>, ino: number): File {
  const file = files.get(ino) ?? { synced: [], pending: new Map() }
  files.set(ino, file)
  return file
}

function pagesOf(bytes: Buffer): Uint8Array[] {
  return Array.from({ length: bytes.length / PAGE_BYTES }, (_, at) =>
    bytes.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES),
  )
}

const ZEROS = new Uint8Array(PAGE_BYTES)

function write(file: File, at: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const page = Math.floor((at + done) / PAGE_BYTES)
    const from = (at + done) % PAGE_BYTES
    const some = bytes.subarray(done, done + PAGE_BYTES - from)
    const versions = file.pending.get(page) ?? []
    const whole = Buffer.from(versions.at(-1) ?? file.synced[page] ?? ZEROS)
    whole.set(some, from)
    file.pending.set(page, [...versions, whole])
    done += some.length
  }
}

function sync(file: File): void {
  for (const [page, versions] of file.pending) file.synced[page] = versions.at(-1) as Uint8Array
  file.pending.clear()
}

function momentOf(file: File, done: number): PossibleContents {
  const choices = [...file.pending].map(([page, versions]) => ({
    page,
    ...outcomes(file.synced[page] ?? ZEROS, versions),
  }))
  return {
    done,
    contents: choices.reduce((all, { contents }) => all * contents, 1),
    readings: combined(
      Array.from(file.synced, (bytes) => readOf(bytes ?? ZEROS)),
      choices,
    ),
  }
}

function* combined(
  synced: readonly PageReading[],
  choices: readonly { readonly page: number; readonly reads: readonly PageReading[] }[],
): Generator<PageReading[]> {
  const [first, ...others] = choices
  if (first === undefined) return yield Array.from(synced, (page) => page ?? 'empty')
  for (const read of first.reads) {
    const pages = [...synced]
    pages[first.page] = read
    yield* combined(pages, others)
  }
}

/** All distinct readings of a page that was `old` and overwritten once or more, and the number of its possible contents. */
function outcomes(
  old: Uint8Array,
  versions: readonly Uint8Array[],
): { reads: readonly PageReading[]; contents: number } {
  const reads = new Set<PageReading>([readOf(old)])
  let contents = 1
  let under = old
  for (const version of versions) {
    for (const torn of tears(under, version)) {
      contents++
      reads.add(readOf(torn))
    }
    under = version
  }
  return { reads: [...reads], contents }
}

function* tears(old: Uint8Array, written: Uint8Array): Generator<Uint8Array> {
  yield written
  for (let sectors = 1; sectors < 2 ** SECTORS - 1; sectors++) {
    const page = Buffer.from(old)
    for (let s = 0; s < SECTORS; s++) {
      if (sectors & (1 << s)) page.set(written.subarray(s * SECTOR_BYTES, (s + 1) * SECTOR_BYTES), s * SECTOR_BYTES)
    }
    yield page
  }
  for (let cut = 0; cut < PAGE_BYTES; cut += SECTOR_BYTES) {
    yield Buffer.from(written).fill(0xa5, cut)
    yield Buffer.from(old).fill(0xa5, cut)
  }
}

/** A file with these pages. */
export function imageOf(pages: readonly PageReading[]): Buffer {
  return Buffer.concat(
    pages.map((read) => {
      if (read === 'empty') return ZEROS
      return read === 'damaged' ? GARBAGE : (contents.get(read) as Uint8Array)
    }),
  )
}

const GARBAGE = new Uint8Array(PAGE_BYTES).fill(0xa5)
const contents = new WeakMap<object, Uint8Array>()
const known = new WeakMap<Uint8Array, PageReading>()
const same = new Map<string, PageReading>()

/** Equal valid pages yield the same object. */
function readOf(bytes: Uint8Array): PageReading {
  const already = known.get(bytes)
  if (already !== undefined) return already
  const read = readPage(bytes)
  if (typeof read === 'string') return read
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const one = same.get(key) ?? read
  same.set(key, one)
  if (one === read) contents.set(read, bytes)
  known.set(bytes, one)
  return one
}
