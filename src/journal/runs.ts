// Reconstructs the runs of units, and how they ended, from systemd's own messages in the journal. Pure.
import { signalName } from '../core/cause.ts'
import type { Cause } from '../core/explain/evidence.ts'
import type { ProvenRun } from '../core/unit.ts'
import { type JournalEntry, journalEntry } from './journal-entry.ts'
import { FAILED, PROCESS_EXIT, RESTART_SCHEDULED, SKIPPED, STOPPED, STOPPING, SUCCEEDED } from './message-ids.ts'

const FIELDS =
  'UNIT,INVOCATION_ID,MESSAGE_ID,MESSAGE,PRIORITY,COMMAND,UNIT_RESULT,EXIT_CODE,EXIT_STATUS,JOB_ID,JOB_TYPE,N_RESTARTS'
/** As many as the output limit of journalctl allows; older ones are left out. */
const LINES_AT_MOST = 4000

/** Arguments of journalctl for the messages of PID 1 about these units in this boot (32 hex digits), newest first. */
export function argsForUnits(units: readonly string[], bootId: string): readonly string[] {
  const form = ['--no-pager', '--output=json', `--output-fields=${FIELDS}`, '--reverse', `--lines=${LINES_AT_MOST}`]
  return [...form, '_PID=1', '_UID=0', `_BOOT_ID=${bootId.replaceAll('-', '')}`, ...units.map((unit) => `UNIT=${unit}`)]
}

type RunDraft = { -readonly [K in keyof ProvenRun]: ProvenRun[K] } & {
  main: Main | null
  /** The Result after the first process that failed; null while none did. */
  badResult: string | null
}
type Main = Pick<Cause, 'exitCode' | 'signal' | 'coreDumped'>

/** The runs of one unit, built message by message. */
interface UnitHistory {
  readonly runs: Map<string, RunDraft>
  /** Restart jobs that have ended a run, with the number of runs at that time. */
  readonly restartJobs: Map<string, number>
  /** The latest `NRestarts`, and the one before the restarts announced since the latest run began. */
  nRestarts: number | null
  nRestartsBefore: number | null
  /** Restarts announced since the latest run began. */
  announced: number
}

/** The runs of each unit, oldest first, until `untilMonoMs`. `text`: JSON lines, newest first; cut off at the end. */
export function runsIn(text: string, untilMonoMs: number): ReadonlyMap<string, readonly ProvenRun[]> {
  const histories = new Map<string, UnitHistory>()
  for (const line of text.split('\n').reverse()) {
    const entry = journalEntry(line)
    const unit = textOf(entry?.['UNIT'])
    if (entry === null || unit === '' || Number(entry['__MONOTONIC_TIMESTAMP']) > untilMonoMs * 1000) continue
    const history = histories.get(unit) ?? {
      runs: new Map(),
      restartJobs: new Map(),
      nRestarts: null,
      nRestartsBefore: null,
      announced: 0,
    }
    histories.set(unit, history)
    applyEntry(history, entry)
  }
  return new Map([...histories].map(([unit, { runs }]) => [unit, [...runs.values()].map(provenRun)]))
}

function applyEntry(history: UnitHistory, entry: JournalEntry): void {
  const id = textOf(entry['INVOCATION_ID'])
  if (!/^[0-9a-f]{32}$/.test(id)) return
  const run = history.runs.get(id) ?? beginRun(history, id)
  const [job, type] = [textOf(entry['JOB_ID']), textOf(entry['JOB_TYPE'])]
  const latest = [...history.runs.keys()].at(-1) === id
  if (type === 'start' && latest && history.runs.size > (history.restartJobs.get(job) ?? Infinity))
    run.restart ??= 'job'
  switch (entry['MESSAGE_ID']) {
    case STOPPING:
      if (run.end === null) run.requested = true
      return
    case STOPPED:
      if (type === 'restart') history.restartJobs.set(job, history.runs.size)
      // A stop cancels the announced restart.
      else history.announced = 0
      return
    case PROCESS_EXIT:
      if (run.end !== null) return
      if (textOf(entry['MESSAGE']).includes('Main process exited')) run.main = exitOf(entry)
      run.badResult ??= badResultOf(entry)
      return
    case SUCCEEDED:
      // `reset-failed` in mid-run makes systemd report success in the end.
      run.end ??= endOf(run, run.badResult ?? 'success')
      return
    case SKIPPED:
    case FAILED: {
      const result = textOf(entry['UNIT_RESULT'])
      // A start refused by the start limit is logged with the id of the previous run, but does not state its end.
      if (result !== '' && result !== 'start-limit-hit') run.end ??= endOf(run, result)
      return
    }
    case RESTART_SCHEDULED: {
      const counter = Number(entry['N_RESTARTS'])
      if (!Number.isSafeInteger(counter)) return
      if (history.announced === 0) history.nRestartsBefore = history.nRestarts
      history.announced += 1
      history.nRestarts = counter
    }
  }
}

/** A run, at its first message. */
function beginRun(history: UnitHistory, id: string): RunDraft {
  const { nRestarts, nRestartsBefore, announced } = history
  const automatic = announced > 0
  const run: RunDraft = {
    id,
    restart: automatic ? 'automatic' : null,
    // A daemon-reload may announce a restart twice and count it twice: announced restarts are not missed runs.
    missed:
      automatic && nRestarts !== null && nRestartsBefore !== null
        ? Math.max(0, nRestarts - nRestartsBefore - announced)
        : 0,
    nRestarts,
    requested: false,
    end: null,
    main: null,
    badResult: null,
  }
  history.runs.set(id, run)
  history.announced = 0
  return run
}

function endOf({ main }: RunDraft, result: string): Cause {
  return { result, ...(main ?? UNKNOWN_MAIN) }
}

/**
 * systemd logs the exit of a process at this priority or a more urgent one only if the exit counts as a failure, with
 * SuccessExitStatus= and `-` in front of the command taken into account (unit_log_process_exit()).
 */
const NOTICE = 5

/** The Result of a run in which this process exited (systemd.exec(5), $SERVICE_RESULT); null if it was not a failure. */
function badResultOf(entry: JournalEntry): string | null {
  // A reload that fails does not change the Result.
  if (Number(entry['PRIORITY']) > NOTICE || entry['COMMAND'] === 'ExecReload') return null
  const { exitCode, signal, coreDumped } = exitOf(entry)
  if (coreDumped) return 'core-dump'
  if (signal !== null) return 'signal'
  return exitCode === null ? null : 'exit-code'
}

const UNKNOWN_MAIN: Main = { exitCode: null, signal: null, coreDumped: false }

function exitOf(entry: JournalEntry): Main {
  const status = Number(entry['EXIT_STATUS'])
  const code = entry['EXIT_CODE']
  if (!Number.isSafeInteger(status)) return UNKNOWN_MAIN
  if (code === 'exited') return { exitCode: status, signal: null, coreDumped: false }
  return { exitCode: null, signal: signalName(status), coreDumped: code === 'dumped' }
}

function provenRun({ id, restart, missed, nRestarts, requested, end }: RunDraft): ProvenRun {
  return { id, restart, missed, nRestarts, requested, end }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
