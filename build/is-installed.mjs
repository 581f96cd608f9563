// Whether a program or a file exists, for the checks of the build and of the set-up. Plain Node: runs before `npm ci`.
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** A name is searched for in `directories`; a path has to be readable. */
export function isInstalled(program, directories = (process.env.PATH ?? '').split(':')) {
  const isPath = program.startsWith('/')
  const paths = isPath ? [program] : directories.map((directory) => join(directory, program))
  return paths.some((path) => {
    try {
      accessSync(path, isPath ? constants.R_OK : constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
