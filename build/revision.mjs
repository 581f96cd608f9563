// The git revision of the build.
import { spawnSync } from 'node:child_process'

/** `GATEWATCH_REVISION`, for a tree without git; else twelve digits of the commit, with `-dirty` if files differ from it; else `unknown`. */
export function revision() {
  const fromEnv = process.env.GATEWATCH_REVISION
  if (fromEnv) return fromEnv
  const args = ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*']
  const { status, stdout } = spawnSync('git', args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : 'unknown'
}
