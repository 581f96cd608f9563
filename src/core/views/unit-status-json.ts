// JSON form of what systemd shows of a unit, the same for `gatewatch show --json` and HTTP.
import type { Cause } from '../explain/evidence.ts'
import type { UnitStatus } from '../unit-status.ts'
import { type Json, rfc3339 } from './api-json.ts'

/** The wall time of a moment of the present boot, as in `Clock`. */
type WallMsOf = (monoMs: number) => number

/** What identifies the unit, and its state. */
export function unitStateJson(s: UnitStatus, wallMsOf: WallMsOf): Json {
  return {
    unit: s.unit,
    load_state: s.loadState,
    active_state: s.activeState,
    sub_state: s.subState,
    frozen: s.frozen,
    since: timeOrNull(s.changedAtMonoMs, wallMsOf),
  }
}

/** The facts that authenticated clients of the network may have, too. */
export function unitFactsJson(s: UnitStatus, wallMsOf: WallMsOf): Json {
  return {
    description: s.description,
    file_state: s.fileState,
    active_entered: timeOrNull(s.activeAtMonoMs, wallMsOf),
    cause: s.cause && causeJson(s.cause),
    result: s.result,
    exit_code: s.exitCode,
    signal: s.signal,
    triggered_by: s.triggers.map(({ unit, activeState, nextMs }) => ({
      unit,
      active_state: activeState,
      next: nextMs === null ? null : rfc3339(nextMs),
    })),
    main_pid: s.mainPid,
    restarts: s.restarts,
    memory_bytes: s.memoryBytes,
    cpu_seconds: s.cpuSeconds,
    tasks: s.tasks,
    file: s.file,
    drop_ins: s.dropIns,
    dependencies: s.dependencies,
  }
}

/** How its processes are started, which does not leave the gateway. Of the environment only names, as values may be secret. */
export function unitProcessJson(s: UnitStatus): Json {
  return {
    user: s.user,
    working_directory: s.workingDirectory,
    commands: s.commands,
    environment_names: s.environmentNames,
    environment_files: s.environmentFiles,
  }
}

export function causeJson(cause: Cause): { result: string; exit_code: number | null; signal: string | null } {
  return { result: cause.result, exit_code: cause.exitCode, signal: cause.signal }
}

function timeOrNull(monoMs: number | null, wallMsOf: WallMsOf): string | null {
  return monoMs === null ? null : rfc3339(wallMsOf(monoMs))
}
