// Stands between a bus socket and dbus-next's reader: only whole, sane and wanted messages get through, and no throw gets out.
import type { Socket } from 'node:net'
import { messageOf } from '../core/error-text.ts'
import { bytesToCome, FIXED_BYTES, headerOf, type MessageHeader } from './message-header.ts'

/** D-Bus allows 128 MiB; systemd's largest answers (thousands of units) stay below 2 MiB. */
const LARGEST_MESSAGE_BYTES = 16 << 20
/** The daemon's lines in the authentication are below 100 bytes. */
const LONGEST_HANDSHAKE_BYTES = 4096

export interface MessageFilter {
  /** Whether dbus-next shall decode this message; it is dropped unread otherwise. */
  admit(head: MessageHeader): boolean
  /** Reads the message itself, instead of dbus-next; false where it does not. What it throws gives the stream up. */
  read(head: MessageHeader, rest: Buffer): boolean
  /** The stream cannot be trusted any more. Called once or more; nothing is handed on afterwards. */
  giveUp(reason: string): void
  /** One message was dropped as unreadable; the stream goes on. */
  malformed(reason: string): void
}

/**
 * Guards `socket` from the moment it is made. dbus-next 0.10.2 reads its handshake byte by byte, then each message as
 * `read(16)` and `read(rest)` in a `readable` listener that nothing protects: a throw in there would end the process.
 */
export function guardSocket(socket: Socket, keeper: MessageFilter): void {
  const take = socket.read.bind(socket)
  const on = socket.on.bind(socket)
  let closed = false
  let spoken = 0
  /** What the socket gave: `held` from `at` on, then `later`. */
  let held: Buffer = Buffer.alloc(0)
  let at = 0
  let later: Buffer[] = []
  let laterBytes = 0
  let fixed: Buffer | null = null
  let admitted: Buffer | null = null

  const giveUp = (reason: string): null => {
    closed = true
    keeper.giveUp(reason)
    return null
  }

  /** The next bytes of the stream; null while they are not all there. The socket's own `read(bytes)` takes longer. */
  const exactly = (bytes: number): Buffer | null => {
    while (held.length - at + laterBytes < bytes) {
      const chunk: Buffer | null = take()
      if (chunk === null) return null
      later.push(chunk)
      laterBytes += chunk.length
    }
    if (held.length - at < bytes) {
      const rest = held.subarray(at)
      held = rest.length === 0 && later.length === 1 ? (later[0] as Buffer) : Buffer.concat([rest, ...later])
      at = 0
      later = []
      laterBytes = 0
    }
    at += bytes
    return held.subarray(at - bytes, at)
  }

  /** The fixed part of the next wanted message; its rest then waits in `admitted`. */
  const nextMessage = (): Buffer | null => {
    for (;;) {
      fixed ??= exactly(FIXED_BYTES)
      if (fixed === null) return null
      const bytes = bytesToCome(fixed, LARGEST_MESSAGE_BYTES)
      if (typeof bytes === 'string') return giveUp(bytes)
      const rest = exactly(bytes)
      if (rest === null) return null
      const first = fixed
      fixed = null
      const head = headerOf(first, rest)
      if (typeof head === 'string') return giveUp(head)
      if (!keeper.admit(head)) {
        if (closed) return null
        continue
      }
      if (head.fds > 0 || head.signature.includes('h')) {
        keeper.malformed('it carries file descriptors')
        continue
      }
      if (keeper.read(head, rest)) continue
      // dbus-next reads an array of such elements for ever; a real daemon lets none through.
      if (/\(\)|\{\}/.test(head.signature)) return giveUp('a message has an empty structure')
      admitted = rest
      return first
    }
  }

  socket.read = (size?: number) => {
    if (closed) return null
    if (size === 1) {
      spoken += 1
      return spoken > LONGEST_HANDSHAKE_BYTES ? giveUp('it does not speak D-Bus') : take(1)
    }
    if (admitted === null) return nextMessage()
    const rest = admitted
    admitted = null
    return rest
  }

  socket.on = (event: string, listener: (...args: never[]) => void) => {
    if (event !== 'readable') return on(event, listener as () => void)
    const contained = (...args: never[]) => {
      try {
        listener(...args)
      } catch (error) {
        giveUp(`a message could not be decoded (${messageOf(error)})`)
      }
    }
    return on(event, Object.assign(contained, { listener }) as () => void) // `listener`: as `once` does it, so that it can be removed
  }
}
