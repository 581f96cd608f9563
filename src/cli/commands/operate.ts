// gatewatch start, stop, restart, reload, reset-failed, enable, disable: waits for the jobs and reports each result.
import { type Action, type CommandResult, ControlError } from '../../core/command.ts'
import { shortName } from '../../core/views/format.ts'
import { causeJson } from '../../core/views/unit-status-json.ts'
import type { UnitControl } from '../../ports.ts'
import { causeSuffix } from '../cause.ts'
import type { Console, ExitCode } from '../console.ts'
import type { Progress } from '../progress.ts'

interface Operation {
  readonly action: Action
  readonly units: readonly string[]
  readonly noWait: boolean
  readonly json: boolean
}

/** Processes all units in parallel; prints one line each, in the order of the command line. */
export async function operate(
  operation: Operation,
  control: UnitControl,
  out: Console,
  progress: Progress,
): Promise<ExitCode> {
  const { action, units, noWait, json } = operation
  progress.begin(`${action} ${units.map(shortName).join(', ')}`)
  const ends = await Promise.all(
    units.map((unit) => control.run(action, unit, noWait).catch((error: unknown) => onlyControl(error))),
  )
  progress.end()
  if (json) {
    const rows = units.map((unit, i) => ({ unit, action, ...endJson(ends[i]) }))
    out.stdout(`${JSON.stringify(rows)}\n`)
  } else for (const [i, unit] of units.entries()) report(action, unit, ends[i], out)
  return Math.max(...ends.map(exitCode)) as ExitCode
}

type OperationResult = CommandResult | ControlError

function onlyControl(error: unknown): ControlError {
  if (error instanceof ControlError) return error
  throw error
}

function endJson(end: OperationResult | undefined): Record<string, unknown> {
  if (end instanceof ControlError)
    return { outcome: null, cause: null, error: { code: end.code, message: end.message } }
  const cause = end?.cause
  return {
    outcome: end?.outcome,
    cause: cause ? causeJson(cause) : null,
    error: null,
  }
}

function report(action: Action, unit: string, end: OperationResult | undefined, out: Console): void {
  if (end === undefined) return
  const line = end instanceof ControlError ? end.message : endLine(action, unit, end)
  if (exitCode(end) === 0) out.stderr(`${line}\n`)
  else out.error(line)
}

function endLine(action: Action, unit: string, end: CommandResult): string {
  const name = shortName(unit)
  const { outcome, cause } = end
  switch (outcome) {
    case 'done':
      return `${name}: ${action} done`
    case 'queued':
      return `${name}: ${action} queued`
    case 'skipped':
      return action === 'enable' || action === 'disable'
        ? `${name}: ${action} has no effect: the unit file has no [Install] section`
        : `${name}: not started: a condition of the unit is not met; see 'systemctl status ${name}'`
    case 'failed':
      return `${name}: ${action} failed${causeSuffix(cause)}; see 'journalctl -u ${name}'`
    case 'dependency':
      return `${name}: ${action} failed: a unit it requires failed or is missing; see 'gatewatch show ${name}'`
    case 'canceled':
      return `${name}: ${action} canceled: superseded by another job`
    case 'timeout':
      return `${name}: ${action} timed out: the job took longer than JobTimeoutSec= of the unit`
  }
}

/** As systemctl: 4 permission denied, 5 no such unit, 1 any other failure. */
function exitCode(end: OperationResult): ExitCode {
  if (end instanceof ControlError) return codeOf(end)
  return end.outcome === 'done' || end.outcome === 'queued' || end.outcome === 'skipped' ? 0 : 1
}

export function codeOf(error: ControlError): ExitCode {
  return error.code === 'denied' ? 4 : error.code === 'no_such_unit' ? 5 : 1
}
