// Runs systemctl as a child, in no language but C, and ends it where it takes too long.
import { execFile } from 'node:child_process'
import { ControlError, type ControlProblem } from '../../core/command.ts'
import type { Env } from '../../ports.ts'
import { problemText, timedOut } from './errors.ts'

export interface CommandOutput {
  /** Exit code; null where it took too long and was ended. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs systemctl with these words and rejects where it cannot even be started. */
export type RunSystemctl = (words: readonly string[], timeoutMs: number) => Promise<CommandOutput>

/** systemctl of the system's or, with `user`, the user's own systemd. */
export function runSystemctl(user: boolean, env: Env): RunSystemctl {
  return (words, timeoutMs) => {
    const all = ['--no-pager', '--no-ask-password', ...(user ? ['--user'] : []), ...words]
    const options = { env: { ...env, LC_ALL: 'C' }, timeout: timeoutMs, maxBuffer: 64 << 20 }
    return new Promise((resolve, reject) => {
      execFile('systemctl', all, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.killed ? null : error.code
        if (typeof code === 'string')
          reject(new Error(code === 'ENOENT' ? 'there is no systemctl' : `systemctl: ${code}`))
        else resolve({ code: code ?? (error?.killed ? null : 1), stdout, stderr })
      })
    })
  }
}

export interface Systemctl {
  /** `what` is done to `unit`, for people. Rejects with a `ControlError` where systemctl cannot run or takes too long. */
  run(what: string, unit: string, ...words: string[]): Promise<CommandOutput & { readonly code: number }>
  /** What a command prints that only asks; rejects where it fails. */
  query(what: string, unit: string, ...words: string[]): Promise<string>
}

export function createSystemctl(runWords: RunSystemctl, timeoutMs: number): Systemctl {
  const run: Systemctl['run'] = async (what, unit, ...words) => {
    const output = await runWords(words, timeoutMs).catch((error: Error) => {
      throw new ControlError('unreachable', problemText('unreachable', what, unit, error.message), { cause: error })
    })
    const { code } = output
    if (code === null) throw timedOut(timeoutMs)
    return { ...output, code }
  }
  return {
    run,
    async query(what, unit, ...words) {
      const { code, stdout, stderr } = await run(what, unit, ...words)
      if (code !== 0) throw systemctlError('unreachable', what, unit, stderr)
      return stdout
    },
  }
}

/** systemctl's own words, without what it was asked in front of them, are for people only. */
export function systemctlError(code: ControlProblem, what: string, unit: string, stderr: string): ControlError {
  const words = stderr.trim().split('\n')[0] ?? ''
  const text = words.replace(/^Failed to [^:]*: /, '') || 'systemctl failed'
  return new ControlError(code, problemText(code, what, unit, text))
}
