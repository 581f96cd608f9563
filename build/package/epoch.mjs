// The one point in time that everything packed carries, so that the same commit gives the same bytes.
import { spawnSync } from 'node:child_process'

/** Unix seconds: `SOURCE_DATE_EPOCH`, else of the commit, else (a tree without git) zero. */
export function sourceDateEpoch() {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined) {
    if (!/^\d{1,12}$/.test(given)) throw new Error(`SOURCE_DATE_EPOCH is "${given}", not seconds`)
    return Number(given)
  }
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' })
  return status === 0 ? Number(stdout) : 0
}
