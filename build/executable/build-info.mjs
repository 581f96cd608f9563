// The files beside an executable: its build info, for the next build, the licences and the SBOM; and its source map.
import { basename, dirname, join } from 'node:path'

/**
 * `{ key, sha256, node: { arch, version, versions, sha256, licence, origin, supportEnds, endOfLifeAllowed }, packages }`
 * of `dist/gatewatch-linux-x64`.
 */
export const buildInfoPath = (executable) => join(dirname(executable), `.${basename(executable)}.json`)

/** What `npm run trace` needs to decode a stack trace of `dist/gatewatch-linux-x64`. */
export const sourceMapPath = (executable) => `${executable}.map`
