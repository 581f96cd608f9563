// Which file holds the state, and what is in it: the one asked for, or one beside it where a newer version wrote that.
import type { Fs } from './file/fs.ts'
import { readContent } from './file/paths.ts'
import { MAJOR } from './format/page.ts'
import { type RecoveredFile, recover } from './recovery.ts'

interface StateFile {
  readonly path: string
  readonly file: RecoveredFile
  /** There is no file, or one without a byte. */
  readonly empty: boolean
  /** Why it cannot be read, null where it can. */
  readonly error: unknown
  /** Format of the file asked for, where this agent cannot read it and so uses another one. */
  readonly newerMajor: number | null
}

export async function readStateFile(fs: Fs, asked: string): Promise<StateFile> {
  const first = await readAt(fs, asked)
  const { newerMajor } = first.file.summary
  return { ...(newerMajor === null ? first : await readAt(fs, `${asked}.v${MAJOR}`)), newerMajor }
}

async function readAt(fs: Fs, path: string): Promise<Omit<StateFile, 'newerMajor'>> {
  const content = await readContent(fs, path)
  if ('error' in content) return { path, file: recover(new Uint8Array()), empty: true, error: content.error }
  return { path, file: recover(content.bytes), empty: content.bytes.length === 0, error: null }
}
