// Unit commands: the actions, their outcomes and errors, and which units may be controlled.

import type { Cause } from './explain/evidence.ts'
import { globMatcher, isPattern } from './glob.ts'
import { isUnitName } from './unit-name.ts'

export const ACTIONS = ['start', 'stop', 'restart', 'reload', 'reset-failed', 'enable', 'disable'] as const
export type Action = (typeof ACTIONS)[number]

/**
 * Outcome of a command. `skipped`: nothing had to be done (a condition of the unit is not met, or the unit file has no
 * [Install] section). `queued`: the job was not waited for. The others are systemd's job results
 * (org.freedesktop.systemd1(5), JobRemoved).
 */
export type Outcome = 'done' | 'skipped' | 'queued' | 'failed' | 'canceled' | 'timeout' | 'dependency'

export interface CommandResult {
  readonly outcome: Outcome
  /** Why the unit failed, if it did and systemd knows the cause. */
  readonly cause: Cause | null
}

/**
 * Why a command was not carried out, or why its outcome is unknown. `timed_out`: the job may still be running.
 * `refused`: systemd refused it (no ExecReload=, the unit cannot be loaded); the message has the reason.
 */
export type ControlProblem =
  | 'no_such_unit'
  | 'unit_exists'
  | 'masked'
  | 'denied'
  | 'refused'
  | 'unreachable'
  | 'timed_out'

/** The error with which every control operation rejects; its message is one sentence for users. */
export class ControlError extends Error {
  readonly code: ControlProblem
  constructor(code: ControlProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** How a command reached the agent. */
export type Via = 'http' | 'socket' | 'mqtt'

/** A command for one unit, received by the running agent. */
export interface UnitCommand {
  readonly action: Action
  /** The full name: `mosquitto.service`. */
  readonly unit: string
  readonly via: Via
  /** The sender, if known: the name in a client certificate, or a user name. */
  readonly who: string | null
  /** Resolve with `queued` at once instead of waiting for the job. */
  readonly noWait?: boolean
}

/** Which units the configuration allows to be controlled. */
export interface ControlRules {
  readonly enabled: boolean
  /** Names and patterns (`control.units`); if empty, the watched units. */
  readonly units: readonly string[]
}

export const CONTROL_DISABLED = 'control is disabled; set control.enabled to true in the configuration to enable it'

/** Null if the unit may be controlled, else a sentence with the reason and the setting that would allow it. */
export function controlRefusal(unit: string, rules: ControlRules, isWatched: (unit: string) => boolean): string | null {
  if (!rules.enabled) return CONTROL_DISABLED
  // A pattern could match an entry of control.units, and systemctl would apply the action to all units that it matches.
  if (!isUnitName(unit)) return `${unit} is not a full unit name such as mosquitto.service`
  if (rules.units.length === 0) {
    return isWatched(unit)
      ? null
      : `${unit} may not be controlled: it is not a watched unit and not listed in control.units`
  }
  const allowed = rules.units.some((name) => (isPattern(name) ? globMatcher(name)(unit) : name === unit))
  return allowed ? null : `${unit} may not be controlled: it is not listed in control.units`
}
