// Runs systemctl as a child, in no language but C, and ends it where it takes too long.

import { execFile } from 'node:child_process'
import type { Env } from '../../ports.ts'
import type { SystemctlOptions } from './systemctl-control.ts'

/** A `run` for the system's or, with `user`, the user's own systemd. */
export function runSystemctl(user: boolean, env: Env): SystemctlOptions['run'] {
  return async (words, timeoutMs) => {
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
