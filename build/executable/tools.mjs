// Checks before a build that the programs it needs are installed, and names the Debian packages of missing ones.
import { join } from 'node:path'
import { isInstalled } from '../is-installed.mjs'
import { TARGETS } from './targets.mjs'

/** Throws one line with every missing program and the apt-get command that installs them. */
export function requireTools(archs, more = {}) {
  const required = { tar: ['tar'], npm: ['npm'], ...more }
  for (const arch of archs) {
    const { strip, run, packages } = TARGETS[arch]
    required[strip] = packages
    if (run.length === 0) continue
    required[run[0]] = packages
    required[join(run[2], 'lib/libstdc++.so.6')] = packages
    if (arch === 'armv7') required[join(run[2], 'lib/libatomic.so.1')] = packages
  }
  const missing = Object.keys(required).filter((program) => !isInstalled(program))
  if (missing.length === 0) return
  const packages = [...new Set(missing.flatMap((program) => required[program]))]
  throw new Error(
    `missing: ${missing.join(', ')}; install with: sudo apt-get install --no-install-recommends ${packages.join(' ')}`,
  )
}
