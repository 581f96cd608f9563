// Writes the log lines to stderr: those of one turn of the event loop in one write, because each write wakes up their reader.
import { writeSync } from 'node:fs'
import type { Writable } from 'node:stream'

/**
 * `stream`: the one of the descriptor `fd`, which is non-blocking if it is a pipe or a socket. The stream gets what the
 * descriptor does not accept now, and every error. The result queues text; with `onExit`, what is queued is written then.
 */
export function createStderrLines(
  stream: Pick<Writable, 'write' | 'writableLength'>,
  fd: number,
  onExit: (flush: () => void) => void,
): (text: string) => void {
  let queued = ''

  function flush(): void {
    const text = queued
    queued = ''
    if (text === '') return
    const written = stream.writableLength > 0 ? 0 : writtenNow(fd, text)
    if (written < Buffer.byteLength(text)) stream.write(Buffer.from(text).subarray(written))
  }

  onExit(flush)
  return (text) => {
    if (queued === '') queueMicrotask(flush)
    queued += text
  }
}

/** The number of bytes that the descriptor accepted; the stream reports why it does not accept more. */
function writtenNow(fd: number, text: string): number {
  try {
    return writeSync(fd, text)
  } catch {
    return 0
  }
}
