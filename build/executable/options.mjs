// The command line of `npm run build`.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { TARGETS } from './targets.mjs'

export const HELP = `Builds dist/gatewatch-linux-TARGET: executables for gateways without Node.js.

npm run build -- [OPTION]...
  --target TARGET               ${Object.keys(TARGETS).join(', ')}, or script (only the bundle); repeatable; default: all executables
  --out DIR                     instead of dist
  --node [TARGET=]PATH          uses this official Node.js executable instead of the pinned one
  --node-sha256 [TARGET=]HEX    rejects that file if its SHA-256 is another one
  --release                     refuses a Node.js that is past its end of life, or whose end of support is unknown
  --allow-end-of-life           accepts one past its end of life; 'gatewatch version' and the release notes then show this
  --static                      NOT RUN BY US: uses pkg's static Node.js 22 (half the size, without glibc); builds
                                gatewatch-linux-TARGET-static
  --static-from URL             fetches that Node.js from a copy of pkg-fetch's releases
`

/** The options that `npm run package` passes on. */
export const PASSED_ON = {
  target: { type: 'string', multiple: true },
  node: { type: 'string', multiple: true, default: [] },
  'node-sha256': { type: 'string', multiple: true, default: [] },
  release: { type: 'boolean', default: false },
  'allow-end-of-life': { type: 'boolean', default: false },
}

/** `{ help, archs, nodes: { armv7: { path, sha256 } }, out, release, allowEndOfLife, isStatic, staticFrom }` */
export function buildOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      ...PASSED_ON,
      out: { type: 'string', default: 'dist' },
      static: { type: 'boolean', default: false },
      'static-from': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const targets = values.target ?? Object.keys(TARGETS)
  const unknown = targets.find((arch) => arch !== 'script' && !(arch in TARGETS))
  if (unknown)
    throw new Error(`--target ${unknown}: unknown target, use one of ${Object.keys(TARGETS).join(', ')}, script`)
  const archs = targets.filter((arch) => arch !== 'script')
  const nodes = nodesOf(values, archs)
  if (values.static && Object.keys(nodes).length > 0) throw new Error("--static uses pkg's Node; remove --node")
  if (values['static-from'] !== undefined && !values.static) throw new Error('--static-from: requires --static')
  return {
    help: values.help,
    archs,
    nodes,
    out: resolve(values.out),
    release: values.release,
    allowEndOfLife: values['allow-end-of-life'],
    isStatic: values.static,
    staticFrom: values['static-from'],
  }
}

function nodesOf(values, archs) {
  const nodes = {}
  for (const [arch, path] of byTarget('--node', values.node, archs, 'PATH')) {
    if (!existsSync(path)) throw new Error(`--node ${path}: file not found`)
    nodes[arch] = { path: resolve(path), sha256: undefined }
  }
  for (const [arch, hex] of byTarget('--node-sha256', values['node-sha256'], archs, 'HEX')) {
    if (!/^[0-9a-f]{64}$/i.test(hex)) throw new Error(`--node-sha256 ${hex}: must be 64 hexadecimal digits`)
    if (!(arch in nodes)) throw new Error(`--node-sha256: requires --node ${arch}=PATH`)
    nodes[arch].sha256 = hex.toLowerCase()
  }
  return nodes
}

/** Parses `armv7=VALUE`, or `VALUE` if there is only one target, into `['armv7', VALUE]`. */
function byTarget(flag, values, archs, form) {
  return values.map((text) => {
    const [, arch, value] = /^(\w+)=(.+)$/.exec(text) ?? [null, archs.length === 1 ? archs[0] : null, text]
    if (archs.includes(arch)) return [arch, value]
    throw new Error(`${flag} ${text}: specify the target, one of ${archs.map((a) => `${a}=${form}`).join(', ')}`)
  })
}
