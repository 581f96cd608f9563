// Builds dist/gatewatch.cjs when what it is made of changed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { revision } from '../revision.mjs'

const MADE_OF = [
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

/** `always`: also when nothing changed, with a report of sizes. */
export function bundle({ always }) {
  if (!existsSync('src/main.ts')) {
    console.error('setup: no src/main.ts yet, nothing to build')
    return
  }
  const stamp = [revision(), ...MADE_OF.flatMap(describe)].join('\n')
  if (!always && existsSync(BUILT) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return
  const { status } = spawnSync(process.execPath, ['build/bundle.mjs', ...(always ? [] : ['--quiet'])], {
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new Error('the bundle could not be built')
  mkdirSync('dist', { recursive: true })
  writeFileSync(STAMP, stamp)
}

/** One line a file: path, size, time of change. */
function describe(path) {
  const { size, mtimeMs } = statSync(path)
  if (!statSync(path).isDirectory()) return [`${path} ${size} ${mtimeMs}`]
  return readdirSync(path)
    .sort()
    .flatMap((name) => describe(join(path, name)))
}
