// The git revision that is being built.
import { spawnSync } from 'node:child_process'

/** `GATEWATCH_REVISION`, for a tree without git; else twelve digits of the commit, `-dirty` when files differ from it; else `unknown`. */
export function revision() {
  const given = process.env.GATEWATCH_REVISION
  if (given) return given
  const args = ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*']
  const { status, stdout } = spawnSync('git', args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : 'unknown'
}
