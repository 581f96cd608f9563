// The expected runs of each unit, derived without D-Bus from the journal's invocation ids and from ExecStopPost=. Pure.
import {
  badResultIn,
  type JournalEntry,
  mainOf,
  PROCESS_EXIT,
  type RunEnd,
  resultBeforeReset,
  type StopPostLine,
  stopPostLinesById,
  text,
} from './run-end.ts'
import { isStartedByOthers } from './unit-kinds.ts'

export interface Run {
  readonly id: string
  /** The journal's monotonic time, ms: a little later than systemd's own. */
  readonly openedMs: number
  /** It directly followed another run: an automatic restart, or a restart job. Null: unknown. */
  readonly restart: boolean | null
  /** systemd restarted the unit itself. */
  readonly automatic: boolean
  /** systemd announced an automatic restart after this run. */
  readonly scheduled: boolean
  /** When a stop or restart job began to stop it; null if none did. */
  readonly stoppingMs: number | null
  /** Null while the run is open. */
  readonly end: RunEnd | null
}

export interface ExpectedRuns {
  readonly units: ReadonlyMap<string, readonly Run[]>
  /**
   * By unit, how many automatic restarts systemd itself counted twice in NRestarts: a daemon-reload or -reexec between
   * queueing the restart job and running it queues it again (252). An interrupted agent counts as many too many.
   */
  readonly countedTwice: ReadonlyMap<string, number>
  /** By unit, how many of its start jobs a failed dependency ended while it was not running. */
  readonly dependencyFailed: ReadonlyMap<string, number>
  /** What the journal lacks, which makes the expected runs incomplete; empty if nothing. */
  readonly missingEvidence: readonly string[]
}

const STOPPING = 'de5b426a63be47a7b6ac3eaac82e2f6f'
const STOPPED = '9d1aaa27d60140bd96365438aad20286'
const SUCCEEDED = '7ad2d189f7e94e70a38c781354912448'
const FAILED = 'd9b373ed55a64feb8242e02dbe79a49c'
const SKIPPED = '0e4284a0caca4bfc81c0bb6786972673'
const START_FAILED = 'be02cf6855d2428ba40df7e9d022f03d'
const SCHEDULED = '5eb03494b6584870a536b337290809b3'

interface UnitRuns {
  runs: RunRecord[]
  /** Restart jobs that have ended a run of this unit, with the number of runs at that time. */
  restartJobs: Map<string, number>
  /** systemd has announced an automatic restart of the latest run. */
  scheduled: boolean
  /** Type of the job that ended with the latest run; '' if none did. */
  stopJobType: string
  countedTwice: number
  dependencyFailed: number
  /** NRestarts as last announced, and the number of runs at that time. */
  nRestarts: number
  runsThen: number
}

interface RunRecord {
  id: string
  automatic: boolean
  scheduled: boolean
  openedMs: number
  restart: boolean | null
  end: RunEnd | null
  main: { exitCode: number | null; signal: string | null } | null
  /** The first bad Result that the journal shows; null if there was none. */
  badResult: string | null
  stoppingMs: number | null
}

/** `journal`: lines of `journalctl -o json _PID=1`; `ends`, `starts`: the lines written by ExecStopPost= and ExecStartPre=. */
export function expectedRunsOf(journal: string, ends: string, starts = ''): ExpectedRuns {
  const units = new Map<string, UnitRuns>()
  const missingEvidence: string[] = []
  const stopPostLines = stopPostLinesById(ends)
  for (const line of journal.split('\n')) {
    if (line === '') continue
    const entry: JournalEntry = JSON.parse(line)
    const message = text(entry['MESSAGE'])
    if (message.startsWith('Suppressed ')) missingEvidence.push(message)
    const unit = text(entry['UNIT'])
    const id = text(entry['INVOCATION_ID'])
    if (unit === '') continue
    const unitRuns = units.get(unit) ?? {
      runs: [],
      restartJobs: new Map(),
      scheduled: false,
      stopJobType: '',
      countedTwice: 0,
      dependencyFailed: 0,
      nRestarts: 0,
      runsThen: 0,
    }
    units.set(unit, unitRuns)
    if (id !== '') recordEntry(unitRuns, id, entry, unit)
    const running = unitRuns.runs.length > 0 && unitRuns.runs.at(-1)?.end === null
    const job = [text(entry['MESSAGE_ID']), text(entry['JOB_TYPE']), text(entry['JOB_RESULT'])]
    if (job.join() === [START_FAILED, 'start', 'dependency'].join() && !running) unitRuns.dependencyFailed += 1
    if (text(entry['MESSAGE_ID']) === STOPPED && text(entry['JOB_TYPE']) === 'restart') {
      unitRuns.restartJobs.set(text(entry['JOB_ID']), unitRuns.runs.length)
    }
  }
  const known = new Set<string>()
  for (const unitRuns of units.values()) for (const run of unitRuns.runs) known.add(run.id)
  for (const [id, { line }] of stopPostLines) if (!known.has(id)) missingEvidence.push(`not in the journal: ${line}`)
  for (const line of starts.split('\n')) {
    const id = line.split(' ')[1]
    if (id !== undefined && !known.has(id)) missingEvidence.push(`not in the journal: ${line}`)
  }
  for (const [unit, unitRuns] of units) {
    for (const run of unitRuns.runs.slice(0, -1)) {
      if (run.end === null) missingEvidence.push(`the journal has no end of ${unit} ${run.id}`)
    }
  }
  const runs = [...units].map(
    ([unit, unitRuns]) => [unit, unitRuns.runs.map((run) => finishedRun(run, stopPostLines.get(run.id)))] as const,
  )
  const countedTwice = new Map([...units].map(([unit, unitRuns]) => [unit, unitRuns.countedTwice]))
  const dependencyFailed = new Map([...units].map(([unit, unitRuns]) => [unit, unitRuns.dependencyFailed]))
  return { units: new Map(runs), countedTwice, dependencyFailed, missingEvidence }
}

function recordEntry(unitRuns: UnitRuns, id: string, entry: JournalEntry, unit: string): void {
  const atMs = Number(entry['__MONOTONIC_TIMESTAMP']) / 1000
  let run = unitRuns.runs.find((r) => r.id === id)
  if (run === undefined) {
    const automatic = unitRuns.scheduled
    run = {
      id,
      automatic,
      scheduled: false,
      openedMs: atMs,
      restart: followsDirectly(unitRuns, atMs, isStartedByOthers(unit) ? Infinity : DIRECTLY_WITHIN_MS),
      end: null,
      main: null,
      badResult: null,
      stoppingMs: null,
    }
    unitRuns.runs.push(run)
    unitRuns.scheduled = false
    unitRuns.stopJobType = ''
  }
  const job = text(entry['JOB_ID'])
  const runsThen = unitRuns.restartJobs.get(job) ?? Infinity
  if (text(entry['JOB_TYPE']) === 'start' && unitRuns.runs.indexOf(run) >= runsThen) run.restart = true
  const end = (kind: 'stop' | 'crash', result: string) => {
    if (run.end === null)
      run.end = { atMs, kind, result, firstBad: null, main: null, requested: run.stoppingMs !== null }
  }
  run.badResult ??= badResultIn(entry)
  switch (text(entry['MESSAGE_ID'])) {
    case STOPPING:
      if (run.end === null) run.stoppingMs ??= atMs
      return
    case PROCESS_EXIT:
      if (text(entry['MESSAGE']).includes('Main process exited')) run.main = mainOf(entry)
      return
    case SUCCEEDED:
      end('stop', 'success')
      return
    case SKIPPED:
      end('stop', text(entry['UNIT_RESULT']))
      return
    case FAILED:
      end('crash', text(entry['UNIT_RESULT']))
      return
    case STOPPED:
      unitRuns.stopJobType = text(entry['JOB_TYPE'])
      // A target's end has no line of its own, and only services log 'Stopping'.
      if (unit.endsWith('.target')) end('stop', 'success')
      // A job ended with the run, but 'Stopping' was not logged: the run was ending already, or the job is a timer's.
      if (run.end !== null && run.stoppingMs === null && !unitRuns.scheduled) run.end = { ...run.end, requested: null }
      return
    case SCHEDULED:
      recordRestartCounter(unitRuns, Number(entry['N_RESTARTS']))
      unitRuns.scheduled = true
      run.scheduled = true
      return
  }
}

/**
 * A start job that waited for the end cannot be distinguished from one that came just after it. What starts a unit because
 * another one ended queues the job before the end is announced; on a busy machine the start follows much later.
 */
function followsDirectly(unitRuns: UnitRuns, atMs: number, withinMs: number): null | false {
  const last = unitRuns.runs.at(-1)
  if (unitRuns.scheduled && unitRuns.stopJobType === '') return null // a line is missing: the journal dropped it in a burst
  if (unitRuns.stopJobType === 'restart') return null // the 'Starting' line with its job may be missing
  if (last?.end == null || unitRuns.stopJobType !== '' || atMs - last.end.atMs > withinMs) return false
  if (last.stoppingMs === null) last.end = { ...last.end, requested: null }
  return null
}

const DIRECTLY_WITHIN_MS = 200

/** NRestarts grew by more than the number of new runs: systemd counted a restart twice. */
function recordRestartCounter(unitRuns: UnitRuns, nRestarts: number): void {
  const opened = unitRuns.runs.length - unitRuns.runsThen
  unitRuns.countedTwice += Math.max(0, nRestarts - unitRuns.nRestarts - opened)
  unitRuns.nRestarts = nRestarts
  unitRuns.runsThen = unitRuns.runs.length
}

function finishedRun(run: RunRecord, stopPost: StopPostLine | undefined): Run {
  const { id, openedMs, restart, automatic, scheduled, stoppingMs, end } = run
  const main = stopPost?.main ?? run.main
  return {
    id,
    openedMs,
    restart,
    automatic,
    scheduled,
    stoppingMs,
    end: end && {
      ...end,
      ...resultBeforeReset(end, stopPost?.result ?? '', run.badResult),
      firstBad: run.badResult,
      main,
    },
  }
}
