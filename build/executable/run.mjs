// Runs a program to its end; what it says is only shown when it fails.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'

/** Its stdout. Throws with what it said where it fails. */
export function runTool([program, ...args], options = {}) {
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  })
  if (status === 0) return stdout
  const why = error?.message ?? (signal ? `ended by ${signal}` : `exit code ${status}`)
  throw new Error(`${[program, ...args].join(' ')}: ${why}\n${`${stdout ?? ''}${stderr ?? ''}`.slice(-2000)}`.trim())
}

/** A file's digest, in hex unless told; read in pieces. */
export function digestOf(path, algorithm = 'sha256', encoding = 'hex') {
  const hash = createHash(algorithm)
  const piece = Buffer.allocUnsafe(1024 * 1024)
  const file = openSync(path, 'r')
  try {
    for (let n = readSync(file, piece); n > 0; n = readSync(file, piece)) hash.update(piece.subarray(0, n))
  } finally {
    closeSync(file)
  }
  return hash.digest(encoding)
}
