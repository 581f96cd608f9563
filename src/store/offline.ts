// The state file for the commands, where no agent runs: reading it without touching it, and changing it as an agent would.
import type { Event } from '../core/event.ts'
import type { Instant } from '../core/observation.ts'
import { newState, type State } from '../core/state.ts'
import { type Fs, nodeFs } from './file/fs.ts'
import { resolvePath } from './file/paths.ts'
import { type OpenOptions, openStore } from './open.ts'
import { type Recovery, resume } from './resume.ts'
import { readSlots } from './spill-slot.ts'
import { readStateFile } from './state-file.ts'

interface StoredState {
  readonly path: string
  /** Null where the file holds none. */
  readonly state: State | null
  /** Oldest first. */
  readonly history: readonly Event[]
  /** How an agent that started now would find it. */
  readonly recovered: Recovery
  /** When the newest page was written; null where there is none. */
  readonly writtenAtMs: number | null
}

/** What an agent would go on from. Rejects where there is a file that cannot be read. */
export async function readState(
  path: string,
  runtimeDir: string | null,
  bootId?: string,
  fs: Fs = nodeFs,
): Promise<StoredState> {
  const at = await readStateFile(fs, await resolvePath(fs, path))
  if (at.error !== null) throw new Error(`read ${at.path}`, { cause: at.error })
  const slots = readSlots(fs.sync, runtimeDir, at.path)
  const found = resume(at.file, slots, bootId ?? null, newState(''), at.empty)
  const none = found.recovered === 'fresh' || found.recovered === 'damaged'
  const writtenAtMs = at.file.found.map(({ page }) => page.wallMs)
  return {
    path: at.path,
    state: none ? null : found.state,
    history: found.history,
    recovered: found.recovered,
    writtenAtMs: writtenAtMs.length === 0 ? null : Math.max(...writtenAtMs),
  }
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
