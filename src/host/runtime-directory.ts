// Finds the runtime directory, for files that need not survive a reboot.
import type { Env } from '../ports.ts'

/**
 * systemd's `$RUNTIME_DIRECTORY` (systemd.exec(5); the first one if there are several), else `/run/gatewatch` as root,
 * else a directory in `$XDG_RUNTIME_DIR`; null if there is none.
 */
export function runtimeDirectory(env: Env, uid: number): string | null {
  const first = env['RUNTIME_DIRECTORY']?.split(':')[0]
  if (first) return first
  if (uid === 0) return '/run/gatewatch'
  return env['XDG_RUNTIME_DIR'] ? `${env['XDG_RUNTIME_DIR']}/gatewatch` : null
}
