// An append-only file of lines, rotated by size or by another program. A full or failing disk costs lines and never stops the
// program.
import { constants, promises } from 'node:fs'
import { messageOf } from '../core/error-text.ts'
import { emptyOpenFile } from './empty-file.ts'
import { createLineQueue, type Line, textOf } from './line-queue.ts'
import { withSafePath } from './safe-path.ts'

const { open, rename, rm, stat } = promises
type FileHandle = promises.FileHandle

export interface RotatingFile {
  /** Queues a line (without its line end) and returns at once; `lost` is called if it cannot be written. Never throws. */
  append(line: string, lost?: () => void): void
  /** Lines that were lost: the disk refused them, or the queue was full. */
  dropped(): number
  /** Why the last line could not be written, or the file not be opened; null if it works. */
  problem(): string | null
  /** Opens the file at the path once more, or creates it: another program may have moved the open one away. */
  reopen(): void
  /** Empties the file, and what is appended until then. Rejects if it cannot be emptied, or is not a regular file. */
  clear(): Promise<void>
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

const APPEND = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR

interface OpenFile {
  readonly handle: FileHandle
  readonly dev: number
  readonly ino: number
  /** Size before the next write. */
  readonly bytes: number
}

/** Opens the file at once, so that `problem` reports early that it cannot be written. */
export function openRotatingFile({ path, limits, onProblem }: RotatingFileOptions): RotatingFile {
  const queue = createLineQueue()
  let dropped = 0
  let problem: string | null = null
  let file: OpenFile | null = null
  let mustOpen = false
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

  const drop = (lines: readonly Line[]) => {
    dropped += lines.length
    for (const { lost } of lines) lost()
  }

  const close = async () => {
    await file?.handle.close().catch(() => {})
    file = null
  }

  const drain = async () => {
    for (let next = queue.first(); next || mustOpen; next = queue.first()) {
      let lines: Line[] = []
      try {
        mustOpen = false
        file = await openAt(path, file)
        if (next) {
          const { maxBytes, backups } = limits()
          if (file.bytes > 0 && file.bytes + Buffer.byteLength(next.text) > maxBytes) {
            await close()
            mostBackups = Math.max(mostBackups, backups)
            await withSafePath(path, (safe) => rotate(safe, backups, mostBackups))
            file = await openAt(path, null)
          }
          lines = queue.take(maxBytes - file.bytes)
          await file.handle.appendFile(textOf(lines))
        }
        report(null)
      } catch (error) {
        const written = lines.length === 0 || file === null ? 0 : await cutTornLine(file, textOf(lines))
        if (next && lines.length === 0) lines = queue.take(0)
        report((error as NodeJS.ErrnoException).code ?? messageOf(error))
        drop(lines.slice(written))
        await close()
      }
    }
  }

  const startDraining = () => {
    if (draining) return
    draining = true
    drained = drain().finally(() => {
      draining = false
    })
  }

  const reopen = () => {
    if (stopped) return
    mustOpen = true
    startDraining()
  }

  const flush = async () => {
    while (draining) await drained
  }

  const clear = async () => {
    while (draining) await drained
    draining = true
    const cleared = openAt(path, file).then(async (open) => {
      file = open
      await emptyOpenFile(open.handle)
    })
    drained = cleared
      .catch(() => {})
      .finally(() => {
        draining = false
        if (queue.first() || mustOpen) startDraining()
      })
    await cleared
  }

  reopen()
  return {
    append(text, lost = () => {}) {
      const line = { text: `${text}\n`, lost }
      if (!stopped && queue.push(line)) startDraining()
      else drop([line])
    },
    reopen,
    dropped: () => dropped,
    problem: () => problem,
    clear,
    flush,
    async stop() {
      stopped = true
      await flush()
      await close()
    },
  }
}

/**
 * The file at the path with its size of now: `file` if that is the one, else it is opened. logrotate(8) moves the file away,
 * or copies it and makes it empty.
 */
async function openAt(path: string, file: OpenFile | null): Promise<OpenFile> {
  if (file === null) return await openForAppend(path)
  const there = await stat(path).catch(() => null)
  if (there?.ino === file.ino && there.dev === file.dev) return { ...file, bytes: there.size }
  await file.handle.close().catch(() => {})
  return await openForAppend(path)
}

/** Ends a line that a power loss left incomplete, so that the next line is not appended to it. */
async function openForAppend(path: string): Promise<OpenFile> {
  const handle = await withSafePath(path, (safe, flags) => open(safe, APPEND | flags, 0o640))
  try {
    const stats = await handle.stat()
    // a write to a full pipe would never end
    if (stats.isFIFO()) throw new Error('it is a named pipe')
    let bytes = stats.size
    const last = new Uint8Array(1)
    if (bytes > 0 && (await handle.read(last, 0, 1, bytes - 1)).bytesRead === 1 && last[0] !== 0x0a) {
      await handle.appendFile('\n')
      bytes++
    }
    return { handle, dev: stats.dev, ino: stats.ino, bytes }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** After a full disk took only a part of `batch`: removes the incomplete line. Returns the number of complete ones. */
async function cutTornLine({ handle, bytes }: OpenFile, batch: string): Promise<number> {
  try {
    const written = Buffer.from(batch).subarray(0, Math.max(0, (await handle.stat()).size - bytes))
    const complete = written.lastIndexOf(0x0a) + 1
    if (written.length > complete) await handle.truncate(bytes + complete)
    return written.subarray(0, complete).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 0)
  } catch {
    return 0 // the incomplete line is ended when the file is opened again
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
