// Reads the last lines of a run from the journal: one journalctl at a time, a short queue, and a time limit.
import type { Clock, Log } from '../ports.ts'
import { argsForRun, argsForUnit, type RunLines, runLinesOf } from './crash-lines-query.ts'
import { runJournalctl } from './journalctl.ts'

/** journald may receive the last lines a moment after the process has ended. */
const SETTLE_MS = 50
/** While systemd's message about the end is missing, journald lags: one retry after this time. */
const RETRY_AFTER_MS = 150
const WAITING_AT_MOST = 8
/** On a slow device, the first read of a large journal takes long. */
const CHECK_AT_MOST_MS = 20_000

interface CrashLineReaderOptions {
  readonly lines: number
  /** Limit for each query, in ms. */
  readonly withinMs: number
  readonly clock: Clock
  readonly log: Log
  /** The program and its first arguments, such as `--directory=`. */
  readonly command?: readonly string[]
}

export interface CrashLineReader {
  /** Reads one line of the journal, so that missing permissions are logged before the first crash. */
  check(): Promise<void>
  /** The last lines of a run, oldest first; null if they cannot be read in time. Never rejects. */
  linesOf(invocationId: string, unit: string): Promise<readonly string[] | null>
  /** Queries that failed: the queue was full, the time ran out, or the journal cannot be read. */
  missed(): number
}

interface Query {
  readonly id: string
  readonly unit: string
  readonly atMonoMs: number
  readonly resolve: (lines: readonly string[] | null) => void
}

export function createCrashLineReader({
  lines,
  withinMs,
  clock,
  log,
  command = ['journalctl'],
}: CrashLineReaderOptions): CrashLineReader {
  const waiting: Query[] = []
  let busy = false
  let missed = 0
  let problem: string | null = null

  const note = (now: string | null) => {
    if (now !== null && problem === null)
      log('warning', `crash_log_lines: cannot read the journal: ${now}${adviceFor(now)}`)
    if (now === null && problem !== null) log('info', 'crash_log_lines: the journal can be read again')
    problem = now
  }

  const pause = (ms: number) => new Promise<void>((resolve) => clock.after(Math.max(0, ms), resolve))

  const run = async ({ id, atMonoMs }: Query, args: readonly string[]): Promise<RunLines | null> => {
    const leftMs = atMonoMs + withinMs - clock.now().monoMs
    if (leftMs <= 0) return null
    const result = await runJournalctl(command, args, leftMs, clock.after)
    note(result.problem)
    return result.problem === null ? runLinesOf(result.stdout, id, lines) : null
  }

  const read = async (query: Query): Promise<readonly string[] | null> => {
    const age = () => clock.now().monoMs - query.atMonoMs
    await pause(SETTLE_MS - age())
    let found = await run(query, argsForRun(query.id, lines))
    if (found !== null && !found.ended && age() + RETRY_AFTER_MS < withinMs) {
      await pause(RETRY_AFTER_MS)
      found = (await run(query, argsForRun(query.id, lines))) ?? found
    }
    // The run wrote nothing, or was so short that the journal does not know to which run its lines belong.
    if (found?.lines.length === 0) found = (await run(query, argsForUnit(query.unit, lines))) ?? found
    // Without lines and without the end of the run, journald lags: that does not prove that the run wrote nothing.
    return found === null || (found.lines.length === 0 && !found.ended) ? null : found.lines
  }

  const work = async () => {
    busy = true
    for (let query = waiting.shift(); query !== undefined; query = waiting.shift()) {
      const found = await read(query)
      if (found === null) missed += 1
      query.resolve(found)
    }
    busy = false
  }

  return {
    async check() {
      const args = ['--no-pager', '--quiet', '--lines=1', '--output=cat']
      const result = await runJournalctl(command, args, CHECK_AT_MOST_MS, clock.after)
      note(result.problem)
    },
    linesOf(id, unit) {
      return new Promise((resolve) => {
        if (waiting.length >= WAITING_AT_MOST) {
          missed += 1
          return resolve(null)
        }
        waiting.push({ id, unit, atMonoMs: clock.now().monoMs, resolve })
        if (!busy) void work()
      })
    },
    missed: () => missed,
  }
}

function adviceFor(problem: string): string {
  return /permission/i.test(problem) ? ' (add the user of the agent to the group systemd-journal)' : ''
}
