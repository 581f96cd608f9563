// The received bytes of a bus connection: chunks are joined only as far as a message needs them, and skipped bytes are never kept. Pure.

interface ByteQueue {
  /** The next bytes, which stay in the queue; null until all have arrived. */
  peek(bytes: number): Buffer | null
  /** The next bytes; null until all have arrived. */
  take(bytes: number): Buffer | null
  /** Discards the next bytes: those in the queue now, the others as they arrive. */
  skip(bytes: number): void
}

/** `read` returns the bytes that have arrived since the last call; null if there are none. */
export function createByteQueue(read: () => Buffer | null): ByteQueue {
  /** The queue: `buffer` from `at`, then the chunks in `later`, of which there are none while `toSkip` is not 0. */
  let buffer: Buffer = Buffer.alloc(0)
  let at = 0
  let later: Buffer[] = []
  let laterBytes = 0
  let toSkip = 0

  function join(): void {
    const rest = buffer.subarray(at)
    buffer = rest.length === 0 && later.length === 1 ? (later[0] as Buffer) : Buffer.concat([rest, ...later])
    at = 0
    later = []
    laterBytes = 0
  }

  function peek(bytes: number): Buffer | null {
    while (buffer.length - at + laterBytes < bytes) {
      const chunk = read()
      if (chunk === null) return null
      const skipped = Math.min(toSkip, chunk.length)
      toSkip -= skipped
      if (skipped === chunk.length) continue
      later.push(skipped === 0 ? chunk : chunk.subarray(skipped))
      laterBytes += chunk.length - skipped
    }
    if (buffer.length - at < bytes) join()
    return buffer.subarray(at, at + bytes)
  }

  return {
    peek,
    take(bytes) {
      const taken = peek(bytes)
      if (taken !== null) at += bytes
      return taken
    },
    skip(bytes) {
      if (later.length > 0) join()
      const here = Math.min(bytes, buffer.length - at)
      at += here
      toSkip += bytes - here
    },
  }
}
