// Reads the last lines of a run, and the records about its crash, from the journal: one journalctl at a time, a short queue,
// and a time limit.
import type { Clock, Log } from '../ports.ts'
import {
  argsForCrash,
  argsForRun,
  argsForUnit,
  entriesIn,
  type RecordsWanted,
  type RunLines,
  runLinesOf,
  type TimeSpan,
  withoutRecords,
} from './crash-lines-query.ts'
import type { JournalEntry } from './journal-entry.ts'
import { runJournalctl } from './journalctl.ts'

/** journald may receive the last lines a moment after the process has ended. */
const SETTLE_MS = 50
/** While systemd's message about the end is missing, journald lags: one retry after this time. */
const RETRY_AFTER_MS = 150
const WAITING_AT_MOST = 8
/** On a slow device, the first read of a large journal takes long. */
const CHECK_AT_MOST_MS = 20_000

interface CrashLineReaderOptions {
  /** Lines of each crash event; 0 if only records are read. */
  readonly lines: number
  /** Limit for each query for lines, in ms. */
  readonly withinMs: number
  readonly clock: Clock
  readonly log: Log
  /** The program and its first arguments, such as `--directory=`. */
  readonly command?: readonly string[]
}

export interface CrashLineReader {
  /** Reads one line of the journal, so that missing permissions are logged before the first crash. */
  check(): Promise<void>
  /**
   * The last lines of a run, oldest first; null if they cannot be read in time. Never rejects. Uses a query of `readCrash` for
   * the same run if one is under way.
   */
  linesOf(invocationId: string, unit: string): Promise<readonly string[] | null>
  /** The same, with all records about the crash. `within`: where to look for a crash in the past. */
  readCrash(
    invocationId: string,
    unit: string,
    wanted: RecordsWanted,
    within?: TimeSpan | null,
  ): Promise<CrashReading | null>
  /** Queries for lines that failed: the queue was full, the time ran out, or the journal cannot be read. */
  missed(): number
}

export interface CrashReading {
  /** Newest first, of all senders: what they state is not proven. */
  readonly entries: readonly JournalEntry[]
  /** Oldest first. */
  readonly lines: readonly string[]
}

interface Query {
  readonly id: string
  readonly unit: string
  /** Null: only lines. */
  readonly wanted: RecordsWanted | null
  readonly within: TimeSpan | null
  readonly atMonoMs: number
  readonly resolve: (reading: CrashReading | null) => void
}

interface Attempt extends RunLines {
  readonly entries: readonly JournalEntry[]
}

/** Limit for a query for records: nothing is held back for them. On a slow device, a query takes long. */
const RECORDS_WITHIN_MS = 10_000
/** Lines that are read beside records if crash events have none: the last error is among them. */
const LINES_FOR_RECORDS = 16

export function createCrashLineReader(options: CrashLineReaderOptions): CrashLineReader {
  const { withinMs, clock, log, command = ['journalctl'] } = options
  const lines = options.lines || LINES_FOR_RECORDS
  const purpose = options.lines > 0 ? 'crash_log_lines' : 'explain'
  const waiting: Query[] = []
  /** Queries for records, by run. */
  const underWay = new Map<string, Promise<CrashReading | null>>()
  let busy = false
  let missed = 0
  let problem: string | null = null

  const note = (now: string | null) => {
    if (now !== null && problem === null) log('warning', `${purpose}: cannot read the journal: ${now}${adviceFor(now)}`)
    if (now === null && problem !== null) log('info', `${purpose}: the journal can be read again`)
    problem = now
  }

  const pause = (ms: number) => new Promise<void>((resolve) => clock.after(Math.max(0, ms), resolve))

  const limitOf = ({ wanted }: Query) => (wanted === null ? withinMs : RECORDS_WITHIN_MS)

  const run = async (query: Query, args: readonly string[]): Promise<Attempt | null> => {
    const { id, atMonoMs } = query
    const leftMs = atMonoMs + limitOf(query) - clock.now().monoMs
    if (leftMs <= 0) return null
    const result = await runJournalctl(command, args, leftMs, clock.after)
    note(result.problem)
    if (result.problem !== null) return null
    const entries = entriesIn(result.stdout)
    return { ...runLinesOf(withoutRecords(entries), id, lines), entries }
  }

  const read = async (query: Query): Promise<CrashReading | null> => {
    const { id, unit, wanted, within, atMonoMs } = query
    const args = wanted === null ? argsForRun(id, lines) : argsForCrash(id, unit, lines, wanted, within)
    const age = () => clock.now().monoMs - atMonoMs
    await pause(SETTLE_MS - age())
    let found = await run(query, args)
    if (found !== null && !found.ended && age() + RETRY_AFTER_MS < limitOf(query)) {
      await pause(RETRY_AFTER_MS)
      found = (await run(query, args)) ?? found
    }
    // The run wrote nothing, or was so short that the journal does not know to which run its lines belong.
    if (found?.lines.length === 0 && wanted === null) found = (await run(query, argsForUnit(unit, lines))) ?? found
    // Without lines and without the end of the run, journald lags: that does not prove that the run wrote nothing.
    return found === null || (found.lines.length === 0 && !found.ended) ? null : found
  }

  const work = async () => {
    busy = true
    for (let query = waiting.shift(); query !== undefined; query = waiting.shift()) query.resolve(await read(query))
    busy = false
  }

  const queue = (query: Omit<Query, 'atMonoMs' | 'resolve'>): Promise<CrashReading | null> =>
    new Promise((resolve) => {
      if (waiting.length >= WAITING_AT_MOST) return resolve(null)
      waiting.push({ ...query, atMonoMs: clock.now().monoMs, resolve })
      if (!busy) void work()
    })

  return {
    async check() {
      const args = ['--no-pager', '--quiet', '--lines=1', '--output=cat']
      const result = await runJournalctl(command, args, CHECK_AT_MOST_MS, clock.after)
      note(result.problem)
    },
    async linesOf(id, unit) {
      const reading = await (underWay.get(id) ?? queue({ id, unit, wanted: null, within: null }))
      if (reading === null) missed += 1
      return reading?.lines ?? null
    },
    async readCrash(id, unit, wanted, within = null) {
      const reading = queue({ id, unit, wanted, within })
      underWay.set(id, reading)
      await reading
      if (underWay.get(id) === reading) underWay.delete(id)
      return reading
    },
    missed: () => missed,
  }
}

function adviceFor(problem: string): string {
  return /permission/i.test(problem) ? ' (add the user of the agent to the group systemd-journal)' : ''
}
