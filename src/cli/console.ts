// The environment of a command: its output streams, terminal, the running agent, and the state file.
import type { Writable } from 'node:stream'
import pc from 'picocolors'
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { PublishedNames } from '../core/topic-names.ts'
import type { Counters } from '../core/unit.ts'
import type { Identity } from '../core/views/api-json.ts'
import { oneLine } from '../core/views/format.ts'
import type { Env, Log } from '../ports.ts'
import type { AgentClient } from './agent-client.ts'

type Write = (text: string) => void

export interface Console {
  /**
   * Both escape control characters, whatever the text repeats, and never throw, not even on a closed pipe. `stdout` keeps
   * line ends and colours; `stderr` writes one line, and keeps the line end at the end of the text.
   */
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** Writes the text unchanged to stderr: lines of the log, and what moves the cursor. */
  readonly rawStderr: (text: string) => void
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
  /** The names under which messages are retained at the broker, oldest first. */
  readonly published: readonly PublishedNames[]
  /** Time of the last write, wall ms; null if unknown. */
  readonly writtenAtMs: number | null
}

type Published = readonly PublishedNames[]

/** The state file, used while the agent is not running. Each function rejects with a message that says what to do. */
export interface StateFile {
  readonly path: string
  /** Null if there is no file; rejects if the file is not a readable state file. */
  readonly read: (path: string) => Promise<OfflineState | null>
  /** `first` runs when no agent can use the file any more; if it rejects, nothing is cleared. */
  readonly clear: (path: string, keepEvents: boolean, first: () => Promise<void>) => Promise<void>
  /** Empties a log file; only a regular one. */
  readonly emptyLog: (path: string) => Promise<void>
  readonly import: (path: string, baselines: ReadonlyMap<string, Counters>) => Promise<void>
  /** Replaces `published`. `edit` runs while no agent can use the file. */
  readonly editPublished: (path: string, edit: (published: Published) => Promise<Published>) => Promise<void>
}

/** What a command queries: the agent, or the state file if the agent is not running. */
export interface Sources {
  readonly client: AgentClient
  readonly stateFile: StateFile
}

/** 0 success; 1 failure; 2 wrong usage or configuration; as systemctl: 4 permission denied, 5 no such unit. */
export type ExitCode = 0 | 1 | 2 | 4 | 5

/** The output of a Console. `stdout`, `stderr`: write unchanged. */
export function safeOutput(
  stdout: Write,
  stderr: Write,
  colors: { readonly stdout: boolean; readonly stderr: boolean },
): Pick<Console, 'stdout' | 'stderr' | 'rawStderr' | 'error'> {
  const { red } = pc.createColors(colors.stderr)
  return {
    stdout: (text) => stdout(printable(text, colors.stdout)),
    stderr: (text) => stderr(text.endsWith('\n') ? `${oneLine(text.slice(0, -1))}\n` : oneLine(text)),
    rawStderr: stderr,
    error: (message, label = 'gatewatch') => stderr(`${red(oneLine(`${label}: ${message}`))}\n`),
  }
}

/** Escapes control characters so that JSON stays valid. A colour of ours is ESC [ NUMBER m. */
function printable(text: string, colored: boolean): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what they match
  const pattern = colored ? /(?!\x1b\[\d+m)[\0-\x08\x0b-\x1f\x7f-\x9f]/g : /[\0-\x08\x0b-\x1f\x7f-\x9f]/g
  return text.replace(pattern, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
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
export function writerTo(stream: Writable, onError: (error: NodeJS.ErrnoException) => void): Write {
  let open = true
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (open) onError(error)
    open = false
  })
  return (text) => {
    if (open) stream.write(text)
  }
}
