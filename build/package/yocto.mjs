// The Yocto layer of a release: its recipe with the version, the checksums and the Node versions of what was just built.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const LAYER = 'yocto/meta-gatewatch'
const RECIPES = 'recipes-gatewatch/gatewatch'
/** OE's overrides. */
const OVERRIDE = { arm64: 'aarch64', armv7: 'arm' }

/** Copies the layer to `directory` and fills its recipe in; `released`: `{ arch, sha256, node }` each. */
export function releasedLayerIn(directory, version, released) {
  cpSync(LAYER, directory, { recursive: true })
  const recipes = join(directory, RECIPES)
  const found = readdirSync(recipes).find((name) => name.endsWith('.bb'))
  let text = readFileSync(join(recipes, found), 'utf8').replace(/^#.*\n/gm, '')
  for (const { arch, sha256, node } of released) {
    text = filled(text, `SRC_URI[${arch}.sha256sum]`, sha256)
    text = filled(text, `GATEWATCH_NODE_VERSION:${OVERRIDE[arch]}`, node)
  }
  rmSync(join(recipes, found))
  writeFileSync(join(recipes, `gatewatch_${version}.bb`), `# gatewatch ${version}, as released.\n${text}`)
}

function filled(text, key, value) {
  const lines = text.split('\n')
  const at = lines.findIndex((line) => line.startsWith(`${key} = `))
  if (at < 0) throw new Error(`the recipe has no ${key}`)
  return lines.with(at, `${key} = "${value}"`).join('\n')
}
