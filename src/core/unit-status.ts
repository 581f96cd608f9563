// What systemd shows of a unit in a list and in detail, whether the agent watches it or not.
import type { Cause } from './unit.ts'

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
  /** Why the last run failed. */
  readonly cause: Cause | null
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
}
