// Finds and reads the state file: the configured one, or `.v1` beside it if a newer gatewatch wrote the configured one. A
// partition has nothing beside it.
import type { Fs } from './file/fs.ts'
import { isOnDevice, readContent } from './file/paths.ts'
import { MAJOR } from './format/page.ts'
import { NO_PAGES, type RecoveredFile, recover } from './recovery.ts'

interface StateFile {
  readonly path: string
  readonly file: RecoveredFile
  /** False for a partition that was prepared and never used, too. */
  readonly exists: boolean
  /** True if the file exists and has no bytes, or only zeros. */
  readonly empty: boolean
  /** Why the file cannot be read; null if it can. */
  readonly error: unknown
  /** Major format version of the configured file if it is too new for this agent, so that another is used; null if it is not. */
  readonly newerMajor: number | null
  readonly onDevice: boolean
}

export async function readStateFile(fs: Fs, configuredPath: string): Promise<StateFile> {
  const onDevice = await isOnDevice(fs, configuredPath)
  const first = await readAt(fs, configuredPath)
  const { newerMajor } = first.file.summary
  if (onDevice) return { ...first, file: newerMajor === null ? first.file : NO_PAGES, newerMajor: null, onDevice }
  return { ...(newerMajor === null ? first : await readAt(fs, `${configuredPath}.v${MAJOR}`)), newerMajor, onDevice }
}

async function readAt(fs: Fs, path: string): Promise<Omit<StateFile, 'newerMajor' | 'onDevice'>> {
  const content = await readContent(fs, path)
  if ('error' in content) return { path, file: NO_PAGES, exists: true, empty: false, error: content.error }
  const { bytes } = content
  if (bytes === null) return { path, file: NO_PAGES, exists: false, empty: false, error: null }
  const file = recover(bytes)
  const empty = file.state === null && bytes.every((byte) => byte === 0)
  return { path, file, exists: !file.unused, empty, error: null }
}
