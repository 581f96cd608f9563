// The journal query for the lines of one run: journalctl's arguments, and the parser of its JSON output. Pure.
import { type JournalEntry, journalEntry } from './journal-entry.ts'
import { COREDUMP, FAILED, PROCESS_EXIT, SUCCEEDED } from './message-ids.ts'

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
/** An OOM kill lists all processes before it names the one that it killed. */
const LINES_OF_KERNEL = 256
const FIELDS_OF_EVIDENCE = [
  ...[FIELDS, 'PRIORITY', '_TRANSPORT', 'SYSLOG_FACILITY', '_SYSTEMD_UNIT'],
  ...['CPU_USAGE_NSEC', 'MEMORY_PEAK', 'IO_METRIC_READ_BYTES', 'IO_METRIC_WRITE_BYTES'],
  ...['IP_METRIC_INGRESS_BYTES', 'IP_METRIC_EGRESS_BYTES'],
  ...['COREDUMP_UNIT', 'COREDUMP_PID', 'COREDUMP_EXE', 'COREDUMP_SIGNAL_NAME', 'COREDUMP_TIMESTAMP'],
].join(',')

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

/** What to look for beside what the run and systemd wrote. */
export interface RecordsWanted {
  /** systemd-coredump's record. */
  readonly coredump: boolean
  /** The records of the kernel and of systemd-oomd. */
  readonly oom: boolean
}

/** Wall times in ms. */
export interface TimeSpan {
  readonly fromMs: number
  readonly untilMs: number
}

/**
 * Arguments for the last messages of the unit and for all records about the crash, so that one query serves both. Any user who can
 * write to the journal can write such records: `recordsIn` decides which are genuine. `within`: null for a crash just now.
 */
export function argsForCrash(
  invocationId: string,
  unit: string,
  lines: number,
  { coredump, oom }: RecordsWanted,
  within: TimeSpan | null,
): readonly string[] {
  const entries = lines + LINES_OF_LATER_RUNS + (oom ? LINES_OF_KERNEL : 0)
  return [
    ...newestFirst(entries, FIELDS_OF_EVIDENCE),
    ...(within === null
      ? []
      : [`--since=@${Math.floor(within.fromMs / 1000)}`, `--until=@${Math.ceil(within.untilMs / 1000)}`]),
    ...[`_SYSTEMD_UNIT=${unit}`, '+', `UNIT=${unit}`, '_PID=1', '+', `INVOCATION_ID=${invocationId}`, '_UID=0'],
    ...(coredump ? ['+', `MESSAGE_ID=${COREDUMP}`, `COREDUMP_UNIT=${unit}`] : []),
    ...(oom ? ['+', '_TRANSPORT=kernel', '+', '_SYSTEMD_UNIT=systemd-oomd.service'] : []),
  ]
}

function newestFirst(entries: number, fields = FIELDS): readonly string[] {
  return ['--no-pager', '--output=json', '--all', `--output-fields=${fields}`, '--reverse', `--lines=${entries}`]
}

/** The entries in journalctl's JSON, newest first; the last line may be cut off. */
export function entriesIn(text: string): readonly JournalEntry[] {
  return text
    .split('\n')
    .map(journalEntry)
    .filter((entry) => entry !== null)
}

/**
 * What the run wrote. `newestFirst`: entries of its unit and of systemd about it. A message without a run is assigned to the
 * run of the nearest message before or after it: journald receives the messages of systemd and of the run on two sockets,
 * within milliseconds and in any order, while runs are at least RestartSec= apart.
 */
export function runLinesOf(newestFirst: readonly JournalEntry[], invocationId: string, atMost: number): RunLines {
  const entries = newestFirst.toReversed()
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

/** Without the records that only a query for evidence returns: they are not what the run wrote. */
export function withoutRecords(entries: readonly JournalEntry[]): readonly JournalEntry[] {
  return entries.filter(
    (entry) =>
      entry['_TRANSPORT'] !== 'kernel' &&
      entry['MESSAGE_ID'] !== COREDUMP &&
      entry['_SYSTEMD_UNIT'] !== 'systemd-oomd.service',
  )
}

/** The run of each entry, oldest first. */
export function runsOf(entries: readonly JournalEntry[]): readonly (string | null)[] {
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
export function messageOf(field: unknown): string {
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
