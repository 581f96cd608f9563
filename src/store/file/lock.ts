// One writer a state file: an abstract unix socket named after it, which the kernel drops with the process.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename, dirname } from 'node:path'
import { errno } from './fs.ts'

/** Takes the lock of `path` and resolves to what releases it. Rejects where another process has it. */
export type Lock = (path: string) => Promise<() => Promise<void>>

/** Short name of a state file, for what must be found again by whoever opens the same one. */
export function pathHash(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 32)
}

/**
 * Node has no flock(2); an abstract socket (unix(7)) leaves nothing stale. Where there are none, no lock is taken. The
 * names are those of a network namespace: so it is the directory itself that counts, by device and inode, not its path,
 * which may be another one in another container.
 */
export const socketLock: Lock = (path) =>
  new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy())
    server.once('error', (error) => {
      if (errno(error) === 'EADDRINUSE') {
        reject(new Error(`another gatewatch is already running with this state file: ${path}`))
      } else resolve(async () => {})
    })
    server.listen(`\0gatewatch-${pathHash(identity(path))}`, () => {
      server.unref()
      resolve(() => new Promise((closed) => server.close(() => closed())))
    })
  })

/** The same for every name of one file, and of no other file. */
function identity(path: string): string {
  try {
    const { dev, ino } = statSync(dirname(path))
    return `${dev}:${ino}/${basename(path)}`
  } catch {
    return path // there is no directory, and so no other agent in it
  }
}
