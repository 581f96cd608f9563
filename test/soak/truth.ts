// What really happened, without D-Bus: the runs of each unit from the journal's invocation ids and from ExecStopPost. Pure.
export interface Run {
  readonly id: string
  /** By the journal's monotonic clock, ms: a little later than systemd. */
  readonly openedMs: number
  /** It followed straight from another run: an automatic restart, or one restart job. Null where nobody can say. */
  readonly restart: boolean | null
  /** The restart was systemd's own. */
  readonly automatic: boolean
  /** After it systemd announced an automatic restart. */
  readonly scheduled: boolean
  /** Null while it goes on. */
  readonly end: RunEnd | null
}

export interface RunEnd {
  readonly atMs: number
  readonly kind: 'stop' | 'crash'
  readonly result: string
  /** As the main process ended; null where neither the journal nor ExecStopPost says so. */
  readonly main: { readonly exitCode: number | null; readonly signal: string | null } | null
  /** A stop or restart job was at work; null where it came so close that nobody can say. */
  readonly requested: boolean | null
}

export interface Truth {
  readonly units: ReadonlyMap<string, readonly Run[]>
  /**
   * By unit, how many automatic restarts systemd itself counted twice in NRestarts: a daemon-reload or -reexec between
   * queueing the restart job and running it queues it once more (252). Whoever was away is misled by so many.
   */
  readonly countedTwice: ReadonlyMap<string, number>
  /** Why the truth itself is not whole, in words; empty while it is. */
  readonly doubts: readonly string[]
}

const STOPPING = 'de5b426a63be47a7b6ac3eaac82e2f6f'
const STOPPED = '9d1aaa27d60140bd96365438aad20286'
const ENDED_WELL = '7ad2d189f7e94e70a38c781354912448'
const FAILED = 'd9b373ed55a64feb8242e02dbe79a49c'
const SKIPPED = '0e4284a0caca4bfc81c0bb6786972673'
const SCHEDULED = '5eb03494b6584870a536b337290809b3'
const PROCESS_EXIT = '98e322203f7a4ed290d09fe03c09fe15'

type Entry = Readonly<Record<string, unknown>>

interface Life {
  runs: Open[]
  /** Restart jobs that have ended a run of this unit, and how many runs there were then. */
  restartJobs: Map<string, number>
  /** systemd has announced an automatic restart of the latest run. */
  scheduled: boolean
  /** The latest run's end ended a job too: of which type; '' while none. */
  stopped: string
  countedTwice: number
  /** NRestarts as last announced, and how many runs there were then. */
  nRestarts: number
  runsThen: number
}

interface Open {
  id: string
  automatic: boolean
  scheduled: boolean
  openedMs: number
  restart: boolean | null
  end: RunEnd | null
  main: { exitCode: number | null; signal: string | null } | null
  stopping: boolean
  /** When ExecStopPost told of it, and with which result. */
  told: string | null
}

/** `journal`: lines of `journalctl -o json _PID=1`; `ends`: what ExecStopPost wrote. */
export function truthOf(journal: string, ends: string): Truth {
  const units = new Map<string, Life>()
  const doubts: string[] = []
  const toldBy = endsById(ends)
  for (const line of journal.split('\n')) {
    if (line === '') continue
    const entry: Entry = JSON.parse(line)
    const message = text(entry['MESSAGE'])
    if (message.startsWith('Suppressed ')) doubts.push(message)
    const unit = text(entry['UNIT'])
    const id = text(entry['INVOCATION_ID'])
    if (unit === '') continue
    const life = units.get(unit) ?? {
      runs: [],
      restartJobs: new Map(),
      scheduled: false,
      stopped: '',
      countedTwice: 0,
      nRestarts: 0,
      runsThen: 0,
    }
    units.set(unit, life)
    if (id !== '') note(life, id, entry, unit.endsWith('.target'))
    if (text(entry['MESSAGE_ID']) === STOPPED && text(entry['JOB_TYPE']) === 'restart') {
      life.restartJobs.set(text(entry['JOB_ID']), life.runs.length)
    }
  }
  const known = new Set<string>()
  for (const life of units.values()) for (const run of life.runs) known.add(run.id)
  for (const [id, { line }] of toldBy) if (!known.has(id)) doubts.push(`not in the journal: ${line}`)
  for (const [unit, life] of units) {
    for (const run of life.runs.slice(0, -1)) {
      if (run.end === null) doubts.push(`the journal has no end of ${unit} ${run.id}`)
    }
  }
  const runs = [...units].map(([unit, life]) => [unit, life.runs.map((run) => whole(run, toldBy.get(run.id)))] as const)
  const countedTwice = new Map([...units].map(([unit, life]) => [unit, life.countedTwice]))
  return { units: new Map(runs), countedTwice, doubts }
}

function note(life: Life, id: string, entry: Entry, isTarget: boolean): void {
  const atMs = Number(entry['__MONOTONIC_TIMESTAMP']) / 1000
  let run = life.runs.find((r) => r.id === id)
  if (run === undefined) {
    const automatic = life.scheduled
    run = {
      id,
      automatic,
      scheduled: false,
      openedMs: atMs,
      restart: straightAway(life, atMs),
      end: null,
      main: null,
      stopping: false,
      told: null,
    }
    life.runs.push(run)
    life.scheduled = false
    life.stopped = ''
  }
  const job = text(entry['JOB_ID'])
  const runsThen = life.restartJobs.get(job) ?? Infinity
  if (text(entry['JOB_TYPE']) === 'start' && life.runs.indexOf(run) >= runsThen) run.restart = true
  const end = (kind: 'stop' | 'crash', result: string) => {
    if (run.end === null) run.end = { atMs, kind, result, main: null, requested: run.stopping }
  }
  switch (text(entry['MESSAGE_ID'])) {
    case STOPPING:
      if (run.end === null) run.stopping = true
      return
    case PROCESS_EXIT:
      if (text(entry['MESSAGE']).includes('Main process exited')) run.main = mainOf(entry)
      return
    case ENDED_WELL:
      end('stop', 'success')
      return
    case SKIPPED:
      end('stop', text(entry['UNIT_RESULT']))
      return
    case FAILED:
      end('crash', text(entry['UNIT_RESULT']))
      return
    case STOPPED:
      life.stopped = text(entry['JOB_TYPE'])
      // A target has no line of its own for its end, and only services say that they are stopping.
      if (isTarget) end('stop', 'success')
      // A job that ended beside the run, but no 'Stopping': it came when the run was ending already, or a timer's.
      if (run.end !== null && !run.stopping && !life.scheduled) run.end = { ...run.end, requested: null }
      return
    case SCHEDULED:
      noteCounter(life, Number(entry['N_RESTARTS']))
      life.scheduled = true
      run.scheduled = true
      return
  }
}

/** A start job that waited for the end leaves no line that tells it from one that came just after. */
function straightAway(life: Life, atMs: number): null | false {
  const last = life.runs.at(-1)
  if (life.scheduled && life.stopped === '') return null // a line is missing: a burst was too much for the journal
  if (life.stopped === 'restart') return null // the line that says 'Starting' and its job may be missing
  if (last?.end == null || life.stopped !== '' || atMs - last.end.atMs > STRAIGHT_MS) return false
  if (!last.stopping) last.end = { ...last.end, requested: null }
  return null
}

const STRAIGHT_MS = 200

/** Grown by more than runs were opened since: systemd counted one of them twice. */
function noteCounter(life: Life, nRestarts: number): void {
  const opened = life.runs.length - life.runsThen
  life.countedTwice += Math.max(0, nRestarts - life.nRestarts - opened)
  life.nRestarts = nRestarts
  life.runsThen = life.runs.length
}

function mainOf(entry: Entry): { exitCode: number | null; signal: string | null } {
  const status = Number(entry['EXIT_STATUS'])
  return text(entry['EXIT_CODE']) === 'exited'
    ? { exitCode: status, signal: null }
    : { exitCode: null, signal: SIGNALS.get(status) ?? `SIG${status}` }
}

const SIGNALS: ReadonlyMap<number, string> = new Map([
  [1, 'SIGHUP'],
  [6, 'SIGABRT'],
  [9, 'SIGKILL'],
  [10, 'SIGUSR1'],
  [11, 'SIGSEGV'],
  [12, 'SIGUSR2'],
  [15, 'SIGTERM'],
])

interface Told {
  readonly line: string
  readonly main: { readonly exitCode: number | null; readonly signal: string | null } | null
}

function endsById(ends: string): Map<string, Told> {
  const told = new Map<string, Told>()
  for (const line of ends.split('\n')) {
    const [, id, , code, status] = line.split(' ')
    if (id === undefined) continue
    const main =
      code === 'exited'
        ? { exitCode: Number(status), signal: null }
        : code === 'killed' || code === 'dumped'
          ? { exitCode: null, signal: `SIG${status}` }
          : null
    told.set(id, { line, main: main ?? { exitCode: null, signal: null } })
  }
  return told
}

function whole(run: Open, told: Told | undefined): Run {
  const { id, openedMs, restart, automatic, scheduled, end } = run
  return { id, openedMs, restart, automatic, scheduled, end: end && { ...end, main: told?.main ?? run.main } }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
