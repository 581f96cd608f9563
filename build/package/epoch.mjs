// The timestamp of all packaged files, so that the same commit gives the same bytes.
import { spawnSync } from 'node:child_process'

/** Unix seconds: `SOURCE_DATE_EPOCH`, else the time of the commit, else (without git) 0. */
export function sourceDateEpoch() {
  const fromEnv = process.env.SOURCE_DATE_EPOCH
  if (fromEnv !== undefined) {
    if (!/^\d{1,12}$/.test(fromEnv)) throw new Error(`SOURCE_DATE_EPOCH must be a number of seconds, not '${fromEnv}'`)
    return Number(fromEnv)
  }
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' })
  return status === 0 ? Number(stdout) : 0
}
