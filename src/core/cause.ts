// Reads why a run ended out of a sighting, and forecasts whether systemd will start it again.
import type { Cause, Settings, UnitSnapshot } from './unit.ts'

/** Linux signal numbers of the architectures that gateways have (signal(7): x86, ARM). */
const SIGNALS: readonly string[] =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  )

/** `SIGKILL` for 9; `SIGRTMIN+3` for 37, counted from glibc's SIGRTMIN 34; `SIG99` where there is no name. */
export function signalName(number: number): string {
  const name = SIGNALS[number - 1]
  if (name !== undefined) return `SIG${name}`
  return number >= 34 && number <= 64 ? `SIGRTMIN+${number - 34}` : `SIG${number}`
}

/** The number of a signal name made by `signalName`, null for anything else. */
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

/** The cause as the sighting tells it. `mainCode` 0: the main process never ran, so neither code nor signal. */
export function causeOf(snapshot: UnitSnapshot): Cause {
  const { mainCode: code, mainStatus: status } = snapshot
  return {
    result: snapshot.result ?? (snapshot.activeState === 'failed' ? 'unknown' : 'success'),
    exitCode: code === EXITED ? status : null,
    signal: code === KILLED || code === DUMPED ? signalName(status) : null,
    coreDumped: code === DUMPED,
  }
}

/** systemd has already honoured SuccessExitStatus in Result; a run skipped by ExecCondition did not crash. */
export function isCrash(cause: Cause): boolean {
  return cause.result !== 'success' && cause.result !== 'exec-condition'
}

/** The run is over: ActiveState says so, or systemd already waits to start it again. */
export function isEnded({ activeState, subState }: UnitSnapshot): boolean {
  return activeState === 'inactive' || activeState === 'failed' || subState.startsWith('auto-restart')
}

/**
 * systemd 252 announces an automatic restart 0.1 to 3 ms after `failed`; after this long there will be none. Between the
 * two a busy machine may take its time: over 100 ms were seen at a load of 15 a core.
 */
export const GAVE_UP_AFTER_MS = 250

/** systemd says itself that a start follows (from 254 at once, before also after 0.1 to 3 ms). */
export function restartAnnounced(snapshot: UnitSnapshot): boolean {
  return snapshot.subState.includes('auto-restart')
}

/**
 * Will systemd start it again after this crash? The table is service_shall_restart() of systemd's service.c;
 * null where settings are unknown, or cannot decide it. A start limit can still prove a `true` wrong.
 */
export function willRestart(
  settings: Settings | null,
  cause: Cause,
  snapshot: UnitSnapshot,
  requested: boolean,
): boolean | null {
  if (restartAnnounced(snapshot)) return true
  // A unit that could not be loaded when it was read has become another one since: a transient unit, a file that came.
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
    case 'on-failure':
      return true
    case 'on-success':
      return false
    case 'on-abnormal':
      return result !== 'exit-code'
    case 'on-abort':
      return result === 'signal' || result === 'core-dump'
    case 'on-watchdog':
      return result === 'watchdog'
    default:
      return null
  }
}

/** True where an automatic restart proves that the run before it crashed: no clean end is restarted. */
export function restartProvesCrash(settings: Settings | null): boolean {
  return (
    settings !== null &&
    !settings.restartForced &&
    /^on-(failure|abnormal|abort|watchdog)$/.test(settings.restart ?? '')
  )
}
