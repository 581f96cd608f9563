// The other way, `--static`: pkg's classic mode on its own patched Node, static, half the size, without glibc. Its bases are
// no npm packages: pkg fetches them from its releases page (and checks them), so this needs a network that reaches it. Not
// part of any test but that it fails with one line where it cannot be done.
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { baseOf, CACHE } from './base.mjs'
import { fetchByNpm } from './fetch.mjs'
import { runTool } from './run.mjs'

const PKG = '@yao-pkg/pkg'
const VERSION = '6.23.0'
/** pkg's Node; pkg's names of CPUs are ours. */
const BASE = 'node22-linuxstatic'

/** `work` holds gatewatch.cjs; throws one line where pkg or its base is out of reach. */
export function makeStatic({ arch, work, to, say }) {
  const half = `${to}.${process.pid}.half`
  try {
    const program = pkg(say)
    // pkg needs Node 22 itself; the pinned one for this machine will do.
    const node = baseOf('x64', undefined, say).path
    const env = { ...process.env, PKG_CACHE_PATH: join(CACHE, 'pkg-bases') }
    const words = [join(work, 'gatewatch.cjs'), '--targets', `${BASE}-${arch}`, '--output', half]
    say(`making ${BASE}-${arch} with ${PKG}@${VERSION}`)
    try {
      runTool([node, program, ...words], { env })
    } catch (error) {
      throw new Error(
        `pkg has no static base for ${arch} here: ${whyOfPkg(error.message)} (it is on pkg's releases page)`,
      )
    }
    renameSync(half, to)
  } catch (error) {
    throw new Error(`--static: ${error.message}`)
  } finally {
    rmSync(half, { force: true })
  }
}

/** pkg's program, fetched once. */
function pkg(say) {
  const home = join(CACHE, `pkg-${VERSION}`)
  const program = join(home, 'node_modules', PKG, 'lib-es5/bin.js')
  if (existsSync(program)) return program
  say(`fetching ${PKG}@${VERSION}`)
  const half = `${home}.${process.pid}.half`
  try {
    fetchByNpm(`${PKG}@${VERSION}`, ['install', '--no-save', '--prefix', half, `${PKG}@${VERSION}`])
    rmSync(home, { recursive: true, force: true })
    renameSync(half, home)
  } finally {
    rmSync(half, { recursive: true, force: true })
  }
  return program
}

/** The first error that pkg reports. */
export function whyOfPkg(report) {
  return /Error!\S*\s*(.*)/.exec(report)?.[1] ?? report.split('\n')[0]
}
