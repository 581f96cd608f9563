// Builds dist/gatewatch.cjs if its sources have changed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { revision } from '../revision.mjs'

const SOURCES = [
  'src',
  'build/bundle.mjs',
  'build/bundle',
  'build/stubs',
  'build/revision.mjs',
  'package.json',
  'package-lock.json',
]
const BUILT = 'dist/gatewatch.cjs'
const STAMP = 'dist/.made-of'

/** `always`: builds even if nothing has changed, and prints a report of sizes. */
export function bundle({ always }) {
  if (!existsSync('src/main.ts')) {
    console.error('setup: src/main.ts does not exist, nothing to build')
    return
  }
  const stamp = [revision(), ...SOURCES.flatMap(describe)].join('\n')
  if (!always && existsSync(BUILT) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return
  const { status } = spawnSync(process.execPath, ['build/bundle.mjs', ...(always ? [] : ['--quiet'])], {
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new Error('building the bundle failed')
  mkdirSync('dist', { recursive: true })
  writeFileSync(STAMP, stamp)
}

/** One line per file: path, size, modification time. */
function describe(path) {
  const { size, mtimeMs } = statSync(path)
  if (!statSync(path).isDirectory()) return [`${path} ${size} ${mtimeMs}`]
  return readdirSync(path)
    .sort()
    .flatMap((name) => describe(join(path, name)))
}
