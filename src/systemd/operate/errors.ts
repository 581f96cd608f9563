// What systemd or the bus answers when it does not do a thing, as an error in the user's words.
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

/** `what` reads after "may not": `start mosquitto.service`. A `ControlError` stays itself. */
export function controlError(error: unknown, what: string, unit: string): ControlError {
  if (error instanceof ControlError) return error
  const code = codeOf(error)
  const words = messageOf(error)
  return new ControlError(code, problemText(code, what, unit, words), { cause: error })
}

function codeOf(error: unknown): ControlProblem {
  return CODES[errorNameOf(error)] ?? (isGone(error) ? 'unreachable' : 'refused')
}

/** The sentence for people; `words` is what the other side said. The same for both back ends. */
export function problemText(code: ControlProblem, what: string, unit: string, words: string): string {
  switch (code) {
    case 'no_such_unit':
      return `${unit}: no such unit: systemd finds no file of that name`
    case 'masked':
      return `${unit} is masked: 'systemctl unmask ${unit}' lets it be started again`
    case 'unit_exists':
      return `${unit} exists already`
    case 'denied':
      return `permission denied: ${userName()} may not ${what}: be root (sudo), or install the polkit rule of gatewatch for this user`
    case 'timed_out':
      return `timed out: cannot tell whether systemd will still ${what} (${words})`
    case 'unreachable':
      return `systemd cannot be reached: ${words}`
    case 'refused':
      return `systemd does not ${what}: ${words}`
  }
}

export function timedOut(timeoutMs: number): ControlError {
  return new ControlError('timed_out', `timed out: not done within ${timeoutMs / 1000} s; systemd may still be at it`)
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `the user ${process.getuid?.() ?? ''}` // without an entry in passwd(5)
  }
}
