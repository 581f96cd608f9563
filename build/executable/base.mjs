// The Node executable that a target's file is made of: fetched once, checked against its checksum, stripped, cached.
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

/** Outside of the tree, so that a fresh clone has no need to fetch again. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gatewatch')

/** The day that support of a Node version ends (`2028-04-30`), or null where it is not known. */
export const supportEnds = (version) => SUPPORT_ENDS[version.split('.')[0]] ?? null

/**
 * `{ path, version, licence, origin }` of the stripped executable; `origin` is the package, or null where it is `node`, a
 * path given by hand. Stripping comes before anything is put in: afterwards it would destroy the file.
 */
export function baseOf(arch, node, say) {
  return node === undefined ? fetched(arch, say) : given(arch, resolve(node))
}

function fetched(arch, say) {
  const { package: name, version, integrity } = BASES[arch]
  const id = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex').slice(0, 16)
  const home = join(CACHE, `${name}-${version}-${id}`)
  const base = { path: join(home, 'node'), version, licence: join(home, 'LICENSE'), origin: { name, integrity } }
  if (isWhole(home)) return base
  say(`fetching ${name}@${version}`)
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, '.fetch-'))
  try {
    const pack = ['pack', `${name}@${version}`, '--pack-destination', work]
    const packed = join(work, fetchByNpm(`${name}@${version}`, pack).trim().split('\n').at(-1))
    const got = `sha512-${digestOf(packed, 'sha512', 'base64')}`
    if (got !== integrity)
      throw new Error(`${name}@${version} is not the pinned file: build/bases.json has ${integrity}, this is ${got}`)
    runTool(['tar', '-xzf', packed, '-C', work, '--strip-components=1', 'package/bin/node', 'package/LICENSE'])
    strip(arch, join(work, 'bin/node'), join(work, 'node'))
    for (const done of [packed, join(work, 'bin')]) rmSync(done, { recursive: true })
    settle(work, home)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return base
}

/** Somebody's own Node: for a version that no package carries, or one that is still supported. */
function given(arch, node) {
  const home = join(CACHE, `given-${digestOf(node).slice(0, 16)}`)
  const path = join(home, 'node')
  if (!isWhole(home)) {
    mkdirSync(CACHE, { recursive: true })
    const work = mkdtempSync(join(CACHE, '.given-'))
    try {
      strip(arch, node, join(work, 'node'))
      const licence = ['../LICENSE', 'LICENSE'].map((name) => join(dirname(node), name)).find(existsSync)
      if (licence) copyFileSync(licence, join(work, 'LICENSE'))
      settle(work, home)
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
  if (machine !== TARGETS[arch].machine) throw new Error(`${from} is ${nameOfMachine(machine)}, not for ${arch}`)
  runTool([TARGETS[arch].strip, '-o', to, from])
}

/** What was made in `work` takes its place in the cache at once. */
function settle(work, home) {
  writeFileSync(join(work, 'node.sha256'), digestOf(join(work, 'node')))
  rmSync(home, { recursive: true, force: true })
  renameSync(work, home)
}

function isWhole(home) {
  const sum = join(home, 'node.sha256')
  return existsSync(sum) && digestOf(join(home, 'node')) === readFileSync(sum, 'utf8')
}

/** e_machine of an ELF header (elf(5)); zero for what is none. */
function machineOf(path) {
  const head = Buffer.alloc(20)
  const file = openSync(path, 'r')
  readSync(file, head)
  closeSync(file)
  return head.toString('latin1', 0, 4) === '\x7fELF' ? head.readUInt16LE(18) : 0
}

function nameOfMachine(machine) {
  const known = Object.entries(TARGETS).find(([, target]) => target.machine === machine)
  if (known) return `for ${known[0]}`
  return machine === 0 ? 'no executable' : `for another CPU (ELF machine ${machine})`
}
