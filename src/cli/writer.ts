// Writes to stdout or stderr without ever throwing: whoever reads may be gone.
import type { Writable } from 'node:stream'

/** `onGone` is called once, when nobody reads any more (EPIPE) or the disk behind is full; what follows is dropped. */
export function writerTo(stream: Writable, onGone: (code: string) => void): (text: string) => void {
  let open = true
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (open) onGone(error.code ?? String(error))
    open = false
  })
  return (text) => {
    if (open) stream.write(text)
  }
}
