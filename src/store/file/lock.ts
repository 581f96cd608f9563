// The lock of a state file: an abstract unix socket named after the file, which the kernel removes with the process.
import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename, dirname } from 'node:path'
import { sha256 } from '@noble/hashes/sha2.js' // node:crypto would cost memory and start-up time
import { errno } from './fs.ts'

/** Locks `path` and resolves to the function that unlocks it. Rejects if another process holds the lock. */
export type Lock = (path: string) => Promise<() => Promise<void>>

/** A short name for a state file, the same for every process that opens it. */
export function pathHash(path: string): string {
  return Buffer.from(sha256(Buffer.from(path))).toString('hex', 0, 16)
}

/**
 * Node has no flock(2); an abstract socket (unix(7)) leaves no stale lock behind. On a system without abstract sockets, no
 * lock is taken. All containers of one network namespace share these names, and may see the same directory under
 * different paths, or different directories under the same path. So the name is derived from device and inode.
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

/** The same for every path to one file or device, and different for any other. */
function identity(path: string): string {
  try {
    const at = statSync(path, { throwIfNoEntry: false })
    if (at?.isBlockDevice()) return `device ${at.rdev}`
    const { dev, ino } = statSync(dirname(path))
    return `${dev}:${ino}/${basename(path)}`
  } catch {
    return path // without a directory there is no other agent in it
  }
}
