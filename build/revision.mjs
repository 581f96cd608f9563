// The git revision that is being built.
import { spawnSync } from 'node:child_process'

/** Twelve digits of the commit, with `-dirty` when files differ from it; `unknown` without git. */
export function revision() {
  const args = ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*']
  const { status, stdout } = spawnSync('git', args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : 'unknown'
}
