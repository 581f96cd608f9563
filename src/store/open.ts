// Opens the state file: locks it, reads it, restores the spill of a killed agent, and starts the store.
import { dirname } from 'node:path'
import { otherMachine } from '../core/recount.ts'
import type { State } from '../core/state.ts'
import type { Clock, Log } from '../ports.ts'
import { isDevicePath } from './file/block-device.ts'
import { openCommitWriter } from './file/commit-writer.ts'
import { type Fs, nodeFs, uninterrupted } from './file/fs.ts'
import { type Lock, socketLock } from './file/lock.ts'
import { fileMedium, layoutOf, partitionMedium } from './file/medium.ts'
import { resolvePath, setAside, wasSetAside } from './file/paths.ts'
import { openRing, pagesFor, type Ring } from './file/ring.ts'
import { loneCommitBytes, NO_SIDE_WRITES, type SideWrites } from './file/write-amplification.ts'
import { type FlushBudget, type FlushLimits, restoredFlushBudget } from './flush-budget.ts'
import { headOf } from './format/head-record.ts'
import { bootKey, PAGE_BYTES } from './format/page.ts'
import { NO_PAGES, type RecoveredFile } from './recovery.ts'
import { numbersRunOut, pendingStream, type Recovery, renumbered, resume } from './resume.ts'
import { NO_SPILL, openSpill, type Spill } from './spill.ts'
import { readSlots } from './spill-slot.ts'
import { readStateFile } from './state-file.ts'
import { createStore, type PageRingStore } from './store.ts'

/** The state of a first start. */
export interface FirstState {
  readonly state: State
  /** What was done, for the health of the store; null for nothing. */
  readonly note: string | null
}

export interface OpenOptions {
  readonly path: string
  /** A directory in RAM for uncommitted state; null for none. */
  readonly runtimeDir: string | null
  readonly clock: Clock
  readonly log: Log
  readonly limits: FlushLimits
  /** The state of a new file. Its policy is used with any other state too. */
  readonly fresh: () => State
  /**
   * Completes the state of a new file before its first commit; not called if there ever was a state file. Without it, the
   * state of a new file is `fresh`.
   */
  readonly first?: (fresh: State) => FirstState
  /** Of the running system: a spill from another boot is ignored. */
  readonly bootId?: string
  /** Derived and persistent: a state of another machine continues in a new stream. Null or absent: unknown. */
  readonly machineId?: string | null
  /** What the file system writes in addition to each commit, for the count of bytes; nothing by default. */
  readonly sideWrites?: SideWrites
  readonly fs?: Fs
  readonly lock?: Lock
}

export interface OpenedStore {
  readonly store: PageRingStore
  readonly state: State
  /** The stream in the file; that of `state` is another one if the file could not be continued. */
  readonly formerStream: string
  readonly recovered: Recovery
  /** The file in use: not the configured one if that has the format of a newer version. */
  readonly path: string
  /** The new name of a file that was not a readable state file; null if there was none. */
  readonly setAside: string | null
}

/** Rejects only if another agent is using the file. */
export async function openStore(options: OpenOptions): Promise<OpenedStore> {
  const { clock, log, fs = nodeFs, runtimeDir, limits, sideWrites = NO_SIDE_WRITES } = options
  const configuredPath = await resolvePath(fs, options.path)
  if (!isDevicePath(configuredPath)) await fs.mkdir(dirname(configuredPath)).catch(() => {})
  const releaseLock = await (options.lock ?? socketLock)(configuredPath)
  const boot = options.bootId === undefined ? null : bootKey(options.bootId)

  const found = await readStateFile(fs, configuredPath)
  const { path, newerMajor, onDevice } = found
  const lastingProblem =
    newerMajor === null
      ? null
      : `${configuredPath} was written by a newer gatewatch (format ${newerMajor}) and is left untouched; using ${path} instead`
  if (lastingProblem !== null) log('error', `state: ${lastingProblem}`)
  const fresh = options.fresh()
  const machineId = options.machineId ?? null
  const slots = readSlots(fs.sync, runtimeDir, path)
  const pending = pendingStream(found.file, slots, boot, fresh, machineId)
  const usable = pending === null ? found.file : NO_PAGES
  const asFound = pending ?? resume(usable, slots, boot, fresh, found.exists)
  const renumber = numbersRunOut(usable, asFound)
  const first =
    asFound.recovered === 'fresh' && newerMajor === null && !(await wasSetAside(fs, path))
      ? options.first?.(fresh)
      : undefined
  const asFirst = first === undefined ? asFound : { ...asFound, state: first.state, committed: first.state }
  const startsStream = renumber || otherMachine(asFirst.state, machineId) !== null
  const start = startsStream ? renumbered(asFirst, fresh.stream) : asFirst
  const file = startsStream ? NO_PAGES : usable
  if (renumber)
    log('warning', `state: commits or events in ${path} have impossibly high numbers; numbering starts again`)
  if (!onDevice) await fs.unlink(`${path}.new`).catch(() => {})
  const isForeign = !onDevice && (found.error !== null || start.recovered === 'damaged')
  const foreign = createForeignFile(fs, path, log, isForeign, found.empty)
  await foreign.setAside().catch(() => {})

  const spill = spillOf(options, fs, path, boot)
  const ring = await reopenRing(fs, path, file, onDevice)
  const streams = new Set([found.file.state?.stream ?? '', start.state.stream, fresh.stream])
  const medium = onDevice ? partitionMedium(fs, path, streams, ring) : fileMedium(fs, path, foreign.setAside)
  const writer = openCommitWriter({ fs, clock, path, boot, sideWrites, ring, medium })
  const { reserved } = file
  const lastCommit = file.chain?.seq ?? 0
  // A new stream on a partition is written beside the former one.
  const highest = onDevice && !renumber ? found.file.maxSeq : file.maxSeq
  const { store, open } = createStore({
    path,
    writer,
    clock,
    log,
    limits,
    budget: restoredBudget(options, file),
    spill,
    releaseLock,
    start,
    reserved,
    lastCommit,
    nextCommit: nextCommit(lastCommit, highest),
    lastingProblem,
    note: () => foreign.note() ?? first?.note ?? null,
  })
  const { acknowledged, published } = start
  const head = headOf(start.state, { reserved, acknowledged, published, clean: false })
  // Everything restored is in one slot before the other is removed, so that a kill here changes nothing for the next start.
  spill.begin(lastCommit, head, start.state, start.spilled)
  spill.dropOther()
  const exact = start.recovered === 'spill' && ring !== null && file.complete
  const written = await open(!exact)
  // If this start could not be written to flash, a later one may reuse its event numbers. A new stream keeps the event ids
  // unique.
  const state = written ? start.state : { ...start.state, stream: fresh.stream }
  store.remember({ before: start.state, after: state, events: [], at: clock.now() })
  const formerStream = asFound.state.stream
  return { store, state, formerStream, recovered: start.recovered, path, setAside: foreign.name() }
}

/** The budget as of the last commit in the file; null if that stored none. */
function restoredBudget({ clock, limits, sideWrites, bootId }: OpenOptions, file: RecoveredFile): FlushBudget | null {
  const { head, committedAtMs } = file
  if (!head?.budget || committedAtMs === null) return null
  const { monoMs, wallMs } = clock.now()
  // Without a battery-backed clock, only the time since the boot is known.
  const elapsedMs = Math.max(wallMs - committedAtMs, head.bootId === bootId ? 0 : monoMs)
  return restoredFlushBudget(head.budget, loneCommitBytes(sideWrites ?? NO_SIDE_WRITES), elapsedMs, monoMs, limits)
}

/** A file at the path that is not a readable state file: renamed now, or later before a new file replaces it. */
function createForeignFile(fs: Fs, path: string, log: Log, isForeign: boolean, empty: boolean) {
  let exists = isForeign
  let name: string | null = null
  return {
    /** Its new name; null if it was not renamed. */
    name: () => name,
    /** For the health of the store; null if it was not renamed. */
    note() {
      if (name === null) return null
      const what = empty ? 'empty' : 'not readable'
      return `the file was ${what} at the start of gatewatch; moved it to ${name}, counting restarted from 0`
    },
    async setAside() {
      if (!exists) return
      name = await setAside(fs, path)
      exists = false
      if (name === null) return
      const what = empty ? 'is empty' : 'is not a readable state file'
      log('error', `state: ${path} ${what}; moved it to ${name} and started a new one, counting restarts from 0`, {
        aside: name,
      })
    },
  }
}

function spillOf({ runtimeDir, log }: OpenOptions, fs: Fs, path: string, boot: string | null): Spill {
  if (runtimeDir === null) return NO_SPILL
  let logged = false
  return openSpill(fs.sync, runtimeDir, path, boot, (error) => {
    if (!logged)
      log(
        'warning',
        `state: cannot write to the runtime directory, uncommitted counts would be lost if the agent is killed: ${String(error)}`,
      )
    logged = true
  })
}

/** The existing ring, ready for more commits; null if there is none, if it cannot be written, or if it is too short. */
async function reopenRing(fs: Fs, path: string, file: RecoveredFile, onDevice: boolean): Promise<Ring | null> {
  const { chain, summary } = file
  if (chain === null || summary.pages < pagesFor(1)) return null
  const fd = await fs.open(path, onDevice ? 'claim' : 'update').catch(() => null)
  if (fd === null) return null // the first commit reports why
  try {
    const { ino, size } = await fs.stat(path)
    if (!onDevice && size !== summary.pages * PAGE_BYTES)
      throw new Error('file size is not a multiple of the page size')
    // Pages written by a killed agent may be in the page cache only: what was read must be on flash before it counts.
    await uninterrupted(() => fs.fdatasync(fd))
    return openRing(fs, fd, layoutOf(file, ino))
  } catch {
    await fs.close(fd).catch(() => {})
    return null
  }
}

/** Above every commit number in the file, and with the parity of the spill slot that is not in use. */
function nextCommit(last: number, highest: number): number {
  return (highest - last) % 2 === 0 ? highest + 1 : highest + 2
}
