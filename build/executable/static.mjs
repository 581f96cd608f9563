// Alternative build for `--static`: pkg's classic mode with its own patched static Node, half the size and without glibc.
// pkg downloads its bases from its releases page (and verifies them), because they are not npm packages: this requires
// access to that page. Tests only check that it fails with a one-line message.
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { baseOf, CACHE } from './base.mjs'
import { fetchByNpm } from './fetch.mjs'
import { runTool } from './run.mjs'

const PKG = '@yao-pkg/pkg'
const VERSION = '6.23.0'
/** pkg's Node; pkg uses the same names for CPUs. */
const BASE = 'node22-linuxstatic'

/** `work` contains gatewatch.cjs; throws one line if pkg or its base cannot be fetched. */
export function makeStatic({ arch, work, to, say }) {
  const partial = `${to}.${process.pid}.partial`
  try {
    const program = pkg(say)
    // pkg itself requires Node 22 or newer; the pinned Node for this machine is.
    const node = baseOf('x64', undefined, say).path
    const env = { ...process.env, PKG_CACHE_PATH: join(CACHE, 'pkg-bases') }
    const words = [join(work, 'gatewatch.cjs'), '--targets', `${BASE}-${arch}`, '--output', partial]
    say(`making ${BASE}-${arch} with ${PKG}@${VERSION}`)
    try {
      runTool([node, program, ...words], { env })
    } catch (error) {
      throw new Error(
        `pkg cannot fetch its static base for ${arch} from its releases page: ${pkgErrorReason(error.message)}`,
      )
    }
    renameSync(partial, to)
  } catch (error) {
    throw new Error(`--static: ${error.message}`)
  } finally {
    rmSync(partial, { force: true })
  }
}

/** The path of pkg, which is fetched once. */
function pkg(say) {
  const home = join(CACHE, `pkg-${VERSION}`)
  const program = join(home, 'node_modules', PKG, 'lib-es5/bin.js')
  if (existsSync(program)) return program
  say(`fetching ${PKG}@${VERSION}`)
  const partial = `${home}.${process.pid}.partial`
  try {
    fetchByNpm(`${PKG}@${VERSION}`, ['install', '--no-save', '--prefix', partial, `${PKG}@${VERSION}`])
    rmSync(home, { recursive: true, force: true })
    renameSync(partial, home)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
  return program
}

/** The first error that pkg reports. */
export function pkgErrorReason(report) {
  return /Error!\S*\s*(.*)/.exec(report)?.[1] ?? report.split('\n')[0]
}
