// Filters the byte stream in front of dbus-next: passes only complete, valid, wanted messages and contains its exceptions.
import type { Socket } from 'node:net'
import { messageOf } from '../core/error-text.ts'
import { createByteQueue } from './byte-queue.ts'
import {
  bodyBytes,
  FIXED_BYTES,
  fixedPartProblem,
  headerBytes,
  headerOf,
  type MessageHeader,
} from './message-header.ts'

/** Of a wanted message. D-Bus allows 128 MiB; systemd's largest replies (thousands of units) stay below 2 MiB. */
const LARGEST_MESSAGE_BYTES = 16 << 20
/** D-Bus allows 64 MiB. No peer of ours needs a tenth of this: the fields are a path and a few names. */
const LARGEST_HEADER_BYTES = 64 << 10
/** Each line that the bus daemon sends during authentication is shorter than 100 bytes. */
const LONGEST_HANDSHAKE_BYTES = 4096

export interface MessageFilter {
  /** Whether this message is wanted; otherwise it is skipped, and its body is not kept. Any client can send us one. */
  admit(head: MessageHeader): boolean
  /** Decodes the message instead of dbus-next, or returns false to leave it to dbus-next. If it throws, the stream is given up. */
  read(head: MessageHeader, message: Buffer): boolean
  /** The stream, or a wanted message, is corrupt: no more messages are passed on. May be called more than once. */
  giveUp(reason: string): void
  /** One message was dropped as malformed or too large; the stream continues. */
  malformed(reason: string): void
}

/**
 * Replaces `read` and `on` of a newly created `socket`. dbus-next 0.10.2 reads the handshake byte by byte, then each
 * message as `read(16)` and `read(rest)`, in a `readable` listener where an exception would end the process.
 */
export function guardSocket(socket: Socket, filter: MessageFilter): void {
  const take = socket.read.bind(socket)
  const on = socket.on.bind(socket)
  const bytes = createByteQueue(take)
  let closed = false
  let handshakeBytes = 0
  /** Of a wanted message that has not arrived completely. */
  let head: MessageHeader | null = null
  /** The second part of a message whose first part dbus-next has read. */
  let admitted: Buffer | null = null

  const giveUp = (reason: string): null => {
    closed = true
    filter.giveUp(reason)
    return null
  }

  const drop = (size: number, reason: string) => {
    bytes.skip(size)
    filter.malformed(reason)
  }

  /** The header of the next wanted message; skips those before it. Null until it has arrived. */
  const nextWanted = (): MessageHeader | null => {
    while (!closed) {
      const fixed = bytes.peek(FIXED_BYTES)
      if (fixed === null) return null
      const headerSize = headerBytes(fixed)
      const size = headerSize + bodyBytes(fixed)
      const problem = fixedPartProblem(fixed, size)
      if (problem !== null) return giveUp(problem)
      if (headerSize > LARGEST_HEADER_BYTES) {
        drop(size, `skipped a message with a header of ${headerSize} bytes`)
        continue
      }
      const start = bytes.peek(headerSize)
      if (start === null) return null
      const header = headerOf(start, size)
      if (typeof header === 'string') drop(size, header)
      else if (!filter.admit(header)) {
        if (size <= LARGEST_MESSAGE_BYTES) bytes.skip(size)
        else drop(size, `skipped a message of ${size} bytes from ${header.sender}`)
      } else if (size > LARGEST_MESSAGE_BYTES)
        return giveUp(`a message of ${size} bytes exceeds the limit of ${LARGEST_MESSAGE_BYTES}`)
      else if (header.fds > 0 || header.signature.includes('h')) drop(size, 'a message carries file descriptors')
      else return header
    }
    return null
  }

  /** Returns the fixed part of the next message for dbus-next and leaves its rest in `admitted`. */
  const nextMessage = (): Buffer | null => {
    for (;;) {
      head ??= nextWanted()
      const message = head && bytes.take(head.size)
      if (head === null || message === null) return null
      const { signature } = head
      const wasRead = filter.read(head, message)
      head = null
      if (wasRead) continue
      // dbus-next would loop forever on an array of empty structs; a real bus daemon rejects them.
      if (/\(\)|\{\}/.test(signature)) return giveUp('a message contains an empty struct')
      admitted = message.subarray(FIXED_BYTES)
      return message.subarray(0, FIXED_BYTES)
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
