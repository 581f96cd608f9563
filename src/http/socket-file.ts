// The file of the local socket: a stale one goes, a living one stays, and only owner and group may use it.
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'

/** `sockaddr_un.sun_path` holds 108 bytes with its final zero (unix(7)). */
const PATH_BYTES_AT_MOST = 107

/** Makes room for a socket at `path`. Throws when the path cannot be one, or when somebody answers there. */
export async function prepareSocketFile(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path)
  if (bytes > PATH_BYTES_AT_MOST) {
    throw new Error(`socket path of ${bytes} bytes is too long, the kernel takes ${PATH_BYTES_AT_MOST}: ${path}`)
  }
  mkdirIfPossible(dirname(path))
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`${path} exists and is no socket`)
  if (await answers(path)) throw new Error(`another gatewatch answers on ${path}`)
  rmSync(path, { force: true })
}

/** 0660. Between bind(2) and this, the umask decides; connecting needs the right to write, which 022 keeps from others. */
export function restrictSocketFile(path: string): void {
  chmodSync(path, 0o660)
}

/** As a service systemd has made it (RuntimeDirectory=); where it is missing and cannot be made, bind(2) says so. */
function mkdirIfPossible(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 })
  } catch {}
}

/** Only a refusal proves that nobody listens. */
function answers(path: string): Promise<boolean> {
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
