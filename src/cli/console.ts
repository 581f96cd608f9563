// What a command is given to work with: where it writes, what its terminal can, whom it asks.
import type { Writable } from 'node:stream'
import type { Identity } from '../core/api-json.ts'
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Counters } from '../core/unit.ts'
import type { Env } from '../ports.ts'
import type { AgentClient } from './agent-client.ts'

export interface Console {
  /** Writes as it is; must not throw, not even on a closed pipe. */
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** Width of the terminal; null where stdout is none. */
  readonly columns: number | null
  readonly color: boolean
  /** Wall time in ms. */
  readonly now: () => number
}

/** What a state file holds, read without an agent. */
export interface OfflineState {
  readonly state: State
  /** Oldest first. */
  readonly events: readonly Event[]
  readonly identity: Identity
  /** When it was written last, wall ms; null where unknown. */
  readonly writtenAtMs: number | null
}

/** The state file where no agent runs. All reject with an error whose message says what to do. */
export interface StateFile {
  readonly path: string
  /** Null where there is none; rejects where what is there is none that can be read. */
  readonly read: (path: string) => Promise<OfflineState | null>
  readonly clear: (path: string) => Promise<void>
  /** Resolves with the names that were taken over. */
  readonly import: (path: string, baselines: ReadonlyMap<string, Counters>) => Promise<void>
}

/** Whom a command asks: the agent first, the state file where none runs. */
export interface Sources {
  readonly client: AgentClient
  readonly stateFile: StateFile
}

/** 0 done; 1 failed while running; 2 wrong usage or configuration; of systemctl: 4 no permission, 5 no such unit. */
export type ExitCode = 0 | 1 | 2 | 4 | 5

/** https://no-color.org: a variable of that name, not empty, means none. */
export function wantsColor(env: Env, isTerminal: boolean): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
}

/** `onGone` is called once, when nobody reads any more (EPIPE) or the disk behind is full; what follows is dropped. */
export function writerTo(stream: Writable, onGone: (code: string) => void): (text: string) => void {
  let open = true
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (open) onGone(error.code ?? String(error))
    open = false
  })
  return (text) => {
    if (open) stream.write(text)
  }
}
