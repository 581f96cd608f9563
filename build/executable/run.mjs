// Runs a tool of the build, and shows its output only if it fails; and digests of files.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { text } from 'node:stream/consumers'

/** Returns its stdout; throws an error with its output if it fails. */
export function runTool(command, options = {}) {
  const [program, ...args] = command
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, ...options })
  if (result.status === 0) return result.stdout
  throw failureOf(command, result)
}

/** Like runTool, but lets this process handle signals; aborting `signal` kills the tool with all its children. */
export async function runInterruptibly(command, { signal, ...options }) {
  const [program, ...args] = command
  signal.throwIfAborted()
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const kill = () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {} // it has already ended
  }
  signal.addEventListener('abort', kill)
  try {
    const ended = new Promise((resolve) => {
      child.once('error', (error) => resolve({ error }))
      child.once('close', (status, signalName) => resolve({ status, signal: signalName }))
    })
    const [result, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
    signal.throwIfAborted()
    if (result.status === 0) return stdout
    throw failureOf(command, { ...result, stdout, stderr })
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** An error with the command, and the `output` of the tool. */
function failureOf(command, { status, signal, error, stdout, stderr }) {
  const why = error?.message ?? (signal ? `killed by ${signal}` : `exit code ${status}`)
  const output = `${stdout ?? ''}${stderr ?? ''}`.slice(-2000).trim()
  return Object.assign(new Error(`${command.join(' ')}: ${why}\n${output}`.trim()), { output })
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
