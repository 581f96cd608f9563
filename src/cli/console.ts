// The environment of a command: its output streams, terminal, the running agent, and the state file.
import type { Writable } from 'node:stream'
import pc from 'picocolors'
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Counters } from '../core/unit.ts'
import type { Identity } from '../core/views/api-json.ts'
import { oneLine } from '../core/views/format.ts'
import type { Env, Log } from '../ports.ts'
import type { AgentClient } from './agent-client.ts'

export interface Console {
  /** Writes the text unchanged; never throws, not even on a closed pipe. */
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** Writes `LABEL: MESSAGE` as a line to stderr, in red on a terminal; the label is gatewatch by default. */
  readonly error: (message: string, label?: string) => void
  /** Width of the terminal; null if stdout is not a terminal. */
  readonly columns: number | null
  readonly color: boolean
  /** Wall time in ms. */
  readonly now: () => number
}

/** The content of a state file, read without an agent. */
export interface OfflineState {
  readonly state: State
  /** Oldest first. */
  readonly events: readonly Event[]
  readonly identity: Identity
  /** Time of the last write, wall ms; null if unknown. */
  readonly writtenAtMs: number | null
}

/** The state file, used while the agent is not running. Each function rejects with a message that says what to do. */
export interface StateFile {
  readonly path: string
  /** Null if there is no file; rejects if the file is not a readable state file. */
  readonly read: (path: string) => Promise<OfflineState | null>
  readonly clear: (path: string) => Promise<void>
  readonly import: (path: string, baselines: ReadonlyMap<string, Counters>) => Promise<void>
}

/** What a command queries: the agent, or the state file if the agent is not running. */
export interface Sources {
  readonly client: AgentClient
  readonly stateFile: StateFile
}

/** 0 success; 1 failure; 2 wrong usage or configuration; as systemctl: 4 permission denied, 5 no such unit. */
export type ExitCode = 0 | 1 | 2 | 4 | 5

export function errorWriter(stderr: Console['stderr'], color: boolean): Console['error'] {
  const { red } = pc.createColors(color)
  return (message, label = 'gatewatch') => stderr(`${red(oneLine(`${label}: ${message}`))}\n`)
}

/** The log of a command, for a person to read. */
export function commandLog({ error, stderr }: Pick<Console, 'error' | 'stderr'>): Log {
  return (level, message) => {
    if (level === 'error') error(message)
    else if (level !== 'debug') stderr(`gatewatch: ${message}\n`)
  }
}

/** https://no-color.org: a non-empty NO_COLOR disables colours. */
export function wantsColor(env: Env, isTerminal: boolean): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
}

/**
 * Writes to stdout or stderr without ever throwing. `onError` is called once, on the first write error (EPIPE: the reader
 * has exited; ENOSPC); later writes are dropped.
 */
export function writerTo(stream: Writable, onError: (code: string) => void): (text: string) => void {
  let open = true
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (open) onError(error.code ?? String(error))
    open = false
  })
  return (text) => {
    if (open) stream.write(text)
  }
}
