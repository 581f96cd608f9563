// Configured patterns that match no unit: found with each list of units from systemd, and logged once.
import { globMatcher } from '../core/glob.ts'
import type { Log, UnmatchedPattern } from '../ports.ts'

/** What systemd lists for all patterns together. */
export interface ListedUnits {
  readonly units: readonly string[]
  /** Those of them that systemd has loaded. */
  readonly loaded: ReadonlySet<string>
  /** Those that do nothing. */
  readonly idle: ReadonlySet<string>
  /** Names that are aliases of other units: the patterns do not watch them. */
  readonly aliases: readonly string[]
  readonly templates: readonly string[]
}

const ONLY_A_TEMPLATE = 'matches only a template without an instance'

/** `watched`: units that are watched although systemd may not list them, such as stopped instances. */
export function unmatchedPatterns(
  patterns: readonly string[],
  { units, aliases, templates }: Omit<ListedUnits, 'loaded' | 'idle'>,
  watched: readonly string[] = [],
): UnmatchedPattern[] {
  return patterns.flatMap((pattern) => {
    const matches = globMatcher(pattern)
    if (units.some(matches) || watched.some(matches)) return []
    const other = aliases.some(matches) ? 'matches only aliases' : 'matches nothing'
    return [{ pattern, reason: templates.some(matches) ? ONLY_A_TEMPLATE : other }]
  })
}

interface PatternReports {
  /** The patterns that match no unit now; logs those that were not logged with this reason before. */
  note(unmatched: readonly UnmatchedPattern[]): void
  /** Those of the last ones that are still among `patterns`, and match none of the units that are `watched` by now. */
  read(patterns: readonly string[], watched: readonly string[]): readonly UnmatchedPattern[]
}

export function createPatternReports(log: Log): PatternReports {
  let last: readonly UnmatchedPattern[] = []
  return {
    note(unmatched) {
      for (const { pattern, reason } of unmatched) {
        if (last.some((known) => known.pattern === pattern && known.reason === reason)) continue
        // Instances may come and go with the devices they belong to.
        log(reason === ONLY_A_TEMPLATE ? 'info' : 'warning', `${pattern}: watches no unit: the pattern ${reason}`)
      }
      last = unmatched
    },
    read: (patterns, watched) =>
      last.filter(({ pattern }) => patterns.includes(pattern) && !watched.some(globMatcher(pattern))),
  }
}
