// An append-only file of lines, rotated by size. A full or failing disk costs lines and never stops the program.
import { constants, promises } from 'node:fs'

const { open, rename, rm } = promises
type FileHandle = promises.FileHandle

export interface RotatingFile {
  /** Queues a line (without its line end) and returns at once. Never throws. */
  append(line: string): void
  /** Lines that were lost: the disk refused them, or the queue was full. */
  dropped(): number
  /** Why the last line could not be written; null if it was written. */
  problem(): string | null
  /** Resolves when every queued line is written or lost. */
  flush(): Promise<void>
  stop(): Promise<void>
}

export interface RotationLimits {
  /** The file never grows above this, except by one line that is longer. */
  readonly maxBytes: number
  /** `path.1` (newest) to `path.N`; 0 keeps none. */
  readonly backups: number
}

interface RotatingFileOptions {
  readonly path: string
  /** Called for each write, so that they may change while the file is open. */
  readonly limits: () => RotationLimits
  /** Called once when writing begins to fail, with the reason, and with null once it works again. */
  readonly onProblem: (problem: string | null) => void
}

const QUEUE_AT_MOST_BYTES = 1_048_576
const WRITE_AT_MOST_BYTES = 65_536

export function openRotatingFile({ path, limits, onProblem }: RotatingFileOptions): RotatingFile {
  const queue: string[] = []
  let queuedBytes = 0
  let dropped = 0
  let problem: string | null = null
  let file: { readonly handle: FileHandle; bytes: number } | null = null
  let draining = false
  let drained = Promise.resolve()
  let stopped = false
  /** The largest number of backups that this file has had while open. */
  let mostBackups = 0

  const report = (now: string | null) => {
    if (now === problem) return
    problem = now
    onProblem(now)
  }

  /** As many lines as fit into one write and into `room`; at least one. */
  const take = (room: number): string[] => {
    const lines: string[] = []
    let bytes = 0
    for (let next = queue[0]; next; next = queue[0]) {
      const more = Buffer.byteLength(next)
      if (lines.length > 0 && bytes + more > Math.min(room, WRITE_AT_MOST_BYTES)) break
      lines.push(next)
      bytes += more
      queue.shift()
    }
    queuedBytes -= bytes
    return lines
  }

  const drain = async () => {
    for (let next = queue[0]; next; next = queue[0]) {
      let lines: string[] = []
      try {
        file ??= await openForAppend(path)
        const { maxBytes, backups } = limits()
        if (file.bytes > 0 && file.bytes + Buffer.byteLength(next) > maxBytes) {
          await file.handle.close()
          file = null
          mostBackups = Math.max(mostBackups, backups)
          await rotate(path, backups, mostBackups)
          file = await openForAppend(path)
        }
        lines = take(maxBytes - file.bytes)
        const batch = lines.join('')
        await file.handle.appendFile(batch)
        file.bytes += Buffer.byteLength(batch)
        report(null)
      } catch (error) {
        if (lines.length === 0) lines = take(0)
        dropped += lines.length
        report((error as NodeJS.ErrnoException).code ?? String(error))
        await file?.handle.close().catch(() => {})
        file = null
      }
    }
  }

  const flush = async () => {
    while (draining) await drained
  }

  return {
    append(line) {
      const text = `${line}\n`
      const bytes = Buffer.byteLength(text)
      if (stopped || queuedBytes + bytes > QUEUE_AT_MOST_BYTES) {
        dropped++
        return
      }
      queue.push(text)
      queuedBytes += bytes
      if (draining) return
      draining = true
      drained = drain().finally(() => {
        draining = false
      })
    },
    dropped: () => dropped,
    problem: () => problem,
    flush,
    async stop() {
      stopped = true
      await flush()
      await file?.handle.close().catch(() => {})
      file = null
    },
  }
}

/** Ends a line that a full disk or a power loss left incomplete, so that the next line is not appended to it. */
async function openForAppend(path: string): Promise<{ handle: FileHandle; bytes: number }> {
  const handle = await open(path, constants.O_APPEND | constants.O_CREAT | constants.O_RDWR, 0o640)
  try {
    let bytes = (await handle.stat()).size
    const last = new Uint8Array(1)
    if (bytes > 0 && (await handle.read(last, 0, 1, bytes - 1)).bytesRead === 1 && last[0] !== 0x0a) {
      await handle.appendFile('\n')
      bytes++
    }
    return { handle, bytes }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function rotate(path: string, backups: number, mostBackups: number): Promise<void> {
  if (backups === 0) await rm(path, { force: true })
  for (let n = backups - 1; n >= 0; n--) {
    await rename(n === 0 ? path : `${path}.${n}`, `${path}.${n + 1}`).catch(ignoreAbsent)
  }
  // After the limit was lowered. Files beyond what this file ever had are not ours.
  for (let n = backups + 1; n <= mostBackups; n++) await rm(`${path}.${n}`, { force: true })
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
