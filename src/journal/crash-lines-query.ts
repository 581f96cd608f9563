// What journalctl is asked for of one run, and what is taken from its answer. Pure.
import { ENDED_WELL, FAILED, PROCESS_EXIT } from './message-ids.ts'

/** A line that is longer is cut. */
export const LINE_AT_MOST_BYTES = 1024
/** Of all lines together the newest that fit: a message on MQTT carries them, and a queue holds such messages. */
export const LINES_AT_MOST_BYTES = 8192

/** systemd's own words on a run come on top of the run's: started, exited, failed, and the like. */
const WORDS_OF_SYSTEMD = 8
/** By its unit, the answer may begin with a run that came after. */
const OF_LATER_RUNS = 64
/** systemd's messages that a run is over. */
const OVER: ReadonlySet<unknown> = new Set([PROCESS_EXIT, FAILED, ENDED_WELL])
const FIELDS = 'MESSAGE,MESSAGE_ID,_PID,_UID,INVOCATION_ID,_SYSTEMD_INVOCATION_ID'

export interface RunLines {
  /** What the run itself wrote, oldest first. */
  readonly lines: readonly string[]
  /** systemd's word of the run's end is in the journal: so is what the run wrote before it. */
  readonly over: boolean
}

/**
 * For the last `lines` messages of the run, newest first. The journal notes the invocation of each sender
 * (systemd.journal-fields(7)), and root's processes say it of themselves: systemd, and what it becomes to start a
 * program. Readable for members of the group systemd-journal.
 */
export function argsForRun(invocationId: string, lines: number): readonly string[] {
  const matches = [`_SYSTEMD_INVOCATION_ID=${invocationId}`, '+', `INVOCATION_ID=${invocationId}`, '_UID=0']
  return [...newestFirst(lines + WORDS_OF_SYSTEMD), ...matches]
}

/**
 * For the last messages of the unit. journald looks a sender up when it reads its message: of a process that is gone by
 * then it knows the unit, from the stream, but not the run.
 */
export function argsForUnit(unit: string, lines: number): readonly string[] {
  return [...newestFirst(lines + OF_LATER_RUNS), `_SYSTEMD_UNIT=${unit}`, '+', `UNIT=${unit}`, '_PID=1']
}

function newestFirst(entries: number): readonly string[] {
  return ['--no-pager', '--output=json', '--all', `--output-fields=${FIELDS}`, '--reverse', `--lines=${entries}`]
}

/**
 * Reads journalctl's JSON, newest first; a last line that was cut off is left out. A message of an unknown run belongs
 * to the run that was spoken of next to it, before or after: journald takes up words of systemd and of the run from
 * two sockets, within milliseconds and in any order, while runs are at least RestartSec= apart.
 */
export function runLinesOf(text: string, invocationId: string, atMost: number): RunLines {
  const entries = text.split('\n').flatMap(entryOf).reverse()
  const runs = runsOf(entries)
  const lines: string[] = []
  let over = false
  for (const [i, entry] of entries.entries()) {
    if (runs[i] !== invocationId) continue
    if (entry['_PID'] === '1') over ||= OVER.has(entry['MESSAGE_ID'])
    else lines.push(cut(messageOf(entry['MESSAGE'])))
  }
  return { lines: newestThatFit(lines, atMost), over }
}

type JournalEntry = Readonly<Record<string, unknown>>

function entryOf(json: string): JournalEntry[] {
  try {
    const entry: unknown = JSON.parse(json)
    return typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? [entry as JournalEntry] : []
  } catch {
    return []
  }
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

/** When journald took it up, in us. */
function timeOf(entry: JournalEntry): number {
  return Number(entry['__MONOTONIC_TIMESTAMP'])
}

/** What a process says of itself counts from root only. */
function runOf(entry: JournalEntry): string | null {
  const run = entry['_SYSTEMD_INVOCATION_ID'] ?? (entry['_UID'] === '0' ? entry['INVOCATION_ID'] : null)
  return typeof run === 'string' ? run : null
}

/** Text; bytes where it is no text; several where the field came more than once. */
function messageOf(field: unknown): string {
  if (typeof field === 'string') return field
  if (!Array.isArray(field)) return ''
  if (field.every((byte) => typeof byte === 'number')) return Buffer.from(field).toString('utf8')
  return field.map(messageOf).join(' ')
}

/** At most so many bytes, the mark of the cut included, and no half character. */
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
