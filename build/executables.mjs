// Builds dist/gatewatch-linux-{x64,arm64,armv7}: standalone executables for gateways without Node. Options:
// `npm run build -- --help` (build/executable/options.mjs). `--target script` is only the bundle, which `npm run build` has
// already built.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { baseOf } from './executable/base.mjs'
import { buildInfoPath, sourceMapPath } from './executable/build-info.mjs'
import { makeExecutable, PROCEDURE } from './executable/make.mjs'
import { buildOptions, HELP } from './executable/options.mjs'
import { digestOf, runTool } from './executable/run.mjs'
import { makeStatic, staticNode } from './executable/static.mjs'
import { isPastSupport, requireReleasable, supportEnds } from './executable/support.mjs'
import { nameOf, TARGETS } from './executable/targets.mjs'
import { requireTools } from './executable/tools.mjs'

const started = Date.now()
const say = (text) => console.error(`build: ${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s  ${text}`)

const interrupted = new AbortController()
for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'])
  process.once(name, () => interrupted.abort(new Error(`stopped by ${name}; nothing was left half built`)))

try {
  const options = buildOptions(process.argv.slice(2))
  if (options.help) process.stdout.write(HELP)
  else await buildAll(options)
} catch (error) {
  console.error(`build: ${error.message}`)
  process.exitCode = 1
}

async function buildAll({ archs, nodes, isStatic, staticFrom, release, allowEndOfLife, out }) {
  requireTools(archs)
  mkdirSync(out, { recursive: true })
  const bases = archs.map((arch) => {
    const base = isStatic ? staticNode(arch) : baseOf(arch, nodes[arch], say)
    const ends = supportEnds(base.version)
    return { ...base, arch, supportEnds: ends, endOfLifeAllowed: allowEndOfLife && isPastSupport(ends) }
  })
  if (release) requireReleasable(bases)
  for (const base of bases) {
    if (isStatic) await buildStatic(base, staticFrom, out)
    else await build(base, out)
  }
}

async function build(base, out) {
  const { arch, version, supportEnds: ends } = base
  const to = join(out, `gatewatch-${nameOf(arch)}`)
  await inWorkDirectory(base, async (work, packages) => {
    const key = createHash('sha256')
    for (const part of [digestOf(base.path), digestOf(join(work, 'gatewatch.cjs')), PROCEDURE]) key.update(`${part}\n`)
    const info = { key: key.digest('hex'), packages }
    if (isUpToDate(to, info.key)) say(`gatewatch-${nameOf(arch)} is up to date`)
    else {
      say(`building gatewatch-${nameOf(arch)} with Node ${version}`)
      await makeExecutable({ arch, base, work, to, signal: interrupted.signal })
      const node = { ...base, path: undefined, versions: versionsIn(base) }
      writeFileSync(buildInfoPath(to), JSON.stringify({ ...info, node, sha256: digestOf(to) }, null, 2))
    }
    copyFileSync(join(work, 'gatewatch.cjs.map'), sourceMapPath(to)) // a new one even if only comments have changed
  })
  const support = ends === null ? 'end of support unknown' : `supported until ${ends}`
  say(`${to}  ${megabytes(to)}, Node ${version}, ${support}`)
  if (isPastSupport(ends))
    say(`WARNING: Node ${version} is past its end of life (${ends}); for a release, pass a supported Node with --node`)
}

/** The versions of what Node.js contains: its `process.versions`. */
function versionsIn({ arch, path }) {
  return JSON.parse(runTool([...TARGETS[arch].run, path, '-p', 'JSON.stringify(process.versions)']))
}

async function buildStatic(base, from, out) {
  const to = join(out, `gatewatch-${nameOf(base.arch)}-static`)
  try {
    await inWorkDirectory(base, (work) => makeStatic({ base, from, work, to, say, signal: interrupted.signal }))
  } catch (error) {
    throw new Error(`--static: ${error.message}`)
  }
  say(`${to}  ${megabytes(to)}, Node ${base.version}; assembled, but never run by us`)
}

/** Calls `make` with a directory that contains the script for this target, and the paths of the packages in it. */
async function inWorkDirectory(base, make) {
  const work = mkdtempSync(join(tmpdir(), 'gw-build-'))
  try {
    await make(work, bundle(base, work))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function bundle({ arch, sha256, supportEnds: ends, endOfLifeAllowed }, work) {
  const node = { supported_until: ends, sha256, end_of_life_allowed: endOfLifeAllowed }
  const args = ['--quiet', '--out', join(work, 'gatewatch.cjs'), '--packages', join(work, 'packages.json')]
  const { status } = spawnSync(
    process.execPath,
    ['build/bundle.mjs', ...args, '--target', nameOf(arch), '--node', JSON.stringify(node)],
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

function megabytes(path) {
  return `${(statSync(path).size / 1e6).toFixed(1)} MB`
}
