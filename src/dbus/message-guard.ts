// Filters the byte stream in front of dbus-next: passes only complete, valid, wanted messages and contains its exceptions.
import type { Socket } from 'node:net'
import { messageOf } from '../core/error-text.ts'
import { bytesToCome, FIXED_BYTES, headerOf, type MessageHeader } from './message-header.ts'

/** D-Bus allows 128 MiB; systemd's largest replies (thousands of units) stay below 2 MiB. */
const LARGEST_MESSAGE_BYTES = 16 << 20
/** Each line that the bus daemon sends during authentication is shorter than 100 bytes. */
const LONGEST_HANDSHAKE_BYTES = 4096

export interface MessageFilter {
  /** Whether this message is wanted; otherwise it is dropped without reading its body. */
  admit(head: MessageHeader): boolean
  /** Decodes the message instead of dbus-next, or returns false to leave it to dbus-next. If it throws, the stream is given up. */
  read(head: MessageHeader, rest: Buffer): boolean
  /** The stream is corrupt: no more messages are passed on. May be called more than once. */
  giveUp(reason: string): void
  /** One message was dropped as malformed; the stream continues. */
  malformed(reason: string): void
}

/**
 * Replaces `read` and `on` of a newly created `socket`. dbus-next 0.10.2 reads the handshake byte by byte, then each
 * message as `read(16)` and `read(rest)`, in a `readable` listener where an exception would end the process.
 */
export function guardSocket(socket: Socket, filter: MessageFilter): void {
  const take = socket.read.bind(socket)
  const on = socket.on.bind(socket)
  let closed = false
  let handshakeBytes = 0
  /** Received and not yet passed on: `buffer` from `at`, then the chunks in `later`. */
  let buffer: Buffer = Buffer.alloc(0)
  let at = 0
  let later: Buffer[] = []
  let laterBytes = 0
  let fixed: Buffer | null = null
  let admitted: Buffer | null = null

  const giveUp = (reason: string): null => {
    closed = true
    filter.giveUp(reason)
    return null
  }

  /** The next bytes of the stream; null until all have arrived. Faster than the socket's own `read(bytes)`. */
  const exactly = (bytes: number): Buffer | null => {
    while (buffer.length - at + laterBytes < bytes) {
      const chunk: Buffer | null = take()
      if (chunk === null) return null
      later.push(chunk)
      laterBytes += chunk.length
    }
    if (buffer.length - at < bytes) {
      const rest = buffer.subarray(at)
      buffer = rest.length === 0 && later.length === 1 ? (later[0] as Buffer) : Buffer.concat([rest, ...later])
      at = 0
      later = []
      laterBytes = 0
    }
    at += bytes
    return buffer.subarray(at - bytes, at)
  }

  /** Returns the fixed part of the next wanted message and leaves its rest in `admitted`. */
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
      if (!filter.admit(head)) {
        if (closed) return null
        continue
      }
      if (head.fds > 0 || head.signature.includes('h')) {
        filter.malformed('a message carries file descriptors')
        continue
      }
      if (filter.read(head, rest)) continue
      // dbus-next would loop forever on an array of empty structs; a real bus daemon rejects them.
      if (/\(\)|\{\}/.test(head.signature)) return giveUp('a message contains an empty struct')
      admitted = rest
      return first
    }
  }

  socket.read = (size?: number) => {
    if (closed) return null
    if (size === 1) {
      handshakeBytes += 1
      return handshakeBytes > LONGEST_HANDSHAKE_BYTES ? giveUp('the peer does not speak D-Bus') : take(1)
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
    return on(event, Object.assign(contained, { listener }) as () => void) // `listener`, as in `once`, so that `off` can remove it
  }
}
