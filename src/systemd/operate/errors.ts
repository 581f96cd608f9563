// Converts errors of systemd and the bus into control errors with a message for the user.
import { userInfo } from 'node:os'
import { ControlError, type ControlProblem } from '../../core/command.ts'
import { messageOf } from '../../core/error-text.ts'
import { errorNameOf, isGone } from '../../dbus/bus.ts'

/** D-Bus error names (systemd's bus-common-errors.h, and the D-Bus specification). */
const CODES: Readonly<Record<string, ControlProblem>> = {
  'org.freedesktop.systemd1.NoSuchUnit': 'no_such_unit',
  'org.freedesktop.DBus.Error.FileNotFound': 'no_such_unit',
  'org.freedesktop.systemd1.UnitMasked': 'masked',
  'org.freedesktop.systemd1.UnitExists': 'unit_exists',
  'org.freedesktop.DBus.Error.FileExists': 'unit_exists',
  'org.freedesktop.DBus.Error.AccessDenied': 'denied',
  'org.freedesktop.DBus.Error.AuthFailed': 'denied',
  'org.freedesktop.DBus.Error.InteractiveAuthorizationRequired': 'denied',
  'org.freedesktop.DBus.Error.NoReply': 'timed_out',
  'org.freedesktop.DBus.Error.TimedOut': 'timed_out',
  timeout: 'timed_out',
}

/** `what` reads after "is not allowed to": `start mosquitto.service`. A `ControlError` is returned unchanged. */
export function controlError(error: unknown, what: string, unit: string): ControlError {
  if (error instanceof ControlError) return error
  const code = codeOf(error)
  const words = messageOf(error)
  return new ControlError(code, problemText(code, what, unit, words), { cause: error })
}

function codeOf(error: unknown): ControlProblem {
  return CODES[errorNameOf(error)] ?? (isGone(error) ? 'unreachable' : 'refused')
}

/** The message for the user, the same for both back ends; `words` is the message of systemd or the bus. */
export function problemText(code: ControlProblem, what: string, unit: string, words: string): string {
  switch (code) {
    case 'no_such_unit':
      return `${unit}: no such unit: systemd found no unit file with this name`
    case 'masked':
      return `${unit} is masked; run 'systemctl unmask ${unit}' to allow it to start`
    case 'unit_exists':
      return `${unit} already exists`
    case 'denied':
      return `permission denied: ${userName()} is not allowed to ${what}; run as root (sudo) or install gatewatch's polkit rule for this user`
    case 'timed_out':
      return `timed out waiting for systemd to ${what} (${words}); it may still do so`
    case 'unreachable':
      return `cannot reach systemd: ${words}`
    case 'refused':
      return `systemd refused to ${what}: ${words}`
  }
}

export function timedOut(timeoutMs: number): ControlError {
  return new ControlError('timed_out', `timed out after ${timeoutMs / 1000} s; systemd may still be working on it`)
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `user ${process.getuid?.() ?? ''}` // has no entry in passwd(5)
  }
}
