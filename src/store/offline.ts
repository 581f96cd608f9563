// Access to the state file while no agent runs: reads it without changing it, or edits it as an agent would.
import { fileReason } from '../core/error-text.ts'
import type { Event } from '../core/event.ts'
import type { Instant } from '../core/observation.ts'
import { newState, type State } from '../core/state.ts'
import type { PublishedNames } from '../core/topic-names.ts'
import { type Fs, nodeFs } from './file/fs.ts'
import { resolvePath } from './file/paths.ts'
import { type OpenOptions, openStore } from './open.ts'
import { type Recovery, resume } from './resume.ts'
import { readSlots } from './spill-slot.ts'
import { readStateFile } from './state-file.ts'

interface StoredState {
  readonly path: string
  /** Null if the file contains none. */
  readonly state: State | null
  /** Oldest first. */
  readonly history: readonly Event[]
  /** The names under which messages are retained at the broker, oldest first. */
  readonly published: readonly PublishedNames[]
  /** How an agent that starts now would recover it. */
  readonly recovered: Recovery
  /** True if the file exists and has no bytes, or only zeros. */
  readonly empty: boolean
  readonly onDevice: boolean
  /** When the newest page was written; null if there is no page. */
  readonly writtenAtMs: number | null
}

/** Reads what an agent would continue with. Rejects if the file exists but cannot be read. */
export async function readState(
  path: string,
  runtimeDir: string | null,
  bootId?: string,
  fs: Fs = nodeFs,
): Promise<StoredState> {
  const at = await readStateFile(fs, await resolvePath(fs, path))
  if (at.error !== null)
    throw new Error(`cannot read the state file ${at.path}: ${fileReason(at.error)}`, { cause: at.error })
  const slots = readSlots(fs.sync, runtimeDir, at.path)
  const found = resume(at.file, slots, bootId ?? null, newState(''), at.exists)
  const none = found.recovered === 'fresh' || found.recovered === 'damaged'
  const writtenAtMs = at.file.found.map(({ page }) => page.wallMs)
  return {
    path: at.path,
    state: none ? null : found.state,
    history: found.history,
    published: found.published,
    recovered: found.recovered,
    empty: at.empty,
    onDevice: at.onDevice,
    writtenAtMs: writtenAtMs.length === 0 ? null : Math.max(...writtenAtMs),
  }
}

interface Edited {
  readonly state: State
  readonly events: readonly Event[]
}

/**
 * Opens the file as an agent does, changes the state by `edit`, and writes it. Rejects if an agent is using the file or
 * if it cannot be written. `edit` applies the core's `step` to the operator's observations.
 */
export async function editState(
  options: OpenOptions,
  edit: (state: State, at: Instant) => Edited | Promise<Edited>,
): Promise<State> {
  const { store, state: before } = await openStore(options)
  const at = options.clock.now()
  let written = false
  let after = before
  try {
    const edited = await edit(before, at)
    after = edited.state
    store.remember({ before, ...edited, after, at })
    written = await store.flush()
  } finally {
    await store.stop()
  }
  if (!written) throw new Error(store.health().problem ?? `cannot write ${options.path}`)
  return after
}

/** The same for the names under which messages are retained; `edit` runs while no agent can use the file. */
export async function editPublished(
  options: OpenOptions,
  edit: (published: readonly PublishedNames[]) => Promise<readonly PublishedNames[]>,
): Promise<void> {
  const { store } = await openStore(options)
  try {
    const written = await store.publishAs(await edit(store.published()))
    if (!written) throw new Error(store.health().problem ?? `cannot write ${options.path}`)
  } finally {
    await store.stop()
  }
}
