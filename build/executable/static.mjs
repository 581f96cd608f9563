// The other way, `--static`: pkg's classic mode on its own patched Node, static, half the size, without glibc. Its bases are
// no npm packages: pkg fetches them from its releases page, so this needs a network that reaches it. Not part of any test
// but that it fails with one line where it cannot be done.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { baseOf, CACHE } from './base.mjs'
import { runTool } from './run.mjs'

const PKG = '@yao-pkg/pkg'
const VERSION = '6.23.0'
/** pkg's Node, and its names of our targets. */
const BASE = 'node22-linuxstatic'
const NAMES = { x64: 'x64', arm64: 'arm64', armv7: 'armv7' }

/** `work` holds gatewatch.cjs; throws one line where the base is out of reach. */
export function makeStatic({ arch, work, to, say }) {
  const home = join(CACHE, `pkg-${VERSION}`)
  const program = join(home, 'node_modules', PKG, 'lib-es5/bin.js')
  if (!existsSync(program)) {
    say(`fetching ${PKG}@${VERSION}`)
    mkdirSync(home, { recursive: true })
    runTool([
      'npm',
      'install',
      '--silent',
      '--no-audit',
      '--no-fund',
      '--no-save',
      '--prefix',
      home,
      `${PKG}@${VERSION}`,
    ])
  }
  // pkg needs Node 22 itself; the pinned one for this machine will do.
  const node = baseOf('x64', undefined, say).path
  const half = `${to}.${process.pid}.half`
  const env = { ...process.env, PKG_CACHE_PATH: join(CACHE, 'pkg-bases') }
  try {
    const words = [join(work, 'gatewatch.cjs'), '--targets', `${BASE}-${NAMES[arch]}`, '--output', half]
    runTool([node, program, ...words], { env })
    renameSync(half, to)
  } catch (error) {
    const why = /Error!\S*\s*(.*)/.exec(error.message)?.[1] ?? error.message.split('\n')[0]
    throw new Error(`--static: pkg has no static base for ${arch} here (${why}); it comes from pkg's releases page`)
  } finally {
    rmSync(half, { force: true })
  }
}
