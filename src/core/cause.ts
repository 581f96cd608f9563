// Derives why a run ended from a unit's properties, and forecasts whether systemd will restart it.
import type { Cause } from './explain/evidence.ts'
import type { Settings, UnitSnapshot } from './unit.ts'

/** Linux signal names in the order of their numbers, on x86 and ARM (signal(7)). */
const SIGNALS: readonly string[] =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  )

/** `SIGKILL` for 9; `SIGRTMIN+3` for 37, counted from glibc's SIGRTMIN 34; `SIG99` if the number has no name. */
export function signalName(number: number): string {
  const name = SIGNALS[number - 1]
  if (name !== undefined) return `SIG${name}`
  return number >= 34 && number <= 64 ? `SIGRTMIN+${number - 34}` : `SIG${number}`
}

/** The inverse of `signalName`; null for any other text. */
export function signalNumber(name: string): number | null {
  const position = SIGNALS.indexOf(name.replace(/^SIG/, ''))
  if (position >= 0) return position + 1
  const match = /^SIG(RTMIN\+)?(\d+)$/.exec(name)
  return match ? Number(match[2]) + (match[1] ? 34 : 0) : null
}

const EXITED = 1
const KILLED = 2
const DUMPED = 3

export const UNKNOWN_CAUSE: Cause = { result: 'unknown', exitCode: null, signal: null, coreDumped: false }

/**
 * The cause that the snapshot shows, of a run with this `badResult`. `mainCode` 0: the main process never ran, so there
 * is neither code nor signal.
 */
export function causeOf(snapshot: UnitSnapshot, badResult: string | null = null): Cause {
  const { mainCode: code, mainStatus: status } = snapshot
  return {
    result: badResult ?? snapshot.result ?? (snapshot.activeState === 'failed' ? 'unknown' : 'success'),
    exitCode: code === EXITED ? status : null,
    signal: code === KILLED || code === DUMPED ? signalName(status) : null,
    coreDumped: code === DUMPED,
  }
}

/** Result already takes SuccessExitStatus into account; a run skipped by ExecCondition did not crash. */
export function isCrash({ result }: Pick<Cause, 'result'>): boolean {
  return result !== 'success' && result !== 'exec-condition'
}

/** True if the run has ended: by ActiveState, or because systemd already waits to restart the unit. */
export function isEnded({ activeState, subState }: UnitSnapshot): boolean {
  return activeState === 'inactive' || activeState === 'failed' || subState.startsWith('auto-restart')
}

/**
 * How long to wait for systemd to announce an automatic restart before concluding that it gave up. systemd 252 sends
 * the announcement 0.1 to 3 ms after `failed`; at a load of 15 per core, over 100 ms were measured.
 */
export const GAVE_UP_AFTER_MS = 250

/** systemd announces a restart: from version 254 in the same signal as the failure, before that 0.1 to 3 ms later. */
export function restartAnnounced(snapshot: UnitSnapshot): boolean {
  return snapshot.subState.includes('auto-restart')
}

/**
 * Forecasts whether systemd will restart the unit after a run with this cause, as service_shall_restart() in systemd's
 * service.c does. Null if the settings are unknown or do not decide it. Even after `true`, the start limit can prevent it.
 */
export function willRestart(
  settings: Settings | null,
  cause: Cause,
  snapshot: UnitSnapshot,
  requested: boolean,
): boolean | null {
  if (restartAnnounced(snapshot)) return true
  // A unit that could not be loaded when it was read must have changed since: a transient unit, or a new unit file.
  if (settings?.loadState !== 'loaded' || requested) return null
  if (settings.restart === null || settings.restart === 'no') return settings.restartForced ? null : false
  const restarts = restartsOn(settings.restart, cause.result)
  if (restarts === true && settings.restartPrevented) return null
  if (restarts === false && settings.restartForced) return null
  return restarts
}

function restartsOn(restart: string, result: string): boolean | null {
  switch (restart) {
    case 'always':
      return result !== 'exec-condition'
    case 'on-success':
      return result === 'success'
    case 'on-failure':
      return isCrash({ result })
    case 'on-abnormal':
      return isCrash({ result }) && result !== 'exit-code'
    case 'on-abort':
      return result === 'signal' || result === 'core-dump'
    case 'on-watchdog':
      return result === 'watchdog'
    default:
      return null
  }
}

/** True if an automatic restart proves a crash of the run before it, because clean exits are not restarted. */
export function restartProvesCrash(settings: Settings | null): boolean {
  return (
    settings !== null &&
    !settings.restartForced &&
    /^on-(failure|abnormal|abort|watchdog)$/.test(settings.restart ?? '')
  )
}
