// What journalctl is asked for of one run, and what is taken from its answer. Pure.

/** A line that is longer is cut. */
export const LINE_AT_MOST_BYTES = 1024
/** Of all lines together the newest that fit: a message on MQTT carries them, and a queue holds such messages. */
export const LINES_AT_MOST_BYTES = 8192

/** systemd's own words on a run come on top of the run's: started, exited, failed, and the like. */
const WORDS_OF_SYSTEMD = 8
/** systemd's messages that a run is over (`journalctl --list-catalog`): process exited, failed, ended well. */
const OVER: ReadonlySet<unknown> = new Set([
  '98e322203f7a4ed290d09fe03c09fe15',
  'd9b373ed55a64feb8242e02dbe79a49c',
  '7ad2d189f7e94e70a38c781354912448',
])

export interface Answer {
  /** What the run itself wrote, oldest first. */
  readonly lines: readonly string[]
  /** systemd's word of the run's end is in the journal: so is what the run wrote before it. */
  readonly over: boolean
}

/**
 * For the last `lines` messages of the run, newest first. The journal notes the invocation of each sender itself
 * (systemd.journal-fields(7)), but for one that died before it was looked at: those are found by what root's processes
 * say of themselves, which is also how systemd names the run. Readable for members of the group systemd-journal.
 */
export function journalArguments(invocationId: string, lines: number): readonly string[] {
  return [
    ...['--no-pager', '--output=json', '--all', '--output-fields=MESSAGE,MESSAGE_ID,_PID'],
    ...['--reverse', `--lines=${lines + WORDS_OF_SYSTEMD}`],
    ...[`_SYSTEMD_INVOCATION_ID=${invocationId}`, '+', `INVOCATION_ID=${invocationId}`, '_UID=0'],
  ]
}

/** Reads journalctl's JSON, newest first; a last line that was cut off is left out. */
export function readAnswer(text: string, atMost: number): Answer {
  const lines: string[] = []
  let over = false
  let bytes = 0
  for (const json of text.split('\n')) {
    const entry = entryOf(json)
    if (entry === null) continue
    if (entry['_PID'] === '1') {
      over ||= OVER.has(entry['MESSAGE_ID'])
      continue
    }
    const line = cut(messageOf(entry['MESSAGE']))
    bytes += Buffer.byteLength(line)
    if (lines.length < atMost && bytes <= LINES_AT_MOST_BYTES) lines.push(line)
  }
  return { lines: lines.reverse(), over }
}

function entryOf(json: string): Readonly<Record<string, unknown>> | null {
  try {
    const entry: unknown = JSON.parse(json)
    return typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>) : null
  } catch {
    return null
  }
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
