// Alternative build for `--static`: pkg's classic mode with pkg's own static Node, half the size and without glibc.
// NOT RUN BY US: that Node is only on the releases page of pkg-fetch, which was not reachable where this was written. Tests
// cover the download and the assembly with a dummy file.
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { CACHE, STATIC } from './base.mjs'
import { checkSize } from './check.mjs'
import { download } from './fetch.mjs'
import { digestOf, runInterruptibly } from './run.mjs'

const require = createRequire(import.meta.url)
const PKG = require.resolve('@yao-pkg/pkg/lib-es5/bin.js')
/** pkg-fetch keeps its files in a directory of its own version, as its releases page does: `v3.5`. */
const TAG = `v${require('@yao-pkg/pkg-fetch/package.json').version.split('.').slice(0, 2).join('.')}`

/** Node of a static executable, as known before it is fetched. */
export const staticNode = (arch) => ({ version: STATIC.version, sha256: STATIC.sha256[arch] })

/** `work` contains gatewatch.cjs; `from`: instead of the releases page. Throws one line if the Node cannot be fetched. */
export async function makeStatic({ base: { arch, version, sha256 }, from = STATIC.from, work, to, say, signal }) {
  const cache = join(CACHE, 'pkg')
  const name = `v${version}-linuxstatic-${arch}`
  const node = join(cache, TAG, `fetched-${name}`) // where pkg looks for it before it downloads
  if (!existsSync(node) || digestOf(node) !== sha256) {
    const url = `${from}/${TAG}/node-${name}`
    say(`fetching ${url}`)
    await download(url, { to: node, sha256, signal })
    chmodSync(node, 0o755)
  }
  const partial = `${to}.${process.pid}.partial`
  const script = join(work, 'gatewatch.cjs')
  try {
    // Without bytecode, which pkg would generate by running the target's Node.
    const words = ['--no-bytecode', '--public', '--public-packages', '*']
    const target = ['--targets', `node${version}-linuxstatic-${arch}`, '--output', partial]
    say(`assembling gatewatch-linux-${arch}-static with Node ${version}`)
    const env = { PATH: process.env.PATH, PKG_CACHE_PATH: cache, TMPDIR: work }
    await runInterruptibly([process.execPath, PKG, script, ...target, ...words], { env, signal }).catch((error) => {
      throw error.output ? new Error(`pkg failed: ${pkgErrorReason(error.output)}`) : error
    })
    checkSize(partial, node, script)
    renameSync(partial, to)
  } finally {
    rmSync(partial, { force: true })
  }
}

/** The first error that pkg reports. */
export function pkgErrorReason(report) {
  return /Error!\S*\s*(.*)/.exec(report)?.[1] ?? report.split('\n')[0]
}
