// One entry of the journal, as `journalctl --output=json` prints it: one per line. Pure.
export type JournalEntry = Readonly<Record<string, unknown>>

/** Null for a line that is not a JSON object, such as one that was cut off. */
export function journalEntry(line: string): JournalEntry | null {
  try {
    const entry: unknown = JSON.parse(line)
    return typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? (entry as JournalEntry) : null
  } catch {
    return null
  }
}
