// Where explanations get more than state and events: the configuration, and the journal.
import type { Config } from '../../config/keys.ts'
import type { CrashEvent } from '../../core/event.ts'
import type { Explaining } from '../../http/route.ts'
import { journalAccess } from '../../journal/access.ts'
import type { CrashLineReader } from '../../journal/crash-lines.ts'
import type { Clock, Log } from '../../ports.ts'

const LINES = 10
/** A person is waiting. */
const READ_WITHIN_MS = 3_000

type Allowed = Pick<Config, 'explain' | 'crash_log_lines'>

/** The journal is read only for a request, and only if `explain` or `crash_log_lines` allows it. */
export function createExplaining(config: () => Allowed, clock: Clock, log: Log): Explaining {
  let created: CrashLineReader | null = null
  const lines = () => config().crash_log_lines || (config().explain ? LINES : 0)
  const open = async (): Promise<CrashLineReader> => {
    const { createCrashLineReader } = await import('../../journal/crash-lines.ts')
    created ??= createCrashLineReader({ lines: lines(), withinMs: READ_WITHIN_MS, clock, log })
    return created
  }
  return {
    sources: () => ({ explain: config().explain, journal: journalAccess() }),
    async fromJournal(crash) {
      const { invocationId, unit, log: known = null } = crash
      const isWanted = config().explain && !hasRecords(crash)
      if ((known !== null && !isWanted) || lines() === 0 || journalAccess() !== 'readable')
        return { log: known, evidence: {} }
      const reader = await open()
      if (isWanted) {
        const { readPastCrash } = await import('../../journal/evidence/past-crash.ts')
        const past = await readPastCrash(reader, crash)
        return { log: known ?? past?.lines ?? null, evidence: past?.evidence ?? {} }
      }
      const isKnown = invocationId !== null && /^[0-9a-f]{32}$/.test(invocationId)
      return { log: isKnown ? await reader.linesOf(invocationId, unit) : null, evidence: {} }
    },
  }
}

/** Whether the event has what the journal had of the crash. */
function hasRecords({ evidence }: CrashEvent): boolean {
  return [evidence?.coredump, evidence?.oom, evidence?.resources].some((record) => record !== undefined)
}
