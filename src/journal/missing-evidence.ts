// What the agent does not know because it may not read the journal: one sentence in `gatewatch status`.
import type { State } from '../core/state.ts'
import { plural } from '../core/views/format.ts'
import { type JournalAccess, journalAccess } from './access.ts'

interface MissingEvidenceOptions {
  /** `crash_log_lines`. */
  readonly crashLogLines: number
  /** The configuration key `explain`. */
  readonly explain: boolean
  readonly state: () => State
  readonly access?: () => JournalAccess
}

interface MissingEvidence {
  /** A gap is over, and the journal could not be read; the runs that are lost from now on are those of such gaps. */
  noteUnreadGap(): void
  /** Empty while the journal can be read, and while nothing is wanted that it would show. */
  sentences(): readonly string[]
}

export function createMissingEvidence({
  crashLogLines,
  explain,
  state,
  access = journalAccess,
}: MissingEvidenceOptions): MissingEvidence {
  let lostBefore: number | null = null
  const wanted = [
    ...(crashLogLines > 0 ? ['log lines (crash_log_lines)'] : []),
    ...(explain ? ['evidence from it (explain)'] : []),
  ]
  const lostRuns = () => state().units.reduce((sum, { counters }) => sum + counters.lost, 0)
  return {
    noteUnreadGap() {
      lostBefore ??= lostRuns()
    },
    sentences() {
      const lost = lostBefore === null ? 0 : lostRuns() - lostBefore
      if (wanted.length === 0 && lost <= 0) return []
      const journal = access()
      const noLines = wanted.length > 0 ? [`crash events have no ${wanted.join(' and no ')}`] : []
      if (journal === 'absent')
        return noLines.map(
          (missing) => `journal: this machine stores none, so ${missing}; see Storage= in journald.conf(5)`,
        )
      if (journal === 'readable') return []
      const lostInGaps =
        lost > 0
          ? [
              `${plural(lost, 'run')} that ended while gatewatch was not connected ${lost === 1 ? 'is' : 'are'} counted as lost`,
            ]
          : []
      return [
        `journal: gatewatch may not read it, so ${[...noLines, ...lostInGaps].join(', and ')}; to allow it, enable the drop-in gatewatch.service.d/journal.conf (install.sh --journal) and restart gatewatch`,
      ]
    },
  }
}
