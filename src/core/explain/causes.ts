// Why a run ended, as far as systemd's Result and the exit of the main process prove it.
import type { Cause } from './evidence.ts'
import { exitCodeText, systemdExitCode } from './exit-codes.ts'

/** Standard descriptions (signal(7)), of signals that a program usually causes itself. */
const FAULTS: Readonly<Record<string, string>> = {
  SIGILL: 'illegal instruction',
  SIGTRAP: 'trap',
  SIGABRT: 'abort',
  SIGBUS: 'bus error',
  SIGFPE: 'arithmetic error',
  SIGSEGV: 'invalid memory reference',
  SIGSYS: 'forbidden system call',
}

/** A signal that a program usually causes itself; others are sent. */
export function isFault(signal: string | null): boolean {
  return signal !== null && Object.hasOwn(FAULTS, signal)
}

/** `SIGSEGV (invalid memory reference)`. */
export function signalText(signal: string): string {
  const what = Object.hasOwn(FAULTS, signal) ? FAULTS[signal] : undefined
  return what === undefined ? signal : `${signal} (${what})`
}

/** Whether systemd probably failed to run the program: its own exit code, and the run was short if that is known. */
export function isExecFailure({ result, exitCode }: Cause, ranMs: number | undefined): boolean {
  if (result !== 'exit-code' || exitCode === null || systemdExitCode(exitCode) === null) return false
  return ranMs === undefined || ranMs < SETUP_AT_MOST_MS
}

/** systemd sets up a process faster than this, but commands such as ExecStartPre= can run before. */
const SETUP_AT_MOST_MS = 10_000

/** A clause about the unit `it`, to follow a colon. `requested`: a stop or restart was requested while the main process ran. */
export function causeClause(cause: Cause, requested: boolean): string {
  const { result, exitCode, signal } = cause
  const dumped = cause.coreDumped ? ' and dumped core' : ''
  const killed = signal === null ? '' : `, and its main process was ended by ${signal}${dumped}`
  switch (result) {
    case 'success':
      return successClause(cause)
    case 'exit-code':
      return exitClause(exitCode, signal)
    case 'signal':
    case 'core-dump':
      if (signal === null) return 'a process of it, not its main process, was ended by a signal'
      return `its main process was ended by ${signalText(signal)}${dumped}`
    case 'watchdog':
      return `its main process did not report to systemd within WatchdogSec=${signal === null ? '' : `, and was ended by ${signal}${dumped}`}`
    case 'timeout':
      return requested
        ? `its stop took longer than TimeoutStopSec=${killed}`
        : `it reached a time limit (TimeoutStartSec=, TimeoutStopSec= or RuntimeMaxSec=)${killed}`
    case 'oom-kill':
      return 'a process of it was killed because memory ran out'
    case 'protocol':
      return 'it did not follow the start-up protocol of its Type= (for example, no READY=1, no PID file or no bus name)'
    case 'resources':
      return 'an operation of systemd failed, such as reading EnvironmentFile= or creating a process'
    case 'start-limit-hit':
      return 'it was started too often'
    case 'exec-condition':
      return 'its ExecCondition= was not met, so systemd skipped the start'
    case 'unknown':
      return 'it crashed while it was not observed'
    default:
      return `systemd reports the result ${JSON.stringify(result)}`
  }
}

/** ExecMainCode 0, with neither code nor signal: the main process never ran, or systemd does not know which one it is. */
function exitClause(exitCode: number | null, signal: string | null): string {
  if (signal !== null)
    return `a command of it other than the main process failed; its main process was ended by ${signal}`
  if (exitCode === null) return 'a command of it other than the main process failed, such as ExecStartPre='
  if (exitCode === 0) return 'its main process exited with code 0, but another command failed, such as ExecStopPost='
  return `its main process exited with code ${exitCodeText(exitCode)}`
}

function successClause({ exitCode, signal }: Cause): string {
  if (signal !== null) return `its main process was ended by ${signal}, which systemd counts as a clean end`
  if (exitCode === null) return 'it ended cleanly'
  return exitCode === 0
    ? 'its main process exited with code 0'
    : `its main process exited with code ${exitCode}, which SuccessExitStatus= counts as a clean end`
}
