// Until when a version of Node is supported, and what follows for an executable that contains it.
import { SUPPORT_ENDS } from './base.mjs'

/** The last day of support of a Node version (`2028-04-30`), or null if build/bases.json does not have it. */
export const supportEnds = (version) => SUPPORT_ENDS[version.split('.')[0]] ?? null

export const isPastSupport = (ends) => ends !== null && ends < new Date().toISOString().slice(0, 10)

/** Throws if one of the executables must not be released: `nodes` are `{ arch, version, supportEnds, endOfLifeAllowed }`. */
export function requireReleasable(nodes) {
  for (const { arch, version, supportEnds: ends, endOfLifeAllowed } of nodes) {
    if (endOfLifeAllowed) continue
    if (ends === null)
      throw new Error(
        `--release: ${arch} contains Node ${version}, whose end of support is unknown; add it to build/bases.json`,
      )
    if (isPastSupport(ends))
      throw new Error(
        `--release: ${arch} contains Node ${version}, past its end of life (${ends}); pass a supported Node with ` +
          `--node ${arch}=PATH, or build and package with --allow-end-of-life`,
      )
  }
}
