// One shell that stays inside a rig: a line costs what systemctl costs, and no new process from outside.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Systemd } from '../rig/systemd.ts'

const SCRIPT = fileURLToPath(new URL('../rig/systemd-rig.sh', import.meta.url))

export interface Inside {
  /** Runs a line; resolves with what it wrote on stdout. Exit codes and complaints are of no interest. */
  run(line: string): Promise<string>
  end(): void
}

export function inside(systemd: Systemd, variables: Readonly<Record<string, string>>): Inside {
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
    end: () => void child.kill('SIGKILL'),
  }
}
