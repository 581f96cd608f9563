// A shell that stays open inside a rig, so that a command does not need a new process that enters the namespaces.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Systemd } from '../rig/systemd.ts'

const SCRIPT = fileURLToPath(new URL('../rig/systemd-rig.sh', import.meta.url))

export interface RigShell {
  /** Runs a line and resolves with its stdout; exit code and stderr are ignored. */
  run(line: string): Promise<string>
  close(): void
}

export function openRigShell(systemd: Systemd, variables: Readonly<Record<string, string>>): RigShell {
  const child = spawn(SCRIPT, ['exec', systemd.name, 'bash', '--norc'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...variables },
  })
  const waiting: { readonly mark: string; readonly lines: string[]; readonly done: (text: string) => void }[] = []
  let marks = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    const first = waiting[0]
    if (first === undefined) return
    if (line !== first.mark) return void first.lines.push(line)
    waiting.shift()
    first.done(first.lines.join('\n'))
  })
  child.on('exit', () => {
    for (const { lines, done } of waiting.splice(0)) done(lines.join('\n'))
  })
  child.stdin.on('error', () => {})
  return {
    run: (line) =>
      new Promise((resolve) => {
        marks += 1
        const mark = `--done-${marks}--`
        waiting.push({ mark, lines: [], done: resolve })
        child.stdin.write(`{ ${line}\n} </dev/null\necho; echo ${mark}\n`)
      }),
    close: () => void child.kill('SIGKILL'),
  }
}
