// Reads a text file that a person names.
import { readFileSync, type Stats, statSync } from 'node:fs'

/** Throws if the path is not a regular file: a pipe would block, and a device may never end. */
export function readTextFile(path: string): string {
  const kind = specialKind(statSync(path))
  if (kind !== null) throw new Error(`it is a ${kind}, not a regular file`)
  return readFileSync(path, 'utf8')
}

function specialKind(stat: Stats): string | null {
  if (stat.isFile()) return null
  if (stat.isDirectory()) return 'directory'
  if (stat.isFIFO()) return 'pipe'
  return stat.isSocket() ? 'socket' : 'device'
}
