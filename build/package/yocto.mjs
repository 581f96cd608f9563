// Writes the Yocto layer of a release: its recipe with the version, the checksums and the Node.js versions of the built tarballs.
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { digestOf, runTool } from '../executable/run.mjs'

const LAYER = 'yocto/meta-gatewatch'
const RECIPES = 'recipes-gatewatch/gatewatch'
/** OpenEmbedded's overrides. */
const OVERRIDE = { arm64: 'aarch64', armv7: 'arm', x64: 'x86-64' }

/** The targets for which the recipe has a tarball. */
export const LAYER_TARGETS = Object.keys(OVERRIDE)

/** Copies the layer to `directory` and fills in its recipe; `released`: `{ arch, tarball, node }` of each target (the path, the version). */
export function writeReleasedLayer(directory, version, released) {
  cpSync(LAYER, directory, { recursive: true })
  const recipes = join(directory, RECIPES)
  const recipe = readdirSync(recipes).find((name) => name.endsWith('.bb'))
  let text = readFileSync(join(recipes, recipe), 'utf8').replace(/^#.*\n/gm, '')
  for (const { arch, tarball, node } of released) {
    text = withValue(text, `SRC_URI[${arch}.sha256sum]`, digestOf(tarball))
    text = withValue(text, `GATEWATCH_LICENSES_MD5:${OVERRIDE[arch]}`, md5InTarball(tarball, 'LICENSES.txt'))
    text = withValue(text, `GATEWATCH_NODE_VERSION:${OVERRIDE[arch]}`, node)
  }
  rmSync(join(recipes, recipe))
  writeFileSync(join(recipes, `gatewatch_${version}.bb`), `# gatewatch ${version}, as released.\n${text}`)
}

/** The MD5 of a file in a tarball. LIC_FILES_CHKSUM has no other digest. */
function md5InTarball(tarball, name) {
  const member = join(basename(tarball, '.tar.xz'), name)
  const content = runTool(['tar', '-xOf', tarball, '--occurrence=1', member], { encoding: 'buffer' })
  return createHash('md5').update(content).digest('hex')
}

function withValue(text, key, value) {
  const lines = text.split('\n')
  const at = lines.findIndex((line) => line.startsWith(`${key} = `))
  if (at < 0) throw new Error(`${key} not found in the recipe`)
  return lines.with(at, `${key} = "${value}"`).join('\n')
}
