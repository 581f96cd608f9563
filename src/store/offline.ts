// The state file for the commands, where no agent runs: reading it without touching it, and changing it as an agent would.
import type { Event } from '../core/event.ts'
import type { Instant } from '../core/observation.ts'
import { newState, type State } from '../core/state.ts'
import { type Fs, nodeFs } from './file/fs.ts'
import { readContent, resolvePath } from './file/paths.ts'
import { MAJOR, MINOR } from './format/page.ts'
import type { LeftOut } from './format/page-records.ts'
import { type OpenOptions, openStore } from './open.ts'
import { type FileSummary, type RecoveredFile, recover } from './recovery.ts'
import { type Recovery, resume } from './resume.ts'
import { readSlots } from './spill-slot.ts'

export interface StoredState {
  readonly path: string
  /** Null where the file holds none. */
  readonly state: State | null
  /** Oldest first. */
  readonly history: readonly Event[]
  /** Events that found no room on flash, by unit and kind. */
  readonly leftOut: readonly LeftOut[]
  /** How an agent that started now would find it. */
  readonly recovered: Recovery
  /** Major and minor format version of this program; `summary.newerMajor` that of pages it cannot read. */
  readonly format: string
  /** Number of the last commit, null where there is none. */
  readonly commit: number | null
  readonly reserved: number
  readonly acknowledged: number
  readonly summary: FileSummary
}

/** What an agent would go on from. Rejects where there is a file that cannot be read. */
export async function readState(
  path: string,
  runtimeDir: string | null,
  bootId?: string,
  fs: Fs = nodeFs,
): Promise<StoredState> {
  const { file, empty, at } = await readFile(fs, path)
  const slots = readSlots(fs.sync, runtimeDir, at)
  const found = resume(file, slots, bootId ?? null, newState(''), empty)
  const none = found.recovered === 'fresh' || found.recovered === 'damaged'
  return {
    path: at,
    state: none ? null : found.state,
    history: found.history,
    leftOut: file.found.flatMap((f) => f.payload.leftOut),
    recovered: found.recovered,
    format: `${MAJOR}.${MINOR}`,
    commit: file.chain?.seq ?? null,
    reserved: file.reserved,
    acknowledged: found.acknowledged,
    summary: file.summary,
  }
}

/** One page of the file, for people. */
export interface PageListing {
  readonly page: number
  readonly kind: string
  readonly part: string
  readonly commit: number
  readonly base: number
  readonly bootId: string
  readonly wallMs: number
  readonly seq: number
  readonly reserved: number
  readonly clean: boolean
  readonly units: readonly string[]
  readonly events: readonly number[]
  readonly leftOut: readonly LeftOut[]
}

/** Every page that is whole, by place. */
export async function readPagesOf(path: string, fs: Fs = nodeFs): Promise<PageListing[]> {
  const { file } = await readFile(fs, path)
  return file.found.map(({ at, page, payload: { head, units, events, leftOut } }) => ({
    page: at,
    kind: page.kind,
    part: `${page.part + 1}/${page.parts}`,
    commit: page.seq,
    base: page.base,
    bootId: page.boot,
    wallMs: page.wallMs,
    seq: head.seq,
    reserved: head.reserved,
    clean: head.clean,
    units: units.map((unit) => unit.name),
    events: events.map((event) => event.seq),
    leftOut,
  }))
}

/**
 * Opens the file as an agent does, lets `edit` change the state, and writes it. Rejects where an agent has it, or where
 * it cannot be written. `edit` is `step` of the core, applied to what the operator asks for.
 */
export async function editState(
  options: OpenOptions,
  edit: (state: State, at: Instant) => { readonly state: State; readonly events: readonly Event[] },
): Promise<State> {
  const { store, state: before } = await openStore(options)
  const at = options.clock.now()
  let written = false
  let after = before
  try {
    const edited = edit(before, at)
    after = edited.state
    store.remember({ before, ...edited, after, at })
    written = await store.flush()
  } finally {
    await store.stop()
  }
  if (!written) throw new Error(store.health().problem ?? `cannot write ${options.path}`)
  return after
}

async function readFile(fs: Fs, path: string): Promise<{ file: RecoveredFile; empty: boolean; at: string }> {
  const at = await resolvePath(fs, path)
  const first = await bytesOf(fs, at)
  const file = recover(first)
  if (file.summary.newerMajor === null) return { file, empty: first.length === 0, at }
  const beside = `${at}.v${MAJOR}`
  const second = await bytesOf(fs, beside)
  return { file: recover(second), empty: second.length === 0, at: beside }
}

async function bytesOf(fs: Fs, path: string): Promise<Uint8Array> {
  const content = await readContent(fs, path)
  if ('error' in content) throw new Error(`read ${path}`, { cause: content.error })
  return content.bytes
}
