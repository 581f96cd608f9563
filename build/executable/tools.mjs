// Says before anything is built which programs a target's build lacks, and which packages have them.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { TARGETS } from './targets.mjs'

/** Throws with one line that names every missing program and the apt line for them. */
export function needTools(archs, more = {}) {
  const wanted = { tar: ['tar'], npm: ['npm'], ...more }
  for (const arch of archs) {
    const { strip, run, packages } = TARGETS[arch]
    wanted[strip] = packages
    if (run.length === 0) continue
    wanted[run[0]] = packages
    wanted[join(run[2], 'lib/libstdc++.so.6')] = packages
    if (arch === 'armv7') wanted[join(run[2], 'lib/libatomic.so.1')] = packages
  }
  const missing = Object.keys(wanted).filter((program) => !isThere(program))
  if (missing.length === 0) return
  const packages = [...new Set(missing.flatMap((program) => wanted[program]))]
  throw new Error(
    `missing: ${missing.join(', ')}; to have them: sudo apt-get install --no-install-recommends ${packages.join(' ')}`,
  )
}

function isThere(program) {
  const paths = program.startsWith('/')
    ? [program]
    : (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, program))
  return paths.some((path) => {
    try {
      accessSync(path, program.startsWith('/') ? constants.R_OK : constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
