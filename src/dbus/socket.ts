// The socket of a bus connection: connects, authenticates as the user of this process, then passes on the bytes that arrive.
import { connect } from 'node:net'

/** All reads share a buffer of this size: a buffer of its own for each read costs more than the rest of the reading. */
const READ_BYTES = 64 << 10
/** Each line that the bus daemon sends during authentication is shorter than 100 bytes. */
const LONGEST_HANDSHAKE_BYTES = 4096

interface BusSocketEvents {
  /** Whether the bus has assigned our unique name: before that, it ends the connection of a user that it refuses. */
  readonly isNamed: () => boolean
  /** Bytes of messages, which are overwritten after the call. Must not throw. */
  readonly received: (bytes: Buffer) => void
  /** The connection failed or ended. May be called more than once. */
  readonly lost: (reason: string) => void
}

interface BusSocket {
  /** Resolves when the bus has accepted this user; never if the connection is lost before that. */
  readonly accepted: Promise<void>
  write(bytes: Buffer | string): void
  destroy(): void
}

/** Connects to the socket at `path`; a leading NUL means Linux's abstract namespace. */
export function openBusSocket(path: string, { isNamed, received, lost }: BusSocketEvents): BusSocket {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  let line = ''
  let isAccepted = false
  let accept = () => {}
  const accepted = new Promise<void>((resolve) => {
    accept = resolve
  })

  const authenticate = (bytes: Buffer) => {
    const end = bytes.indexOf('\n') + 1
    line += bytes.toString('latin1', 0, end || bytes.length)
    if (end === 0) {
      if (line.length > LONGEST_HANDSHAKE_BYTES) lost('the peer does not speak D-Bus')
    } else if (line.startsWith('OK ')) {
      isAccepted = true
      accept()
      received(bytes.subarray(end))
    } else lost('authentication failed (is this user allowed to use the bus?)')
  }

  const callback = (bytes: number) => {
    const arrived = buffer.subarray(0, bytes)
    if (isAccepted) received(arrived)
    else authenticate(arrived)
    return true
  }
  const socket = connect({ path, onread: { buffer, callback } })
  socket.on('connect', () => socket.write(`\0AUTH EXTERNAL ${userId()}\r\n`))
  socket.on('error', (error) => lost(reasonOf(error, isNamed())))
  socket.on('end', () => lost(endReason(isNamed())))
  socket.on('close', () => lost('the connection was closed'))
  return { accepted, write: (bytes) => void socket.write(bytes), destroy: () => void socket.destroy() }
}

/** The digits of the user's id, each in hexadecimal (D-Bus specification, "EXTERNAL"). */
function userId(): string {
  return Buffer.from(String(process.getuid?.() ?? 0)).toString('hex')
}

function endReason(named: boolean): string {
  return named
    ? 'the bus closed the connection'
    : 'the bus closed the connection during authentication (is this user allowed to use it?)'
}

function reasonOf(error: NodeJS.ErrnoException, named: boolean): string {
  switch (error.code) {
    case 'ENOENT':
      return 'no such socket'
    case 'ECONNREFUSED':
      return 'connection refused'
    case 'EACCES':
    case 'EPERM':
      return 'permission denied'
    case 'EPIPE':
    case 'ECONNRESET':
      return endReason(named)
    default:
      return error.message
  }
}
