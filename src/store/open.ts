// Opening a state file: lock it, read it, take up what a killed agent left, and go on. Only a second writer is refused.
import { dirname } from 'node:path'
import type { State } from '../core/state.ts'
import type { Clock, Log } from '../ports.ts'
import { openCommitWriter } from './file/commit-writer.ts'
import { type Fs, nodeFs, uninterrupted } from './file/fs.ts'
import { type Lock, socketLock } from './file/lock.ts'
import { resolvePath, setAside } from './file/paths.ts'
import { openRing, pagesFor, type Ring } from './file/ring.ts'
import { NO_SIDE_WRITES, type SideWrites } from './file/write-amplification.ts'
import { bootKey, PAGE_BYTES } from './format/page.ts'
import { headOf } from './format/page-records.ts'
import type { RecoveredFile } from './recovery.ts'
import { type Recovery, resume } from './resume.ts'
import { NO_SPILL, openSpill, type Spill } from './spill.ts'
import { readSlots } from './spill-slot.ts'
import { readStateFile } from './state-file.ts'
import { createStore, type PageRingStore } from './store.ts'

export interface OpenOptions {
  readonly path: string
  /** In RAM, for what is not on flash yet; null to do without. */
  readonly runtimeDir: string | null
  readonly clock: Clock
  readonly log: Log
  readonly flushIntervalMs: number
  /** The state to begin with, and the policy of any other. */
  readonly fresh: () => State
  /** Of the running system: what another boot left in `runtimeDir` is not taken up. */
  readonly bootId?: string
  /** What the file system writes beside each commit, for the count of bytes; nothing unless told. */
  readonly sideWrites?: SideWrites
  readonly fs?: Fs
  readonly lock?: Lock
}

export interface OpenedStore {
  readonly store: PageRingStore
  readonly state: State
  readonly recovered: Recovery
  /** Where it is kept: not the path asked for, where that holds the format of a newer version. */
  readonly path: string
  /** The name that a file which was no state got, null where there was none. */
  readonly setAside: string | null
}

/** Rejects only where another agent has the file. */
export async function openStore(options: OpenOptions): Promise<OpenedStore> {
  const { clock, log, fs = nodeFs, runtimeDir, flushIntervalMs, sideWrites = NO_SIDE_WRITES } = options
  const asked = await resolvePath(fs, options.path)
  await fs.mkdir(dirname(asked)).catch(() => {})
  const releaseLock = await (options.lock ?? socketLock)(asked)
  const boot = options.bootId === undefined ? null : bootKey(options.bootId)

  const { path, file, empty, error, newerMajor } = await readStateFile(fs, asked)
  const note =
    newerMajor === null
      ? null
      : `${asked} has the newer format ${newerMajor} and is left alone; counting goes on in ${path}`
  if (note !== null) log('error', `state: ${note}`)
  const fresh = options.fresh()
  const start = resume(file, readSlots(fs.sync, runtimeDir, path), boot, fresh, empty)
  await fs.unlink(`${path}.new`).catch(() => {})
  const foreign = createForeignFile(fs, path, log, error !== null || start.recovered === 'damaged')
  await foreign.setAside().catch(() => {})

  const spill = spillOf(options, fs, path, boot)
  const ring = await reopenRing(fs, path, file)
  const writer = openCommitWriter({ fs, clock, path, boot, sideWrites, ring, clearTheWay: foreign.setAside })
  const { reserved } = file
  const lastCommit = file.chain?.seq ?? 0
  const { store, open } = createStore({
    path,
    writer,
    clock,
    log,
    flushIntervalMs,
    spill,
    releaseLock,
    start,
    reserved,
    lastCommit,
    nextCommit: nextCommit(lastCommit, file.maxSeq),
    note,
  })
  const head = headOf(start.state, { reserved, acknowledged: start.acknowledged, clean: false })
  // All that was taken up is in one slot before the other goes: killed here, the next agent finds the same.
  spill.begin(lastCommit, head, start.state.units, start.spilled, true)
  spill.dropOther()
  const exact = start.recovered === 'spill' && ring !== null && file.complete
  const marked = await open(!exact)
  // Where flash does not know of this start, the next one may go on from the same number: under a stream of its own no
  // id of this run comes again.
  const state = marked ? start.state : { ...start.state, stream: fresh.stream }
  store.remember({ before: start.state, after: state, events: [], at: clock.now() })
  return { store, state, recovered: start.recovered, path, setAside: foreign.name() }
}

/** What lies at the path and is no state of ours: moved away now, or before a new file takes its place. */
function createForeignFile(fs: Fs, path: string, log: Log, isForeign: boolean) {
  let there = isForeign
  let name: string | null = null
  return {
    /** The name that it was given, null where there was none. */
    name: () => name,
    async setAside() {
      if (!there) return
      name = await setAside(fs, path)
      there = false
      if (name !== null) log('error', `state: ${path} was no state that can be read: kept as ${name}`, { aside: name })
    },
  }
}

function spillOf({ runtimeDir, log }: OpenOptions, fs: Fs, path: string, boot: string | null): Spill {
  if (runtimeDir === null) return NO_SPILL
  let logged = false
  return openSpill(fs.sync, runtimeDir, path, boot, (error) => {
    if (!logged) log('warning', `state: nothing can be kept in the runtime directory: ${String(error)}`)
    logged = true
  })
}

/** The file as it goes on being used; null where there is none, it cannot be written, or it lacks pages. */
async function reopenRing(fs: Fs, path: string, file: RecoveredFile): Promise<Ring | null> {
  const { chain, previous, next, summary } = file
  if (chain === null || summary.pages < pagesFor(1)) return null
  const fd = await fs.open(path, 'update').catch(() => null)
  if (fd === null) return null // the first commit finds out why, and says so
  try {
    const { ino, size } = await fs.stat(path)
    if (size !== summary.pages * PAGE_BYTES) throw new Error('a part of a page')
    // Pages of a killed agent may be in the kernel's memory only: what is read is not yet what is kept.
    await uninterrupted(() => fs.fdatasync(fd))
    const { seq: last, base, deltas, pages: live } = chain
    return openRing(fs, fd, {
      ino,
      pages: summary.pages,
      last,
      base,
      deltas,
      live,
      previous: previous?.pages ?? [],
      next,
    })
  } catch {
    await fs.close(fd).catch(() => {})
    return null
  }
}

/** Above every number in the file, and of the other slot than what was taken up. */
function nextCommit(last: number, highest: number): number {
  return (highest - last) % 2 === 0 ? highest + 1 : highest + 2
}
