// Runs systemctl as a child process in the C locale, with a timeout, and converts its failures into control errors.
import { execFile } from 'node:child_process'
import { ControlError, type ControlProblem } from '../../core/command.ts'
import type { Env } from '../../ports.ts'
import { problemText, timedOut } from './errors.ts'

export interface CommandOutput {
  /** Exit code; null if it was killed after the timeout. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs systemctl with these arguments; rejects if it cannot be started. */
export type RunSystemctl = (args: readonly string[], timeoutMs: number) => Promise<CommandOutput>

/** Runs systemctl for the system's systemd or, with `user`, for the user's. */
export function runSystemctl(user: boolean, env: Env): RunSystemctl {
  return (args, timeoutMs) => {
    const allArgs = ['--no-pager', '--no-ask-password', ...(user ? ['--user'] : []), ...args]
    const options = { env: { ...env, LC_ALL: 'C' }, timeout: timeoutMs, maxBuffer: 64 << 20 }
    return new Promise((resolve, reject) => {
      execFile('systemctl', allArgs, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.killed ? null : error.code
        if (typeof code === 'string')
          reject(new Error(code === 'ENOENT' ? 'systemctl not found' : `cannot run systemctl (${code})`))
        else resolve({ code: code ?? (error?.killed ? null : 1), stdout, stderr })
      })
    })
  }
}

interface Systemctl {
  /** `what` describes the operation in error messages. Rejects with a `ControlError` if systemctl cannot run or times out. */
  run(what: string, unit: string, ...args: string[]): Promise<CommandOutput & { readonly code: number }>
  /** The output of a read-only command; rejects if it fails. */
  query(what: string, unit: string, ...args: string[]): Promise<string>
}

export function createSystemctl(runCommand: RunSystemctl, timeoutMs: number): Systemctl {
  const run: Systemctl['run'] = async (what, unit, ...args) => {
    const output = await runCommand(args, timeoutMs).catch((error: Error) => {
      throw new ControlError('unreachable', problemText('unreachable', what, unit, error.message), { cause: error })
    })
    const { code } = output
    if (code === null) throw timedOut(timeoutMs)
    return { ...output, code }
  }
  return {
    run,
    async query(what, unit, ...args) {
      const { code, stdout, stderr } = await run(what, unit, ...args)
      if (code !== 0) throw systemctlError('unreachable', what, unit, stderr)
      return stdout
    },
  }
}

/** Only shows systemctl's message to the user, without its prefix "Failed to ...:"; the code never depends on it. */
export function systemctlError(code: ControlProblem, what: string, unit: string, stderr: string): ControlError {
  const words = stderr.trim().split('\n')[0] ?? ''
  const text = words.replace(/^Failed to [^:]*: /, '') || 'systemctl failed'
  return new ControlError(code, problemText(code, what, unit, text))
}
