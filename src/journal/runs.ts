// What systemd's own lines in the journal prove of the runs of units: which there were, and how they ended. Pure.
import { signalName } from '../core/cause.ts'
import type { Cause, ProvenEnd, ProvenRun } from '../core/unit.ts'
import { ENDED_WELL, FAILED, PROCESS_EXIT, RESTART_SCHEDULED, SKIPPED, STOPPED, STOPPING } from './message-ids.ts'

const FIELDS = 'UNIT,INVOCATION_ID,MESSAGE_ID,MESSAGE,UNIT_RESULT,EXIT_CODE,EXIT_STATUS,JOB_ID,JOB_TYPE,N_RESTARTS'
/** What fits into an answer; beyond it the oldest are left out. */
const LINES_AT_MOST = 4000

/** Asks journalctl for what PID 1 said of these units in this boot (32 hex digits), newest first. */
export function argsForUnits(units: readonly string[], bootId: string): readonly string[] {
  const form = ['--no-pager', '--output=json', `--output-fields=${FIELDS}`, '--reverse', `--lines=${LINES_AT_MOST}`]
  return [...form, '_PID=1', '_UID=0', `_BOOT_ID=${bootId.replaceAll('-', '')}`, ...units.map((unit) => `UNIT=${unit}`)]
}

type JournalEntry = Readonly<Record<string, unknown>>
type RunDraft = { -readonly [K in keyof ProvenRun]: ProvenRun[K] } & { stopping: boolean; main: Main | null }
type Main = Pick<Cause, 'exitCode' | 'signal' | 'coreDumped'>

/** One unit's story so far. */
interface UnitHistory {
  readonly runs: Map<string, RunDraft>
  /** Restart jobs that have ended a run, and how many runs there were then. */
  readonly restartJobs: Map<string, number>
  /** `NRestarts` as announced last, and before the restarts announced since the latest run opened. */
  announced: number | null
  before: number | null
  /** Restarts announced since the latest run opened. */
  lines: number
}

/** The runs of each unit, oldest first, as of `untilMonoMs`. `text`: JSON, newest first; a line cut off is left out. */
export function runsIn(text: string, untilMonoMs: number): ReadonlyMap<string, readonly ProvenRun[]> {
  const stories = new Map<string, UnitHistory>()
  for (const line of text.split('\n').reverse()) {
    const entry = entryOf(line)
    const unit = word(entry?.['UNIT'])
    if (entry === null || unit === '' || Number(entry['__MONOTONIC_TIMESTAMP']) > untilMonoMs * 1000) continue
    const story = stories.get(unit) ?? {
      runs: new Map(),
      restartJobs: new Map(),
      announced: null,
      before: null,
      lines: 0,
    }
    stories.set(unit, story)
    take(story, entry)
  }
  return new Map([...stories].map(([unit, { runs }]) => [unit, [...runs.values()].map(finished)]))
}

function take(story: UnitHistory, entry: JournalEntry): void {
  const id = word(entry['INVOCATION_ID'])
  if (!/^[0-9a-f]{32}$/.test(id)) return
  const run = story.runs.get(id) ?? opened(story, id)
  const [job, type] = [word(entry['JOB_ID']), word(entry['JOB_TYPE'])]
  const latest = [...story.runs.keys()].at(-1) === id
  if (type === 'start' && latest && story.runs.size > (story.restartJobs.get(job) ?? Infinity)) run.restart ??= 'job'
  switch (entry['MESSAGE_ID']) {
    case STOPPING:
      if (run.end === null) run.stopping = true
      return
    case STOPPED:
      if (type === 'restart') story.restartJobs.set(job, story.runs.size)
      // A stop took back the restart that was announced.
      else story.lines = 0
      return
    case PROCESS_EXIT:
      if (run.end === null && word(entry['MESSAGE']).includes('Main process exited')) run.main = mainOf(entry)
      return
    case ENDED_WELL:
      run.end ??= endOf(run, 'success')
      return
    case SKIPPED:
    case FAILED: {
      const result = word(entry['UNIT_RESULT'])
      // A start that the limit refused goes by the run before it; it says nothing of its end.
      if (result !== '' && result !== 'start-limit-hit') run.end ??= endOf(run, result)
      return
    }
    case RESTART_SCHEDULED: {
      const counter = Number(entry['N_RESTARTS'])
      if (!Number.isSafeInteger(counter)) return
      if (story.lines === 0) story.before = story.announced
      story.lines += 1
      story.announced = counter
    }
  }
}

/** A run whose first line this is. */
function opened(story: UnitHistory, id: string): RunDraft {
  const { announced, before, lines } = story
  const automatic = lines > 0
  const run: RunDraft = {
    id,
    restart: automatic ? 'automatic' : null,
    // A reload may announce a restart twice, and count it so: what was announced is not missed.
    missed: automatic && announced !== null && before !== null ? Math.max(0, announced - before - lines) : 0,
    nRestarts: announced,
    end: null,
    stopping: false,
    main: null,
  }
  story.runs.set(id, run)
  story.lines = 0
  return run
}

function endOf({ stopping, main }: RunDraft, result: string): ProvenEnd {
  return { cause: { result, ...(main ?? UNKNOWN_MAIN) }, requested: stopping }
}

const UNKNOWN_MAIN: Main = { exitCode: null, signal: null, coreDumped: false }

function mainOf(entry: JournalEntry): Main {
  const status = Number(entry['EXIT_STATUS'])
  const code = entry['EXIT_CODE']
  if (!Number.isSafeInteger(status)) return UNKNOWN_MAIN
  if (code === 'exited') return { exitCode: status, signal: null, coreDumped: false }
  return { exitCode: null, signal: signalName(status), coreDumped: code === 'dumped' }
}

function finished({ id, restart, missed, nRestarts, end }: RunDraft): ProvenRun {
  return { id, restart, missed, nRestarts, end }
}

function entryOf(json: string): JournalEntry | null {
  try {
    const entry: unknown = JSON.parse(json)
    return typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? (entry as JournalEntry) : null
  } catch {
    return null
  }
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
