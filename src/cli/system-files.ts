// Reads, writes and removes unit files and the configuration file. A failure becomes a ControlError with its reason.
import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ControlError } from '../core/command.ts'

/** Null if there is no such file; throws if it cannot be read. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Writes a new file and the directories above it; never overwrites. */
export function writeNewFile(path: string, text: string): void {
  asControlError(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { flag: 'wx', mode: 0o644 })
  })
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

function asControlError(path: string, change: () => void): void {
  try {
    change()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new ControlError('unit_exists', `${path} already exists; nothing was changed`)
    if (code === 'EACCES' || code === 'EPERM')
      throw new ControlError('denied', `cannot write ${path}: permission denied; run this as root (sudo)`)
    throw new ControlError('refused', `cannot write ${path}: ${message}`, { cause: error })
  }
}
