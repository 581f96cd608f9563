// Commands: what can be done to a unit, what can become of it, and who may have it done. Pure.
import { globMatcher, isPattern } from './glob.ts'
import type { Cause } from './unit.ts'

export const ACTIONS = ['start', 'stop', 'restart', 'reload', 'reset-failed', 'enable', 'disable'] as const
export type Action = (typeof ACTIONS)[number]

/**
 * What became of it. `skipped`: well, but there was nothing to do (a condition of the unit is not met, a unit file without
 * [Install]); `queued`: not waited for. The others are systemd's results of a job (org.freedesktop.systemd1(5), JobRemoved).
 */
export type Outcome = 'done' | 'skipped' | 'queued' | 'failed' | 'canceled' | 'timeout' | 'dependency'

export interface CommandResult {
  readonly outcome: Outcome
  /** Why the unit ended, where it failed and systemd knows. */
  readonly cause: Cause | null
}

/**
 * Why nothing was done, or nobody knows whether it was. `timed_out`: we waited no longer, and it may be going on.
 * `refused`: systemd's own reasons (a unit without ExecReload=, one that cannot be loaded), in the message.
 */
export type ControlProblem =
  | 'no_such_unit'
  | 'unit_exists'
  | 'masked'
  | 'denied'
  | 'refused'
  | 'unreachable'
  | 'timed_out'

/** What every control operation rejects with; the message is one sentence for people. */
export class ControlError extends Error {
  readonly code: ControlProblem
  constructor(code: ControlProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** How a command reached the agent. */
export type Via = 'http' | 'socket' | 'mqtt'

/** A command from outside, to be obeyed by the running agent. */
export interface UnitCommand {
  readonly action: Action
  /** The full name: `mosquitto.service`. */
  readonly unit: string
  readonly via: Via
  /** Who sent it, where known: a client's certificate, a user's name. */
  readonly who: string | null
  /** Answer `queued` at once instead of waiting for the job. */
  readonly noWait?: boolean
}

/** Whom the configuration lets be controlled. */
export interface ControlRules {
  readonly enabled: boolean
  /** Names and patterns (`control.units`); empty means the watched units. */
  readonly units: readonly string[]
}

/** Null where the unit may be controlled, else why not and what would allow it, in words. */
export function controlRefusal(unit: string, rules: ControlRules, isWatched: (unit: string) => boolean): string | null {
  if (!rules.enabled) return 'control is off: control.enabled in the configuration switches it on'
  if (rules.units.length === 0) {
    return isWatched(unit)
      ? null
      : `${unit} may not be controlled: it is not watched, and control.units names no others`
  }
  const allowed = rules.units.some((name) => (isPattern(name) ? globMatcher(name)(unit) : name === unit))
  return allowed ? null : `${unit} may not be controlled: control.units does not name it`
}
