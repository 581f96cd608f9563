// Reads a text file that a person names.
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs'

/** A configuration takes a few KiB, the counters of a thousand units 150 KiB. */
const LARGEST_MIB = 1

/**
 * Throws before anything is read if the path is not a regular file (a pipe would block, and a device may never end) or if
 * the file is too large.
 */
export function readTextFile(path: string): string {
  checkReadable(statSync(path))
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    checkReadable(fstatSync(fd))
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}

function checkReadable(stat: Stats): void {
  const kind = specialKind(stat)
  if (kind !== null) throw new Error(`it is a ${kind}, not a regular file`)
  if (stat.size > LARGEST_MIB * 1_048_576) throw new Error(`it is larger than ${LARGEST_MIB} MiB`)
}

function specialKind(stat: Stats): string | null {
  if (stat.isFile()) return null
  if (stat.isDirectory()) return 'directory'
  if (stat.isFIFO()) return 'pipe'
  return stat.isSocket() ? 'socket' : 'device'
}
