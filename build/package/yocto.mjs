// Writes the Yocto layer of a release: its recipe with the version, checksums and Node versions of the built tarballs.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const LAYER = 'yocto/meta-gatewatch'
const RECIPES = 'recipes-gatewatch/gatewatch'
/** OpenEmbedded's overrides. */
const OVERRIDE = { arm64: 'aarch64', armv7: 'arm' }

/** Copies the layer to `directory` and fills in its recipe; `released`: `{ arch, sha256, node }` of each target. */
export function writeReleasedLayer(directory, version, released) {
  cpSync(LAYER, directory, { recursive: true })
  const recipes = join(directory, RECIPES)
  const recipe = readdirSync(recipes).find((name) => name.endsWith('.bb'))
  let text = readFileSync(join(recipes, recipe), 'utf8').replace(/^#.*\n/gm, '')
  for (const { arch, sha256, node } of released) {
    text = withValue(text, `SRC_URI[${arch}.sha256sum]`, sha256)
    text = withValue(text, `GATEWATCH_NODE_VERSION:${OVERRIDE[arch]}`, node)
  }
  rmSync(join(recipes, recipe))
  writeFileSync(join(recipes, `gatewatch_${version}.bb`), `# gatewatch ${version}, as released.\n${text}`)
}

function withValue(text, key, value) {
  const lines = text.split('\n')
  const at = lines.findIndex((line) => line.startsWith(`${key} = `))
  if (at < 0) throw new Error(`${key} not found in the recipe`)
  return lines.with(at, `${key} = "${value}"`).join('\n')
}
