// Installs the locked npm packages when they are missing or the lock file changed since.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const LOCK = 'package-lock.json'
const STAMP = 'node_modules/.gatewatch-lock'
/** What npm itself notes of the installed tree. */
const INSTALLED = 'node_modules/.package-lock.json'

/** Runs `npm ci` unless node_modules holds what the lock file says. Optional packages too: Biome and esbuild are there. */
export function installDependencies() {
  const hash = createHash('sha256').update(readFileSync(LOCK)).digest('hex')
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return
  if (!existsSync(INSTALLED) || !matches(readJson(INSTALLED).packages, readJson(LOCK).packages)) {
    if (npm('ci') !== 0) {
      // npm 11 calls a lock file incomplete when a registry lacks a package for another platform (npm/cli#9846).
      const status = npm('install', '--no-save')
      if (status !== 0) throw new Error(`npm install failed (exit code ${status})`)
    }
  }
  writeFileSync(STAMP, hash)
}

/** npm's exit code; the versions are the locked ones in either way of installing. */
function npm(...args) {
  console.error(`setup: npm ${args.join(' ')}`)
  return spawnSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 2, 2] }).status
}

/** Whether the installed packages are the locked ones; those for other platforms are never installed. */
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
