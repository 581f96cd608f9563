// Decodes systemd-coredump's record of a core dump: executable, signal, and the stack of the crashing thread. Pure.
import type { CoredumpEvidence } from '../../core/explain/evidence.ts'
import { withoutHomes } from '../../core/explain/private-paths.ts'
import { messageOf } from '../crash-lines-query.ts'
import type { JournalEntry } from '../journal-entry.ts'
import { COREDUMP } from '../message-ids.ts'
import { isOfCoredump, textOf } from './genuine.ts'

const FRAMES_AT_MOST = 8
const FRAME_AT_MOST = 160
/** Symbols come from the crashed program: a longer line is left out. */
const LINE_AT_MOST = 1024
/** A frame without a symbol. */
const UNNAMED = 'n/a'
/** Where every abort ends: says nothing about the fault. */
const C_LIBRARY = /^(?:libc|libc-[\d.]+|libpthread|libpthread-[\d.]+|ld-linux[^.]*|ld-musl[^.]*)\.so/

/** Which process dumped core: by its id, or, if that is not known, when (wall time in ms). */
export interface Dumped {
  readonly unit: string
  readonly pid: number
  readonly fromMs: number
  readonly untilMs: number
}

/** The newest genuine record of this process. `entries`: newest first. */
export function coredumpIn(entries: readonly JournalEntry[], dumped: Dumped): CoredumpEvidence | null {
  const entry = entries.find((one) => one['MESSAGE_ID'] === COREDUMP && isOfCoredump(one) && isOf(one, dumped))
  if (entry === undefined) return null
  const executable = textOf(entry, 'COREDUMP_EXE')
  const signal = textOf(entry, 'COREDUMP_SIGNAL_NAME')
  return {
    ...(executable.startsWith('/') && { executable: shownPath(executable) }),
    ...(/^SIG[A-Z0-9+]{2,12}$/.test(signal) && { signal }),
    frames: framesIn(messageOf(entry['MESSAGE'])),
  }
}

function isOf(entry: JournalEntry, { unit, pid, fromMs, untilMs }: Dumped): boolean {
  if (textOf(entry, 'COREDUMP_UNIT') !== unit) return false
  if (pid > 0) return textOf(entry, 'COREDUMP_PID') === String(pid)
  const atMs = Number(textOf(entry, 'COREDUMP_TIMESTAMP')) / 1000 // whole seconds, in us
  return atMs >= fromMs - 1000 && atMs <= untilMs
}

/** A program in a home directory: only its name. */
function shownPath(path: string): string {
  const shown = withoutHomes(path)
  return (shown === path ? path : path.slice(path.lastIndexOf('/') + 1)).slice(0, FRAME_AT_MOST)
}

/** The stack that comes first: the kernel writes the thread that crashed before the others. */
function framesIn(message: string): string[] {
  const [, stack = ''] = message.split(/^Stack trace of thread \d+:$/m)
  const frames: string[] = []
  for (const line of stack.split('\n')) {
    if (line.length > LINE_AT_MOST) continue
    const match = /^\s*#\d+\s+0x[0-9a-f]+\s+(\S.*?)\s+\((.*)\)\s*$/.exec(line)
    if (match !== null) frames.push(`${match[1]} (${objectOf(match[2] ?? '')})`.slice(0, FRAME_AT_MOST))
    if (frames.length === FRAMES_AT_MOST) break
  }
  return frames
}

/** `/usr/lib/libx.so.1 + 0x12` -> `libx.so.1 + 0x12`. */
function objectOf(text: string): string {
  return text.replace(/^.*\//, '')
}

/** The function that the fault is named after: the topmost one outside the C library, else the topmost one; null if none has a name. */
export function topFunction({ frames }: CoredumpEvidence): string | null {
  const named = frames.flatMap((frame) => {
    const [, name = UNNAMED, object = ''] = /^(.*) \(([^()]*)\)?$/.exec(frame) ?? []
    return name === UNNAMED ? [] : [{ name, object }]
  })
  return (named.find(({ object }) => !C_LIBRARY.test(object)) ?? named[0])?.name ?? null
}
