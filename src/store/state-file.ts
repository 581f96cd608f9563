// Finds and reads the state file: the configured one, or `.v1` beside it if a newer gatewatch wrote the configured one.
import type { Fs } from './file/fs.ts'
import { readContent } from './file/paths.ts'
import { MAJOR } from './format/page.ts'
import { type RecoveredFile, recover } from './recovery.ts'

interface StateFile {
  readonly path: string
  readonly file: RecoveredFile
  /** True if the file does not exist or has no bytes. */
  readonly empty: boolean
  /** Why the file cannot be read; null if it can. */
  readonly error: unknown
  /** Major format version of the configured file if it is too new for this agent; null if it is not. */
  readonly newerMajor: number | null
}

export async function readStateFile(fs: Fs, configuredPath: string): Promise<StateFile> {
  const first = await readAt(fs, configuredPath)
  const { newerMajor } = first.file.summary
  return { ...(newerMajor === null ? first : await readAt(fs, `${configuredPath}.v${MAJOR}`)), newerMajor }
}

async function readAt(fs: Fs, path: string): Promise<Omit<StateFile, 'newerMajor'>> {
  const content = await readContent(fs, path)
  if ('error' in content) return { path, file: recover(new Uint8Array()), empty: true, error: content.error }
  return { path, file: recover(content.bytes), empty: content.bytes.length === 0, error: null }
}
