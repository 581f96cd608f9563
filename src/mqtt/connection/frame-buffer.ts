// Received bytes as a sequence of frames: a frame that has arrived whole is not copied; the parts of others are put together.
import { Buffer } from 'node:buffer'
import { type Frame, frameAt, sizeOf } from './frame.ts'

interface FrameBuffer {
  /** Adds received bytes, after `wait`. */
  add(chunk: Buffer): void
  /** The next frame, of which perhaps only the beginning has arrived; null if not even its fixed header has. */
  next(): Frame | null
  isComplete(frame: Frame): boolean
  /** As much of the next frame as has arrived. */
  bytes(frame: Frame): Buffer
  /** Moves past the next frame, which is complete, and keeps it for `take`. */
  accept(frame: Frame): void
  /** Moves past the next frame, which need not be complete. Only while nothing is accepted. */
  skip(frame: Frame): void
  /** Whether frames are accepted and not taken yet. */
  accepted(): boolean
  /** The accepted frames, as they arrived. */
  take(): Buffer
  /** `next` is incomplete: keeps its beginning until more bytes arrive. */
  wait(next: Frame | null): void
}

const NOTHING = Buffer.alloc(0)

export function createFrameBuffer(): FrameBuffer {
  /** Received bytes: accepted ones from `start` to `at`, then unread ones. */
  let buffer: Buffer = NOTHING
  let start = 0
  let at = 0
  /** A frame of which only `assembled` bytes have arrived. */
  let partial: Buffer | null = null
  let assembled = 0
  /** Bytes of a skipped frame that are still to come. */
  let toSkip = 0

  function replace(bytes: Buffer): void {
    buffer = bytes
    start = 0
    at = 0
  }

  return {
    add(chunk) {
      const rest = chunk.subarray(Math.min(toSkip, chunk.length))
      toSkip -= chunk.length - rest.length
      if (partial === null) {
        replace(buffer.length === 0 ? rest : Buffer.concat([buffer, rest]))
        return
      }
      const copied = rest.copy(partial, assembled)
      assembled += copied
      if (assembled < partial.length) return
      replace(copied === rest.length ? partial : Buffer.concat([partial, rest.subarray(copied)]))
      partial = null
    },
    next: () => frameAt(buffer, at),
    isComplete: (frame) => at + sizeOf(frame) <= buffer.length,
    bytes: (frame) => buffer.subarray(at, at + sizeOf(frame)),
    accept(frame) {
      at += sizeOf(frame)
    },
    skip(frame) {
      const end = at + sizeOf(frame)
      toSkip = Math.max(0, end - buffer.length)
      at = Math.min(end, buffer.length)
      start = at
    },
    accepted: () => at > start,
    take() {
      const taken = buffer.subarray(start, at)
      start = at
      return taken
    },
    wait(next) {
      if (partial !== null) return
      const rest = buffer.subarray(at)
      if (next === null) {
        replace(Buffer.from(rest))
      } else {
        // room for the whole frame, because mqtt.js would keep every small piece
        partial = Buffer.allocUnsafeSlow(sizeOf(next))
        assembled = rest.copy(partial)
        replace(NOTHING)
      }
    },
  }
}
