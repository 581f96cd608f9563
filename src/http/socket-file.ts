// The file of the local socket: replaces a stale one, refuses one in use, and limits access to owner and group.
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'

/** `sockaddr_un.sun_path` holds 108 bytes including the terminating null byte (unix(7)). */
const PATH_BYTES_AT_MOST = 107

/** Removes a stale socket at `path`. Throws if the path cannot be used, or if another process is listening on it. */
export async function prepareSocketFile(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path)
  if (bytes > PATH_BYTES_AT_MOST) {
    throw new Error(`socket path is too long (${bytes} bytes, the kernel allows ${PATH_BYTES_AT_MOST}): ${path}`)
  }
  mkdirIfPossible(dirname(path))
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket`)
  if (await isServed(path)) throw new Error(`another gatewatch is listening on ${path}`)
  rmSync(path, { force: true })
}

/** 0660. Until this call the umask decides; connecting needs write permission, which 022 denies to others. */
export function restrictSocketFile(path: string): void {
  chmodSync(path, 0o660)
}

/** For a service, systemd creates it (RuntimeDirectory=). If it cannot be created here, bind(2) reports that. */
function mkdirIfPossible(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 })
  } catch {}
}

/** Only these two errors prove that no process is listening; after any other error the file is kept. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')
    })
  })
}
