// The names of the files of a release.
import { nameOf, TARGETS } from '../executable/targets.mjs'

/** Those of one target. */
export function filesOf(version, arch) {
  const name = `gatewatch-${version}-${nameOf(arch)}`
  return {
    tarball: `${name}.tar.xz`,
    deb: `gatewatch_${version}_${TARGETS[arch].deb}.deb`,
    sbom: `${name}.cdx.json`,
    vex: `${name}.vex.cdx.json`,
    licences: `${name}.licences.txt`,
    map: `${name}.map`,
  }
}

export const layerOf = (version) => `meta-gatewatch-${version}.tar.xz`
export const notesOf = (version) => `gatewatch-${version}-release-notes.md`
