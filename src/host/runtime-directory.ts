// Where this process may keep what need not survive a power cut.

import type { Env } from '../ports.ts'
/**
 * The runtime directory: systemd's `$RUNTIME_DIRECTORY` (systemd.exec(5); the first of several), else
 * `/run/gatewatch` as root, else below `$XDG_RUNTIME_DIR`; null where there is none.
 */
export function runtimeDirectory(env: Env, uid: number): string | null {
  const first = env['RUNTIME_DIRECTORY']?.split(':')[0]
  if (first) return first
  if (uid === 0) return '/run/gatewatch'
  return env['XDG_RUNTIME_DIR'] ? `${env['XDG_RUNTIME_DIR']}/gatewatch` : null
}
