// Paths of configuration, state file, socket and bus: the system's, or with --user those of the user (XDG).

import { dirname } from 'node:path'
import type { Env } from '../ports.ts'

export interface Paths {
  readonly user: boolean
  readonly configFile: string
  readonly stateFile: string
  readonly socket: string
  /** Default address of the bus. */
  readonly bus: string
  readonly port: number
}

/** Where the former program kept its counters. Its configuration names a file there, which gatewatch does not write. */
const FORMER_DIRECTORY = '/var/lib/service_monitor'
export const FORMER_STATES = `${FORMER_DIRECTORY}/service_states.json`

export function isOfFormerProgram(path: string): boolean {
  return dirname(path) === FORMER_DIRECTORY
}

export const SYSTEM_PATHS: Paths = {
  user: false,
  configFile: '/etc/gatewatch/config.json',
  stateFile: '/var/lib/gatewatch/state.ring',
  socket: '/run/gatewatch/gatewatch.sock',
  bus: 'unix:path=/run/dbus/system_bus_socket',
  port: 9100,
}

/** XDG Base Directory Specification; without XDG_RUNTIME_DIR `/run/user/<uid>`, as pam_systemd(8). */
export function pathsOf(user: boolean, env: Env, uid: number): Paths {
  if (!user) return { ...SYSTEM_PATHS, bus: env.DBUS_SYSTEM_BUS_ADDRESS || SYSTEM_PATHS.bus }
  const home = env.HOME || '/root'
  const runtime = absolute(env.XDG_RUNTIME_DIR) ?? `/run/user/${uid}`
  return {
    user: true,
    configFile: `${absolute(env.XDG_CONFIG_HOME) ?? `${home}/.config`}/gatewatch/config.json`,
    stateFile: `${absolute(env.XDG_STATE_HOME) ?? `${home}/.local/state`}/gatewatch/state.ring`,
    socket: `${runtime}/gatewatch/gatewatch.sock`,
    bus: env.DBUS_SESSION_BUS_ADDRESS || `unix:path=${runtime}/bus`,
    port: 0,
  }
}

/** The directory of the administrator's or the user's own unit files (systemd.unit(5), "Unit File Load Path"). */
export function unitDirectory({ user, configFile }: Paths): string {
  return user ? `${dirname(dirname(configFile))}/systemd/user` : '/etc/systemd/system'
}

/** The specification: a relative path is invalid and must be ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith('/') ? path : undefined
}
