// What systemd shows of a unit in a list and in detail, whether the agent watches it or not.
import type { Cause } from './explain/evidence.ts'

export interface ListedUnit {
  readonly unit: string
  readonly description: string
  readonly loadState: string
  readonly activeState: string
  readonly subState: string
}

/** A unit that starts another one while it is active: a timer, a path, a socket, a unit that upholds it. */
export interface UnitTrigger {
  readonly unit: string
  readonly activeState: string
  /** Wall time in ms at which a timer elapses next; null if it does not, and for other units. */
  readonly nextMs: number | null
}

/** A condition or an assertion of a unit file (systemd.unit(5)). */
export interface UnitCondition {
  /** `ConditionPathExists`, `AssertPathExists`, ... */
  readonly setting: string
  /** As in the unit file: `!/etc/disabled`. */
  readonly parameter: string
  /** Null if systemd has not checked it. */
  readonly met: boolean | null
}

/** What decides whether and when systemd starts a unit; null if systemd has no value. */
export interface StartFacts {
  /** The unit was active at some time in this boot. */
  readonly wasActive: boolean
  /** Why systemd cannot load the unit, one sentence. */
  readonly loadError: string | null
  /** A job of the unit is queued or running. */
  readonly hasJob: boolean
  readonly restart: string | null
  readonly restartDelayMs: number | null
  /** More starts than this within the interval are refused; null if there is no limit. */
  readonly limit: { readonly starts: number; readonly withinMs: number } | null
  /** Over systemctl empty, because it does not print them. */
  readonly conditions: readonly UnitCondition[]
  /** The result of the last check; null if there was none. */
  readonly conditionsMet: boolean | null
  readonly assertsMet: boolean | null
}

/** One unit in detail; null if systemd has no value. */
export interface UnitStatus extends ListedUnit {
  /** `enabled`, `disabled`, `static`, ... */
  readonly fileState: string | null
  /** Its processes are paused (`systemctl freeze`). */
  readonly frozen: boolean
  /** The units that start it, sorted by name. */
  readonly triggers: readonly UnitTrigger[]
  /** Monotonic ms of the last change of its state in this boot. */
  readonly changedAtMonoMs: number | null
  /** Monotonic ms at which it last became active in this boot. */
  readonly activeAtMonoMs: number | null
  /** Why the last run failed. */
  readonly cause: Cause | null
  /** `Result` of the last run, `success` included; null for types without one. */
  readonly result: string | null
  /** How the last main process ended, if it has; one of both is null. */
  readonly exitCode: number | null
  readonly signal: string | null
  readonly mainPid: number | null
  /** Automatic restarts since it was last started by a job. */
  readonly restarts: number | null
  readonly memoryBytes: number | null
  readonly cpuSeconds: number | null
  readonly tasks: number | null
  readonly user: string | null
  readonly workingDirectory: string | null
  /** Command lines, each with the setting that holds it: `ExecStart`. */
  readonly commands: readonly { readonly setting: string; readonly line: string }[]
  /** Names only, because values may be secret. */
  readonly environmentNames: readonly string[]
  readonly environmentFiles: readonly string[]
  readonly file: string | null
  readonly dropIns: readonly string[]
  /** Units by kind of dependency, in both directions (`Requires`, `RequiredBy`, ...); only kinds that have any. */
  readonly dependencies: Readonly<Record<string, readonly string[]>>
  readonly start: StartFacts
}
