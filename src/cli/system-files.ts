// Reads, writes and removes unit files and the configuration file. A failure becomes a ControlError with its reason.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ControlError } from '../core/command.ts'
import { fileReason } from '../core/error-text.ts'

/** Null if there is no such file; throws if it cannot be read. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/**
 * Writes a new file and the directories above it; never overwrites. Returns the function that removes what was made. If it
 * throws, nothing is left.
 */
export function writeNewFile(path: string, text: string): () => void {
  const directory = dirname(path)
  const made = asControlError(path, () => mkdirSync(directory, { recursive: true }))
  const removeDirectories = () => {
    for (let one = directory; made !== undefined && one.startsWith(made); one = dirname(one)) rmdirSync(one)
  }
  const undo = () => {
    rmSync(path, { force: true })
    ignoringErrors(removeDirectories) // ends at a directory that contains something else
  }
  asControlError(path, () => {
    const fd = openSync(path, 'wx', 0o644)
    try {
      writeFileSync(fd, text)
    } catch (error) {
      ignoringErrors(undo)
      throw error
    } finally {
      closeSync(fd)
    }
  })
  return undo
}

function ignoringErrors(work: () => void): void {
  try {
    work()
  } catch {}
}

/** False if the user is unknown here; true for a number, which systemd accepts without an entry. */
export function userExists(user: string): boolean {
  return /^\d+$/.test(user) || spawnSync('id', ['-u', user], { stdio: 'ignore' }).status !== 1
}

/** Replaces the file atomically and keeps its owner and mode. A link at the name of the new file is not followed. */
export function replaceFile(path: string, text: string): void {
  asControlError(path, () => {
    const next = `${path}.new`
    mkdirSync(dirname(path), { recursive: true })
    rmSync(next, { force: true })
    writeFileSync(next, text, { flag: 'wx' })
    const before = statSync(path, { throwIfNoEntry: false })
    if (before) {
      chmodSync(next, before.mode & 0o7777)
      chownSync(next, before.uid, before.gid)
    }
    renameSync(next, path)
  })
}

export function removeFile(path: string): void {
  asControlError(path, () => rmSync(path))
}

function asControlError<T>(path: string, change: () => T): T {
  try {
    return change()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new ControlError('unit_exists', `${path} already exists; nothing was changed`)
    if (code === 'EACCES' || code === 'EPERM')
      throw new ControlError('denied', `cannot write ${path}: permission denied; run this as root (sudo)`)
    throw new ControlError('refused', `cannot write ${path}: ${fileReason(error)}`, { cause: error })
  }
}
