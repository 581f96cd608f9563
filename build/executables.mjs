// Builds dist/gatewatch-linux-{x64,arm64,armv7}: one file each that needs no Node on the gateway.
//   node build/executables.mjs [--target x64|arm64|armv7|script]... [--node [TARGET=]PATH]... [--static] [--out DIR]
// `--static`: with pkg's own static Node (build/executable/static.mjs), as gatewatch-linux-TARGET-static.
// `--node`: another Node executable than the pinned one, for a target. `script`: only the bundle, which is there already.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { baseOf, supportEnds } from './executable/base.mjs'
import { makeExecutable, PROCEDURE } from './executable/make.mjs'
import { partsPath } from './executable/parts.mjs'
import { digestOf } from './executable/run.mjs'
import { makeStatic } from './executable/static.mjs'
import { nameOf, TARGETS } from './executable/targets.mjs'
import { needTools } from './executable/tools.mjs'

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
  if (unknown) throw new Error(`--target ${unknown}: one of ${Object.keys(TARGETS).join(', ')}, script`)
  const archs = values.target.filter((arch) => arch !== 'script')
  const nodes = nodesOf(values.node, archs)
  needTools(archs)
  mkdirSync(values.out, { recursive: true })
  if (values.static) for (const arch of archs) buildStatic(arch, resolve(values.out))
  else for (const arch of archs) build(arch, nodes[arch], resolve(values.out))
} catch (error) {
  console.error(`build: ${error.message}`)
  process.exitCode = 1
}

/** `armv7=PATH`, or `PATH` where there is one target, as `{ armv7: PATH }`. */
function nodesOf(given, archs) {
  return Object.fromEntries(
    given.map((text) => {
      const [, arch, path] = /^(\w+)=(.+)$/.exec(text) ?? [null, archs.length === 1 ? archs[0] : null, text]
      if (!archs.includes(arch))
        throw new Error(`--node ${text}: which target? One of ${archs.map((a) => `${a}=PATH`).join(', ')}`)
      if (!existsSync(path)) throw new Error(`--node ${text}: there is no ${path}`)
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
    const parts = { key: key.digest('hex'), node: { ...base, path: undefined, supportEnds: ends }, packages }
    if (isDone(to, parts.key)) say(`gatewatch-${nameOf(arch)} is up to date`)
    else {
      say(`making gatewatch-${nameOf(arch)} with Node ${base.version}`)
      makeExecutable({ arch, base, work, to })
      writeFileSync(partsPath(to), JSON.stringify({ ...parts, sha256: digestOf(to) }, null, 2))
    }
    const mb = (statSync(to).size / 1e6).toFixed(1)
    say(`${to}  ${mb} MB, Node ${base.version}, supported until ${ends ?? 'nobody here knows when'}`)
    if (ends !== null && ends < new Date().toISOString().slice(0, 10))
      say(
        `WARNING: Node ${base.version} is past its end of life (${ends}); for a release give a supported one by --node`,
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

/** Writes the script for this target; returns the names of the packages in it. */
function bundle(arch, ends, work) {
  const args = ['--quiet', '--out', join(work, 'gatewatch.cjs'), '--packages', join(work, 'packages.json')]
  const { status } = spawnSync(
    process.execPath,
    ['build/bundle.mjs', ...args, '--target', nameOf(arch), '--support-ends', ends ?? ''],
    { stdio: ['ignore', 2, 2] },
  )
  if (status !== 0) throw new Error('the bundle could not be built')
  return JSON.parse(readFileSync(join(work, 'packages.json'), 'utf8'))
}

function isDone(to, key) {
  if (!existsSync(to) || !existsSync(partsPath(to))) return false
  const parts = JSON.parse(readFileSync(partsPath(to), 'utf8'))
  return parts.key === key && parts.sha256 === digestOf(to)
}
