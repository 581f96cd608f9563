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
import { dirname, join, resolve } from 'node:path'
import { fetchByNpm } from './fetch.mjs'
import { digestOf, runTool } from './run.mjs'
import { TARGETS } from './targets.mjs'

const { bases, support_ends: SUPPORT_ENDS } = JSON.parse(
  readFileSync(new URL('../bases.json', import.meta.url), 'utf8'),
)
export const BASES = bases

/** Outside the source tree, so that a fresh clone does not fetch it again. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gatewatch')

/** The date on which support of a Node version ends (`2028-04-30`), or null if unknown. */
export const supportEnds = (version) => SUPPORT_ENDS[version.split('.')[0]] ?? null

/**
 * `{ path, version, licence, origin }` of the stripped executable; `origin` is the npm package, or null for a path given
 * as `node`. It must be stripped before the application is injected; afterwards, stripping would destroy the file.
 */
export function baseOf(arch, node, say) {
  return node === undefined ? pinnedNode(arch, say) : customNode(arch, resolve(node))
}

function pinnedNode(arch, say) {
  const { package: name, version, integrity } = BASES[arch]
  const id = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex').slice(0, 16)
  const home = join(CACHE, `${name}-${version}-${id}`)
  const base = { path: join(home, 'node'), version, licence: join(home, 'LICENSE'), origin: { name, integrity } }
  if (isComplete(home)) return base
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
    strip(arch, join(work, 'bin/node'), join(work, 'node'))
    for (const unneeded of [packed, join(work, 'bin')]) rmSync(unneeded, { recursive: true })
    moveToCache(work, home)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return base
}

/** A Node given with --node: for a version that is not in an npm package, or a newer one that is still supported. */
function customNode(arch, node) {
  const home = join(CACHE, `given-${digestOf(node).slice(0, 16)}`)
  const path = join(home, 'node')
  if (!isComplete(home)) {
    mkdirSync(CACHE, { recursive: true })
    const work = mkdtempSync(join(CACHE, '.given-'))
    try {
      strip(arch, node, join(work, 'node'))
      const licence = ['../LICENSE', 'LICENSE'].map((name) => join(dirname(node), name)).find(existsSync)
      if (licence) copyFileSync(licence, join(work, 'LICENSE'))
      moveToCache(work, home)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }
  const version = runTool([...TARGETS[arch].run, path, '--version'])
    .trim()
    .slice(1)
  return { path, version, licence: existsSync(join(home, 'LICENSE')) ? join(home, 'LICENSE') : null, origin: null }
}

function strip(arch, from, to) {
  const machine = machineOf(from)
  if (machine !== TARGETS[arch].machine)
    throw new Error(`${from} is ${describeMachine(machine)}; expected an executable for ${arch}`)
  runTool([TARGETS[arch].strip, '-o', to, from])
}

/** Moves `work` into the cache atomically. */
function moveToCache(work, home) {
  writeFileSync(join(work, 'node.sha256'), digestOf(join(work, 'node')))
  rmSync(home, { recursive: true, force: true })
  renameSync(work, home)
}

function isComplete(home) {
  const sum = join(home, 'node.sha256')
  return existsSync(sum) && digestOf(join(home, 'node')) === readFileSync(sum, 'utf8')
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
