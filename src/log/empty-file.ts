// Empties a log file for `gatewatch clear -l FILE`; nothing but a regular file.
import { constants, promises } from 'node:fs'
import { withSafePath } from './safe-path.ts'

/** Does nothing if there is no file. Rejects with a reason that completes the sentence "cannot empty FILE: ...". */
export async function emptyFile(path: string): Promise<void> {
  try {
    // O_NONBLOCK: never waits for the reader of a pipe
    const how = constants.O_WRONLY | constants.O_NONBLOCK
    const handle = await withSafePath(path, (safe, flags) => promises.open(safe, how | flags))
    try {
      await emptyOpenFile(handle)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

export async function emptyOpenFile(handle: promises.FileHandle): Promise<void> {
  if (!(await handle.stat()).isFile()) throw new Error('it is not a regular file')
  await handle.truncate(0)
}
