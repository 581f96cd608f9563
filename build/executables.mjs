// Builds dist/gatewatch-linux-{x64,arm64,armv7}: standalone executables for gateways without Node.
//   node build/executables.mjs [--target x64|arm64|armv7|script]... [--node [TARGET=]PATH]... [--static] [--out DIR]
// `--static`: with pkg's static Node (build/executable/static.mjs), as gatewatch-linux-TARGET-static. `--node`: uses another
// Node executable than the pinned one. `script`: only the bundle, which `npm run build` has already built.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { baseOf, supportEnds } from './executable/base.mjs'
import { buildInfoPath } from './executable/build-info.mjs'
import { makeExecutable, PROCEDURE } from './executable/make.mjs'
import { digestOf } from './executable/run.mjs'
import { makeStatic } from './executable/static.mjs'
import { nameOf, TARGETS } from './executable/targets.mjs'
import { requireTools } from './executable/tools.mjs'

const started = Date.now()
const say = (text) => console.error(`build: ${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s  ${text}`)

try {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true, default: Object.keys(TARGETS) },
      node: { type: 'string', multiple: true, default: [] },
      static: { type: 'boolean', default: false },
      out: { type: 'string', default: 'dist' },
    },
  })
  const unknown = values.target.find((arch) => arch !== 'script' && !(arch in TARGETS))
  if (unknown)
    throw new Error(`--target ${unknown}: unknown target, use one of ${Object.keys(TARGETS).join(', ')}, script`)
  const archs = values.target.filter((arch) => arch !== 'script')
  const nodes = nodesOf(values.node, archs)
  requireTools(archs)
  mkdirSync(values.out, { recursive: true })
  if (values.static) for (const arch of archs) buildStatic(arch, resolve(values.out))
  else for (const arch of archs) build(arch, nodes[arch], resolve(values.out))
} catch (error) {
  console.error(`build: ${error.message}`)
  process.exitCode = 1
}

/** Parses `armv7=PATH`, or `PATH` if there is only one target, into `{ armv7: PATH }`. */
function nodesOf(values, archs) {
  return Object.fromEntries(
    values.map((text) => {
      const [, arch, path] = /^(\w+)=(.+)$/.exec(text) ?? [null, archs.length === 1 ? archs[0] : null, text]
      if (!archs.includes(arch))
        throw new Error(`--node ${text}: specify the target, one of ${archs.map((a) => `${a}=PATH`).join(', ')}`)
      if (!existsSync(path)) throw new Error(`--node ${text}: file not found`)
      return [arch, path]
    }),
  )
}

function build(arch, node, out) {
  const to = join(out, `gatewatch-${nameOf(arch)}`)
  const base = baseOf(arch, node, say)
  const ends = supportEnds(base.version)
  const work = mkdtempSync(join(tmpdir(), 'gw-build-'))
  try {
    const packages = bundle(arch, ends, work)
    const key = createHash('sha256')
    for (const part of [digestOf(base.path), digestOf(join(work, 'gatewatch.cjs')), PROCEDURE]) key.update(`${part}\n`)
    const info = { key: key.digest('hex'), node: { ...base, path: undefined, supportEnds: ends }, packages }
    if (isUpToDate(to, info.key)) say(`gatewatch-${nameOf(arch)} is up to date`)
    else {
      say(`building gatewatch-${nameOf(arch)} with Node ${base.version}`)
      makeExecutable({ arch, base, work, to })
      writeFileSync(buildInfoPath(to), JSON.stringify({ ...info, sha256: digestOf(to) }, null, 2))
    }
    const mb = (statSync(to).size / 1e6).toFixed(1)
    say(
      `${to}  ${mb} MB, Node ${base.version}, ${ends === null ? 'end of support unknown' : `supported until ${ends}`}`,
    )
    if (ends !== null && ends < new Date().toISOString().slice(0, 10))
      say(
        `WARNING: Node ${base.version} is past its end of life (${ends}); for a release, pass a supported Node with --node`,
      )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function buildStatic(arch, out) {
  const to = join(out, `gatewatch-${nameOf(arch)}-static`)
  const work = mkdtempSync(join(tmpdir(), 'gw-build-'))
  try {
    bundle(arch, null, work)
    makeStatic({ arch, work, to, say })
    say(`${to}  ${(statSync(to).size / 1e6).toFixed(1)} MB`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Bundles the script for this target; returns the paths of the packages in it. */
function bundle(arch, ends, work) {
  const args = ['--quiet', '--out', join(work, 'gatewatch.cjs'), '--packages', join(work, 'packages.json')]
  const { status } = spawnSync(
    process.execPath,
    ['build/bundle.mjs', ...args, '--target', nameOf(arch), '--support-ends', ends ?? ''],
    { stdio: ['ignore', 2, 2] },
  )
  if (status !== 0) throw new Error('building the bundle failed')
  return JSON.parse(readFileSync(join(work, 'packages.json'), 'utf8'))
}

function isUpToDate(to, key) {
  if (!existsSync(to) || !existsSync(buildInfoPath(to))) return false
  const info = JSON.parse(readFileSync(buildInfoPath(to), 'utf8'))
  return info.key === key && info.sha256 === digestOf(to)
}
