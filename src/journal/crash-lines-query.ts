// The journal query for the lines of one run: journalctl's arguments, and the parser of its JSON output. Pure.
import { type JournalEntry, journalEntry } from './journal-entry.ts'
import { FAILED, PROCESS_EXIT, SUCCEEDED } from './message-ids.ts'

/** Longer lines are cut. */
export const LINE_AT_MOST_BYTES = 1024
/** Limit for all lines together; the newest that fit are kept. The queue for MQTT holds many such messages. */
export const LINES_AT_MOST_BYTES = 8192

/** systemd's own messages about the run (started, exited, failed, ...), which are requested in addition. */
const LINES_OF_SYSTEMD = 8
/** A query by unit may return lines of later runs first. */
const LINES_OF_LATER_RUNS = 64
/** systemd's messages that a run has ended. */
const END_MESSAGES: ReadonlySet<unknown> = new Set([PROCESS_EXIT, FAILED, SUCCEEDED])
const FIELDS = 'MESSAGE,MESSAGE_ID,_PID,_UID,INVOCATION_ID,_SYSTEMD_INVOCATION_ID'

export interface RunLines {
  /** What the run itself wrote, oldest first. */
  readonly lines: readonly string[]
  /** The journal has systemd's message about the end of the run, and so everything that the run wrote before it. */
  readonly ended: boolean
}

/**
 * Arguments for the last `lines` messages of the run, newest first. The journal records the invocation of each sender
 * (systemd.journal-fields(7)); processes of root, such as systemd, also state it themselves. Requires membership of the
 * group systemd-journal.
 */
export function argsForRun(invocationId: string, lines: number): readonly string[] {
  const matches = [`_SYSTEMD_INVOCATION_ID=${invocationId}`, '+', `INVOCATION_ID=${invocationId}`, '_UID=0']
  return [...newestFirst(lines + LINES_OF_SYSTEMD), ...matches]
}

/**
 * Arguments for the last messages of the unit. journald looks up the sender when it reads a message: if the process has
 * exited by then, it knows the unit, from the stream, but not the run.
 */
export function argsForUnit(unit: string, lines: number): readonly string[] {
  return [...newestFirst(lines + LINES_OF_LATER_RUNS), `_SYSTEMD_UNIT=${unit}`, '+', `UNIT=${unit}`, '_PID=1']
}

function newestFirst(entries: number): readonly string[] {
  return ['--no-pager', '--output=json', '--all', `--output-fields=${FIELDS}`, '--reverse', `--lines=${entries}`]
}

/**
 * Parses journalctl's JSON, newest first; the last line may be cut off. A message without a run is assigned to the run
 * of the nearest message before or after it: journald receives the messages of systemd and of the run on two sockets,
 * within milliseconds and in any order, while runs are at least RestartSec= apart.
 */
export function runLinesOf(text: string, invocationId: string, atMost: number): RunLines {
  const entries = text
    .split('\n')
    .map(journalEntry)
    .filter((entry) => entry !== null)
    .reverse()
  const runs = runsOf(entries)
  const lines: string[] = []
  let ended = false
  for (const [i, entry] of entries.entries()) {
    if (runs[i] !== invocationId) continue
    if (entry['_PID'] === '1') ended ||= END_MESSAGES.has(entry['MESSAGE_ID'])
    else lines.push(cut(messageOf(entry['MESSAGE'])))
  }
  return { lines: newestThatFit(lines, atMost), ended }
}

/** The run of each entry. */
function runsOf(entries: readonly JournalEntry[]): readonly (string | null)[] {
  const known = entries.flatMap((entry) => {
    const run = runOf(entry)
    return run === null ? [] : [{ run, at: timeOf(entry) }]
  })
  let next = 0
  return entries.map((entry) => {
    const own = runOf(entry)
    if (own !== null) next += 1
    const [before, after] = [known[next - 1], known[next]]
    if (own !== null || before === undefined || after === undefined) return own ?? before?.run ?? after?.run ?? null
    return timeOf(entry) - before.at <= after.at - timeOf(entry) ? before.run : after.run
  })
}

/** When journald received it, in us. */
function timeOf(entry: JournalEntry): number {
  return Number(entry['__MONOTONIC_TIMESTAMP'])
}

/** The run that a process states itself is trusted only from root. */
function runOf(entry: JournalEntry): string | null {
  const run = entry['_SYSTEMD_INVOCATION_ID'] ?? (entry['_UID'] === '0' ? entry['INVOCATION_ID'] : null)
  return typeof run === 'string' ? run : null
}

/** A text, an array of bytes if it is not UTF-8, or an array of values if the field occurs more than once. */
function messageOf(field: unknown): string {
  if (typeof field === 'string') return field
  if (!Array.isArray(field)) return ''
  if (field.every((byte) => typeof byte === 'number')) return Buffer.from(field).toString('utf8')
  return field.map(messageOf).join(' ')
}

/** At most LINE_AT_MOST_BYTES, with an ellipsis if it is cut; characters stay whole. */
function cut(line: string): string {
  const bytes = Buffer.from(line)
  if (bytes.length <= LINE_AT_MOST_BYTES) return line
  let end = LINE_AT_MOST_BYTES - Buffer.byteLength('…')
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return `${bytes.toString('utf8', 0, end)}…`
}

function newestThatFit(lines: readonly string[], atMost: number): readonly string[] {
  let from = lines.length
  for (let bytes = 0; from > 0 && lines.length - from < atMost; from--) {
    bytes += Buffer.byteLength(lines[from - 1] ?? '')
    if (bytes > LINES_AT_MOST_BYTES) break
  }
  return lines.slice(from)
}
