// Runs journalctl once, with a limit on time and on output size.
import { spawn } from 'node:child_process'
import type { Clock } from '../ports.ts'

/** Callers request the newest entries first, so the oldest are cut off. */
const OUTPUT_AT_MOST_BYTES = 1_048_576

interface JournalctlResult {
  readonly stdout: string
  /** Why there is no usable output; null if there is. */
  readonly problem: string | null
}

/** `command`: the program and its first arguments. Never rejects. */
export function runJournalctl(
  command: readonly string[],
  args: readonly string[],
  atMostMs: number,
  after: Clock['after'],
): Promise<JournalctlResult> {
  return new Promise((resolve) => {
    const [program = 'journalctl', ...first] = command
    const child = spawn(program, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    let bytes = 0
    let errors = ''
    let killedFor: 'time' | 'size' | null = null
    const kill = (why: 'time' | 'size') => {
      killedFor ??= why
      child.kill('SIGKILL')
      // A child process of journalctl may still hold the pipes.
      for (const pipe of [child.stdout, child.stderr]) pipe.destroy()
    }
    const undo = after(atMostMs, () => kill('time'))
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= OUTPUT_AT_MOST_BYTES) chunks.push(chunk)
      else kill('size')
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (errors.length < 1000) errors += text
    })
    child.on('error', (error) => {
      undo()
      resolve({ stdout: '', problem: error.message })
    })
    child.on('close', (code) => {
      undo()
      const failed = killedFor === null && code !== 0
      const problem =
        killedFor === 'time' ? `timed out after ${Math.round(atMostMs)} ms` : failed ? problemOf(errors, code) : null
      resolve({ stdout: Buffer.concat(chunks).toString('utf8'), problem })
    })
  })
}

/** The last line states the error; the lines before it are hints. */
function problemOf(errors: string, code: number | null): string {
  return errors.trim().split('\n').at(-1) || `journalctl exited with ${code}`
}
