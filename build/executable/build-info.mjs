// The build info of an executable: a small file beside it, for the next build, the licences and the SBOM.
import { basename, dirname, join } from 'node:path'

/**
 * `{ key, sha256, node: { arch, version, versions, sha256, licence, origin, supportEnds, endOfLifeAllowed }, packages }`
 * of `dist/gatewatch-linux-x64`.
 */
export const buildInfoPath = (executable) => join(dirname(executable), `.${basename(executable)}.json`)
