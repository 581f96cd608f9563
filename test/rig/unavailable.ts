// The one place that says whether a test can have what it needs on this machine, and why not.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'

const SYSTEMD = '/lib/systemd/systemd'
const SYSTEMD_RIG = ['bash', 'busctl', 'dbus-daemon', 'nsenter', 'setpriv', 'setsid', 'unshare']

/** Why not all of these programs can be run here, or null. */
export function missingPrograms(...programs: string[]): string | null {
  const missing = programs.filter((program) => !isInstalled(program))
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : null
}

export function notRoot(): string | null {
  return process.getuid?.() === 0 ? null : 'needs root'
}

/** Why `startSystemd` cannot work here, or null. */
export function noSystemd(): string | null {
  systemdAnswer ??= { why: missingPrograms(SYSTEMD, ...SYSTEMD_RIG) ?? notRoot() ?? noNamespaces() }
  return systemdAnswer.why
}

let systemdAnswer: { why: string | null } | undefined

/** `describe`, or one that is skipped and carries why; `npm test` then says `SKIPPED: name [why]`, and in CI fails. */
export function describeUnless(why: string | null, name: string, suite: () => void): void {
  if (why === null) describe(name, suite)
  else describe.skip(`${name} [${why}]`, suite)
}

function noNamespaces(): string | null {
  const { status, stderr } = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true'], { encoding: 'utf8' })
  return status === 0 ? null : `no namespaces here: ${stderr?.trim()}`
}

function isInstalled(program: string): boolean {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  const paths = program.startsWith('/') ? [program] : directories.map((directory) => join(directory, program))
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
