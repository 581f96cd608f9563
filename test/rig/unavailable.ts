// Decides whether a test can run on this machine, and explains why not.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'

const SYSTEMD = '/lib/systemd/systemd'
const SYSTEMD_RIG = ['bash', 'busctl', 'dbus-daemon', 'nsenter', 'setpriv', 'setsid', 'unshare']

/** Which of these programs are missing, as a reason to skip a test; null if none is. */
export function missingPrograms(...programs: string[]): string | null {
  const missing = programs.filter((program) => !isInstalled(program))
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : null
}

export function notRoot(): string | null {
  return process.getuid?.() === 0 ? null : 'needs root'
}

/** Why `startSystemd` cannot work on this machine, or null. */
export function noSystemd(): string | null {
  systemdCheck ??= { why: missingPrograms(SYSTEMD, ...SYSTEMD_RIG) ?? notRoot() ?? noNamespaces() }
  return systemdCheck.why
}

let systemdCheck: { why: string | null } | undefined

/** `describe`, or a skipped one with the reason in its name; `npm test` then prints `SKIPPED: name [why]`, and fails in CI. */
export function describeUnless(why: string | null, name: string, suite: () => void): void {
  if (why === null) describe(name, suite)
  else describe.skip(`${name} [${why}]`, suite)
}

function noNamespaces(): string | null {
  const { status, stderr } = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true'], { encoding: 'utf8' })
  return status === 0 ? null : `namespaces are not permitted: ${stderr?.trim()}`
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
