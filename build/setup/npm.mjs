// Installs the locked npm packages if they are missing or the lock file has changed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const LOCK = 'package-lock.json'
const STAMP = 'node_modules/.gatewatch-lock'
/** npm's own record of the installed packages. */
const INSTALLED = 'node_modules/.package-lock.json'

/** Runs `npm ci` unless node_modules matches the lock file. Includes optional packages, which contain the binaries of Biome and esbuild. */
export function installDependencies() {
  const hash = createHash('sha256').update(readFileSync(LOCK)).digest('hex')
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return
  if (!existsSync(INSTALLED) || !matches(readJson(INSTALLED).packages, readJson(LOCK).packages)) {
    if (npm('ci') !== 0) {
      // npm 11 reports a lock file as incomplete if the registry lacks a package for another platform (npm/cli#9846).
      const status = npm('install', '--no-save')
      if (status !== 0) throw new Error(`npm install failed (exit code ${status})`)
    }
  }
  writeFileSync(STAMP, hash)
}

/** Returns npm's exit code. Both ways of installing use the locked versions. */
function npm(...args) {
  console.error(`setup: npm ${args.join(' ')}`)
  return spawnSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 2, 2] }).status
}

/** Whether the installed packages are the locked ones; packages for other platforms are never installed. */
function matches(installed, locked) {
  const wanted = Object.keys(locked).filter((path) => path !== '' && (path in installed || !locked[path].optional))
  return (
    Object.keys(installed).every((path) => path in locked) &&
    wanted.every((path) => installed[path]?.version === locked[path].version && existsSync(path))
  )
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}
