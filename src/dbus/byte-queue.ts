// The received bytes of a bus connection: chunks are joined only as far as a message needs them, and skipped bytes are never kept. Pure.

interface ByteQueue {
  /** Adds a chunk, which may be overwritten after the next `keep`. */
  add(chunk: Buffer): void
  /** The next bytes, which stay in the queue; null until all have arrived. Valid until `keep`, like those that `take` returns. */
  peek(bytes: number): Buffer | null
  /** The next bytes; null until all have arrived. */
  take(bytes: number): Buffer | null
  /** Discards the next bytes: those in the queue now, the others as they arrive. */
  skip(bytes: number): void
  /** Copies what is left of the last chunk. */
  keep(): void
}

const NOTHING = Buffer.alloc(0)

export function createByteQueue(): ByteQueue {
  /** The queue: `buffer` from `at`, then the chunks in `later`, of which there are none while `toSkip` is not 0. */
  let buffer: Buffer = NOTHING
  let at = 0
  let later: Buffer[] = []
  let laterBytes = 0
  let toSkip = 0
  /** Whether the last chunk, the end of the queue, is not a copy yet. */
  let borrowed = false

  function join(): void {
    const rest = buffer.subarray(at)
    borrowed &&= rest.length === 0 && later.length === 1
    buffer = rest.length === 0 && later.length === 1 ? (later[0] as Buffer) : Buffer.concat([rest, ...later])
    at = 0
    later = []
    laterBytes = 0
  }

  function peek(bytes: number): Buffer | null {
    const here = buffer.length - at
    if (here + laterBytes < bytes) return null
    if (here < bytes) join()
    return buffer.subarray(at, at + bytes)
  }

  return {
    add(chunk) {
      const skipped = Math.min(toSkip, chunk.length)
      toSkip -= skipped
      if (skipped === chunk.length) return
      later.push(skipped === 0 ? chunk : chunk.subarray(skipped))
      laterBytes += chunk.length - skipped
      borrowed = true
    },
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
    keep() {
      if (!borrowed) return
      borrowed = false
      if (later.length > 0) {
        later.push(Buffer.from(later.pop() as Buffer))
        return
      }
      buffer = at === buffer.length ? NOTHING : Buffer.from(buffer.subarray(at))
      at = 0
    },
  }
}
