// Provides the Node executable for a target: fetched once, verified against its checksum, stripped, and cached.
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fetchByNpm } from './fetch.mjs'
import { digestOf, runTool } from './run.mjs'
import { TARGETS } from './targets.mjs'

export const {
  bases: BASES,
  static: STATIC,
  support_ends: SUPPORT_ENDS,
} = JSON.parse(readFileSync(new URL('../bases.json', import.meta.url), 'utf8'))

/** Part of the names in the cache: changes with how an executable is stripped. */
const STRIPPED = 'bare'

/** The name of the file with the digest of the executable before it was stripped. */
const OFFICIAL_DIGEST = 'official.sha256'

/** Outside the source tree, so that a fresh clone does not fetch it again. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gatewatch')

/**
 * `{ path, version, sha256, licence, origin }` of the stripped executable. `sha256` is that of the official executable,
 * before it was stripped; `origin` is the npm package, or null for a `node` given as `{ path, sha256 }`. It must be
 * stripped before the application is injected; afterwards, stripping would destroy the file.
 */
export function baseOf(arch, node, say) {
  return node === undefined ? pinnedNode(arch, say) : customNode(arch, node)
}

function pinnedNode(arch, say) {
  const { package: name, version, integrity } = BASES[arch]
  const id = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex').slice(0, 16)
  const home = join(CACHE, `${name}-${version}-${id}-${STRIPPED}`)
  const base = () => ({ ...inCache(home), version, licence: join(home, 'LICENSE'), origin: { name, integrity } })
  if (isComplete(home)) return base()
  say(`fetching ${name}@${version}`)
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, '.fetch-'))
  try {
    const pack = ['pack', `${name}@${version}`, '--pack-destination', work]
    const packed = join(work, fetchByNpm(`${name}@${version}`, pack).trim().split('\n').at(-1))
    const actual = `sha512-${digestOf(packed, 'sha512', 'base64')}`
    if (actual !== integrity)
      throw new Error(`${name}@${version} does not match build/bases.json: expected ${integrity}, got ${actual}`)
    runTool(['tar', '-xzf', packed, '-C', work, '--strip-components=1', 'package/bin/node', 'package/LICENSE'])
    strip(arch, join(work, 'bin/node'), work)
    for (const unneeded of [packed, join(work, 'bin')]) rmSync(unneeded, { recursive: true })
    moveToCache(work, home)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return base()
}

/** A Node given with --node: for a version that is not in an npm package, or a newer one that is still supported. */
function customNode(arch, { path, sha256 }) {
  const digest = digestOf(path)
  if (sha256 !== undefined && digest !== sha256)
    throw new Error(`--node ${path}: its SHA-256 is ${digest}, but --node-sha256 requires ${sha256}; not used`)
  const home = join(CACHE, `given-${digest.slice(0, 16)}-${STRIPPED}`)
  if (!isComplete(home)) {
    mkdirSync(CACHE, { recursive: true })
    const work = mkdtempSync(join(CACHE, '.given-'))
    try {
      strip(arch, path, work)
      moveToCache(work, home)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }
  const base = inCache(home)
  if (base.sha256 !== digest) throw new Error(`--node ${path}: the file changed while it was read`)
  const version = runTool([...TARGETS[arch].run, base.path, '--version'])
    .trim()
    .slice(1)
  const licence = ['../LICENSE', 'LICENSE'].map((name) => join(dirname(path), name)).find(existsSync)
  if (licence) copyFileSync(licence, join(home, 'LICENSE'))
  return { ...base, version, licence: licence ? join(home, 'LICENSE') : null, origin: null }
}

/** Strips `from` into `work`, and writes its digest beside it. */
function strip(arch, from, work) {
  const machine = machineOf(from)
  if (machine !== TARGETS[arch].machine)
    throw new Error(`${from} is ${describeMachine(machine)}; expected an executable for ${arch}`)
  const copy = join(work, 'official')
  copyFileSync(from, copy)
  writeFileSync(join(work, OFFICIAL_DIGEST), digestOf(copy))
  runTool([TARGETS[arch].strip, '--remove-section=.comment', '-o', join(work, 'node'), copy])
  rmSync(copy)
}

/** Moves `work` into the cache atomically. */
function moveToCache(work, home) {
  writeFileSync(join(work, 'node.sha256'), digestOf(join(work, 'node')))
  rmSync(home, { recursive: true, force: true })
  try {
    renameSync(work, home)
  } catch (error) {
    if (!isComplete(home)) throw error // else another build has just put the same files there
  }
}

const inCache = (home) => ({
  path: join(home, 'node'),
  sha256: readFileSync(join(home, OFFICIAL_DIGEST), 'utf8'),
})

function isComplete(home) {
  const sum = join(home, 'node.sha256')
  if (!existsSync(sum) || !existsSync(join(home, OFFICIAL_DIGEST))) return false
  return digestOf(join(home, 'node')) === readFileSync(sum, 'utf8')
}

/** e_machine of an ELF header (elf(5)); 0 if the file is not an ELF file. */
function machineOf(path) {
  const head = Buffer.alloc(20)
  const file = openSync(path, 'r')
  readSync(file, head)
  closeSync(file)
  return head.toString('latin1', 0, 4) === '\x7fELF' ? head.readUInt16LE(18) : 0
}

function describeMachine(machine) {
  const known = Object.entries(TARGETS).find(([, target]) => target.machine === machine)
  if (known) return `for ${known[0]}`
  return machine === 0 ? 'not an ELF file' : `for another CPU (ELF machine ${machine})`
}
