// Runs a tool of the build, and shows its output only if it fails; and digests of files.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'

/** Returns its stdout; throws an error with its output if it fails. */
export function runTool([program, ...args], options = {}) {
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  })
  if (status === 0) return stdout
  const why = error?.message ?? (signal ? `killed by ${signal}` : `exit code ${status}`)
  throw new Error(`${[program, ...args].join(' ')}: ${why}\n${`${stdout ?? ''}${stderr ?? ''}`.slice(-2000)}`.trim())
}

/** The digest of a file, which is read in chunks. */
export function digestOf(path, algorithm = 'sha256', encoding = 'hex') {
  const hash = createHash(algorithm)
  const chunk = Buffer.allocUnsafe(1024 * 1024)
  const file = openSync(path, 'r')
  try {
    for (let n = readSync(file, chunk); n > 0; n = readSync(file, chunk)) hash.update(chunk.subarray(0, n))
  } finally {
    closeSync(file)
  }
  return hash.digest(encoding)
}
