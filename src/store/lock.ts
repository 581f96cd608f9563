// One writer a state file: an abstract unix socket named after its path, which the kernel drops with the process.
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { errno } from './fs.ts'

/** Takes the lock of `path` and resolves to what releases it. Rejects where another process has it. */
export type Lock = (path: string) => Promise<() => Promise<void>>

/** Short name of a state file, for what must be found again by whoever opens the same one. */
export function pathHash(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 32)
}

/** Node has no flock(2); an abstract socket (unix(7)) leaves nothing stale. Where there are none, no lock is taken. */
export const socketLock: Lock = (path) =>
  new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy())
    server.once('error', (error) => {
      if (errno(error) === 'EADDRINUSE') {
        reject(new Error(`another gatewatch is already running with this state file: ${path}`))
      } else resolve(async () => {})
    })
    server.listen(`\0gatewatch-${pathHash(path)}`, () => {
      server.unref()
      resolve(() => new Promise((closed) => server.close(() => closed())))
    })
  })
