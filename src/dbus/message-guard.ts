// Cuts the byte stream of a bus into messages: passes on only complete, valid, wanted ones, and contains the exceptions of their readers.
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

export interface MessageFilter {
  /** Whether this message is wanted; otherwise it is skipped, and its body is not kept. Any client can send us one. */
  admit(head: MessageHeader): boolean
  /** Decodes a wanted message, whose bytes are overwritten after the call. If it throws, the stream is given up. */
  read(head: MessageHeader, message: Buffer): void
  /** The stream, or a wanted message, is corrupt: no more messages are passed on. */
  giveUp(reason: string): void
  /** One message was dropped as malformed or too large; the stream continues. */
  malformed(reason: string): void
}

/** Returns what must be called with each chunk of the stream, which may be overwritten afterwards. It never throws. */
export function createMessageGuard(filter: MessageFilter): (chunk: Buffer) => void {
  const bytes = createByteQueue()
  let closed = false
  /** Of a wanted message that has not arrived completely. */
  let head: MessageHeader | null = null

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

  const readAll = () => {
    for (;;) {
      head ??= nextWanted()
      const message = head && bytes.take(head.size)
      if (head === null || message === null) return
      const complete = head
      head = null
      filter.read(complete, message)
    }
  }

  return (chunk) => {
    if (closed) return
    bytes.add(chunk)
    try {
      readAll()
    } catch (error) {
      giveUp(`a message could not be decoded (${messageOf(error)})`)
    }
    bytes.keep()
  }
}
