// Runs journalctl once, within a time and a size.
import { spawn } from 'node:child_process'
import type { Clock } from '../ports.ts'

/** Newest first: what is cut off is the oldest. */
const ANSWER_AT_MOST_BYTES = 1_048_576

interface JournalctlResult {
  readonly stdout: string
  /** Why there is no answer, in words; null where there is one. */
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
    let said = ''
    let killedFor: 'time' | 'size' | null = null
    const kill = (why: 'time' | 'size') => {
      killedFor ??= why
      child.kill('SIGKILL')
      for (const pipe of [child.stdout, child.stderr]) pipe.destroy() // a child of its own may still hold them
    }
    const undo = after(atMostMs, () => kill('time'))
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= ANSWER_AT_MOST_BYTES) chunks.push(chunk)
      else kill('size')
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < 1000) said += text
    })
    child.on('error', (error) => {
      undo()
      resolve({ stdout: '', problem: error.message })
    })
    child.on('close', (code) => {
      undo()
      const failed = killedFor === null && code !== 0
      const problem =
        killedFor === 'time' ? `no answer within ${Math.round(atMostMs)} ms` : failed ? wordsOf(said, code) : null
      resolve({ stdout: Buffer.concat(chunks).toString('utf8'), problem })
    })
  })
}

/** Its last line says what it is about; the ones before are hints. */
function wordsOf(said: string, code: number | null): string {
  return said.trim().split('\n').at(-1) || `journalctl ended with ${code}`
}
