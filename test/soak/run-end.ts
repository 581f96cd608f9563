// How a run ended, as the journal and ExecStopPost= record it. Pure.
export interface RunEnd {
  readonly atMs: number
  readonly kind: 'stop' | 'crash'
  readonly result: string
  /** The first bad Result that the journal shows: the Result of the run if `reset-failed` was run in mid-run. */
  readonly firstBad: string | null
  /** How the main process ended; null if neither the journal nor ExecStopPost= records it. */
  readonly main: { readonly exitCode: number | null; readonly signal: string | null } | null
  /** A stop or restart job was present; null if it came too close to the end to decide. */
  readonly requested: boolean | null
}

export type JournalEntry = Readonly<Record<string, unknown>>

export function mainOf(entry: JournalEntry): { exitCode: number | null; signal: string | null } {
  const status = Number(entry['EXIT_STATUS'])
  return text(entry['EXIT_CODE']) === 'exited'
    ? { exitCode: status, signal: null }
    : { exitCode: null, signal: SIGNALS.get(status) ?? `SIG${status}` }
}

/**
 * The bad Result of the run that this line shows, if it is one of systemd about a process that failed (any other exit is
 * logged for debugging only) or about a timeout.
 */
export function badResultIn(entry: JournalEntry): string | null {
  const message = text(entry['MESSAGE'])
  if (text(entry['MESSAGE_ID']) === PROCESS_EXIT) {
    const isFailure = Number(entry['PRIORITY']) <= 5 && text(entry['COMMAND']) !== 'ExecReload'
    return isFailure ? (EXIT_RESULTS.get(text(entry['EXIT_CODE'])) ?? null) : null
  }
  if (/ Watchdog timeout \(/.test(message)) return 'watchdog'
  return / (start operation|State '[a-z-]+') timed out\.| reached runtime time limit\./.test(message) ? 'timeout' : null
}

export const PROCESS_EXIT = '98e322203f7a4ed290d09fe03c09fe15'

/** The Result after such an exit (systemd.exec(5), $SERVICE_RESULT). */
const EXIT_RESULTS: ReadonlyMap<string, string> = new Map([
  ['exited', 'exit-code'],
  ['killed', 'signal'],
  ['dumped', 'core-dump'],
])

const SIGNALS: ReadonlyMap<number, string> = new Map([
  [1, 'SIGHUP'],
  [6, 'SIGABRT'],
  [9, 'SIGKILL'],
  [10, 'SIGUSR1'],
  [11, 'SIGSEGV'],
  [12, 'SIGUSR2'],
  [15, 'SIGTERM'],
])

export interface StopPostLine {
  readonly line: string
  /** $SERVICE_RESULT (systemd.exec(5)). */
  readonly result: string
  readonly main: { readonly exitCode: number | null; readonly signal: string | null } | null
}

export function stopPostLinesById(ends: string): Map<string, StopPostLine> {
  const lines = new Map<string, StopPostLine>()
  for (const line of ends.split('\n')) {
    const [, id, result = '', code, status] = line.split(' ')
    if (id === undefined) continue
    const main =
      code === 'exited'
        ? { exitCode: Number(status), signal: null }
        : code === 'killed' || code === 'dumped'
          ? { exitCode: null, signal: `SIG${status}` }
          : null
    lines.set(id, { line, result, main: main ?? { exitCode: null, signal: null } })
  }
  return lines
}

/**
 * `reset-failed` in mid-run makes the journal report success in the end. ExecStopPost= had the Result, and earlier lines
 * show it.
 */
export function resultBeforeReset(
  end: RunEnd,
  atStopPost: string,
  inJournal: string | null,
): Pick<RunEnd, 'kind' | 'result'> {
  const result = ['', 'success', 'exec-condition'].includes(atStopPost) ? inJournal : atStopPost
  const wasBad = end.result === 'success' && result !== null
  return wasBad ? { kind: 'crash', result } : end
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
