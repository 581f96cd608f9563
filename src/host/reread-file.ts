// Reads a small kernel file repeatedly. The file is kept open, because opening costs eight times as much as reading.
import { closeSync, openSync, readSync } from 'node:fs'

/** The values that are needed are within the first 4096 bytes. Shared, because reads are synchronous. */
const bytes = Buffer.alloc(4096)

export interface RereadFile {
  /** Null if the file does not exist, or no longer (ENODEV: its control group was removed). */
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
