// The last lines of a run, from the journal: one journalctl at a time, a short queue, and an answer in time or none.
import type { Clock, Log } from '../ports.ts'
import { argsForRun, argsForUnit, type RunLines, runLinesOf } from './crash-lines-query.ts'
import { runJournalctl } from './journalctl.ts'

/** journald takes up what a process wrote a moment after that process ended. */
const SETTLE_MS = 50
/** Where systemd's word of the end is not there yet, the journal is behind: once more. */
const AGAIN_AFTER_MS = 150
const WAITING_AT_MOST = 8
/** A cold journal of a slow device may take its time for the first time. */
const CHECK_AT_MOST_MS = 20_000

interface CrashLineReaderOptions {
  readonly lines: number
  /** An answer that comes later than this is none. */
  readonly withinMs: number
  readonly clock: Clock
  readonly log: Log
  /** The program and its first arguments, such as `--directory=`. */
  readonly command?: readonly string[]
}

export interface CrashLineReader {
  /** Reads one line of the journal, so that who may not read it hears of that before the first crash. */
  check(): Promise<void>
  /** The last lines of a run, oldest first; null where they cannot be had in time. Never rejects. */
  linesOf(invocationId: string, unit: string): Promise<readonly string[] | null>
  /** Answers that were given up, for a full queue, for time, or because the journal cannot be read. */
  missed(): number
}

interface Query {
  readonly id: string
  readonly unit: string
  readonly atMonoMs: number
  readonly answer: (lines: readonly string[] | null) => void
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

  const ask = async ({ id, atMonoMs }: Query, args: readonly string[]): Promise<RunLines | null> => {
    const leftMs = atMonoMs + withinMs - clock.now().monoMs
    if (leftMs <= 0) return null
    const read = await runJournalctl(command, args, leftMs, clock.after)
    note(read.problem)
    return read.problem === null ? runLinesOf(read.stdout, id, lines) : null
  }

  const read = async (asked: Query): Promise<readonly string[] | null> => {
    const age = () => clock.now().monoMs - asked.atMonoMs
    await pause(SETTLE_MS - age())
    let answer = await ask(asked, argsForRun(asked.id, lines))
    if (answer !== null && !answer.over && age() + AGAIN_AFTER_MS < withinMs) {
      await pause(AGAIN_AFTER_MS)
      answer = (await ask(asked, argsForRun(asked.id, lines))) ?? answer
    }
    // Silent, or so short that the journal does not know whose words these were.
    if (answer?.lines.length === 0) answer = (await ask(asked, argsForUnit(asked.unit, lines))) ?? answer
    // No line and no word of the end: the journal is behind, which is no proof of silence.
    return answer === null || (answer.lines.length === 0 && !answer.over) ? null : answer.lines
  }

  const work = async () => {
    busy = true
    for (let asked = waiting.shift(); asked !== undefined; asked = waiting.shift()) {
      const found = await read(asked)
      if (found === null) missed += 1
      asked.answer(found)
    }
    busy = false
  }

  return {
    async check() {
      const read = await runJournalctl(
        command,
        ['--no-pager', '--quiet', '--lines=1', '--output=cat'],
        CHECK_AT_MOST_MS,
        clock.after,
      )
      note(read.problem)
    },
    linesOf(id, unit) {
      return new Promise((answer) => {
        if (waiting.length >= WAITING_AT_MOST) {
          missed += 1
          return answer(null)
        }
        waiting.push({ id, unit, atMonoMs: clock.now().monoMs, answer })
        if (!busy) void work()
      })
    },
    missed: () => missed,
  }
}

function adviceFor(problem: string): string {
  return /permission/i.test(problem) ? ' (the agent has to be in the group systemd-journal)' : ''
}
