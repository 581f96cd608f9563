// The copy of the last configuration file without problems, in the state directory, readable only for the agent: such a
// file can contain passwords.
import { constants, promises } from 'node:fs'
import { dirname } from 'node:path'
import type { Paths } from '../../config/paths.ts'
import type { Env } from '../../ports.ts'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants
const { mkdir, open, rename, rm } = promises
type FileHandle = promises.FileHandle
const NAME = 'last-good-config.json'
const OUTDATED = '// A later version had problems and opened something else, so this one is used for watching only.\n'

export interface LastGood {
  /** The whole copy, which begins with a comment of ours, and the text of the configuration file in it. */
  readonly text: string
  readonly body: string
  /** A later file, which had a problem and is not kept, opened something else or protected it differently. */
  readonly outdated: boolean
}

export interface LastGoodFile {
  readonly path: string
  /** Null if there is none of this configuration file, or if it cannot be trusted. */
  read(): Promise<LastGood | null>
  /** Replaces the copy atomically if it differs; rejects if that is not possible. */
  write(body: string, outdated: boolean): Promise<void>
}

/** Independent of the configuration file, which can set `persistence_file`. `$STATE_DIRECTORY`: systemd.exec(5). */
export function stateDirectory(env: Env, paths: Paths): string {
  return env['STATE_DIRECTORY']?.split(':')[0] || dirname(paths.stateFile)
}

/** `of`: the path of the configuration file. A copy of another file is not used. */
export function createLastGoodFile(directory: string, of: string, uid: number): LastGoodFile {
  const path = `${directory}/${NAME}`
  const head = `// The last version of ${of} without problems. gatewatch uses it while that file is lost.\n`

  const readAll = async (): Promise<string | null> => {
    const file = await open(path, O_RDONLY | O_NOFOLLOW).catch(() => null)
    try {
      const stat = await file?.stat()
      return file && stat?.isFile() && (stat.uid === uid || stat.uid === 0) ? await file.readFile('utf8') : null
    } catch {
      return null
    } finally {
      await file?.close()
    }
  }

  return {
    path,
    async read() {
      const text = await readAll()
      if (text === null || !text.startsWith(head)) return null
      const outdated = text.startsWith(head + OUTDATED)
      return { text, body: text.slice(head.length + (outdated ? OUTDATED.length : 0)), outdated }
    },
    async write(body, outdated) {
      // A byte order mark is only ignored at the beginning.
      const whole = `${head}${outdated ? OUTDATED : ''}${body.replace(/^\uFEFF/, '')}`
      if (whole === (await readAll())) return
      const draft = `${path}.new`
      await mkdir(directory, { recursive: true })
      await rm(draft, { force: true })
      await using(await open(draft, O_WRONLY | O_CREAT | O_EXCL, 0o600), async (file) => {
        await file.writeFile(whole)
        await file.sync()
      })
      await rename(draft, path)
      await using(await open(directory, O_RDONLY), (file) => file.sync())
    },
  }
}

async function using(file: FileHandle, work: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await work(file)
  } finally {
    await file.close()
  }
}
