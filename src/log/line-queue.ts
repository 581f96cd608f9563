// The queue of a log file: lines that are not written yet, up to a number of bytes.

const QUEUE_AT_MOST_BYTES = 1_048_576
const WRITE_AT_MOST_BYTES = 65_536

/** A line with its line end. */
export interface Line {
  readonly text: string
  /** Called if it cannot be written. */
  readonly lost: () => void
}

export function textOf(lines: readonly Line[]): string {
  return lines.map(({ text }) => text).join('')
}

/** The lines that are not written yet. */
export function createLineQueue() {
  const lines: Line[] = []
  let queuedBytes = 0
  return {
    first: (): Line | undefined => lines[0],
    /** False if there is no room for the line. */
    push(line: Line): boolean {
      const bytes = Buffer.byteLength(line.text)
      if (queuedBytes + bytes > QUEUE_AT_MOST_BYTES) return false
      lines.push(line)
      queuedBytes += bytes
      return true
    },
    /** As many lines as fit into one write and into `room`; at least one. */
    take(room: number): Line[] {
      const taken: Line[] = []
      let bytes = 0
      for (let next = lines[0]; next; next = lines[0]) {
        const more = Buffer.byteLength(next.text)
        if (taken.length > 0 && bytes + more > Math.min(room, WRITE_AT_MOST_BYTES)) break
        taken.push(next)
        bytes += more
        lines.shift()
      }
      queuedBytes -= bytes
      return taken
    },
  }
}
