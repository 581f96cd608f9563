// Where explanations get more than state and events: the configuration, and the journal.
import type { Config } from '../../config/keys.ts'
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
  let reader: CrashLineReader | null = null
  const lines = () => config().crash_log_lines || (config().explain ? LINES : 0)
  return {
    sources: () => ({ explain: config().explain, journal: journalAccess() }),
    async logLines({ invocationId, unit, log: known }) {
      if (known !== undefined) return known
      if (invocationId === null || !/^[0-9a-f]{32}$/.test(invocationId)) return null
      if (lines() === 0 || journalAccess() !== 'readable') return null
      if (reader === null) {
        const { createCrashLineReader } = await import('../../journal/crash-lines.ts')
        reader ??= createCrashLineReader({ lines: lines(), withinMs: READ_WITHIN_MS, clock, log })
      }
      return reader.linesOf(invocationId, unit)
    },
  }
}
