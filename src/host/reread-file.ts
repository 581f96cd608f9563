// A small file of the kernel's that is read again and again: kept open, as opening costs eight times what reading does.
import { closeSync, openSync, readSync } from 'node:fs'

/** What is read is at most this long; the numbers that are looked for stand at the beginning. */
const bytes = Buffer.alloc(4096)

export interface RereadFile {
  /** Null where it is not there, or not any more (ENODEV: its group is gone). */
  read(): string | null
  close(): void
}

export function openRereadFile(path: string): RereadFile {
  let fd: number | null = null
  const close = () => {
    if (fd !== null) closeSync(fd)
    fd = null
  }
  return {
    read() {
      try {
        fd ??= openSync(path, 'r')
        return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0))
      } catch {
        close()
        return null
      }
    },
    close,
  }
}
