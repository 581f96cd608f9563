// Finds the units that the configured patterns match, by listing them.
import { isInstance } from '../../core/unit-name.ts'
import type { UnmatchedPattern } from '../../ports.ts'
import { listUnits } from '../manager-api.ts'
import type { UnitReader, UnitReaderContext } from '../unit-reader.ts'
import type { UnitSignals } from '../unit-signals.ts'
import { unmatchedPatterns } from '../unmatched-patterns.ts'

interface FindContext extends Pick<UnitReaderContext, 'bus' | 'clock' | 'list' | 'observe'> {
  /** systemd has listed its units: the patterns that match none. */
  readonly unmatched: (patterns: readonly UnmatchedPattern[]) => void
}

/** Watches the units that the patterns match, and reports the patterns that match none. Resolves with the new ones. */
export async function findUnits(
  { bus, clock, list, observe, unmatched }: FindContext,
  units: UnitReader,
  signals: UnitSignals,
): Promise<readonly string[]> {
  const patterns = list.patterns()
  const listed = await listUnits(bus, patterns)
  list.listed()
  unmatched(unmatchedPatterns(patterns, listed, list.all()))
  const at = clock.now()
  if (patterns.length > 0) observe({ kind: 'listed', at, loaded: listed.loaded })
  const isTransient = (name: string) => listed.idle.has(name) && isInstance(name) && !list.has(name)
  for (const name of listed.units) {
    if (!isTransient(name) || !list.matches(name)) continue
    signals.expect(name)
    units.considerIdle(name)
  }
  const found = listed.units.filter((name) => list.matches(name) && !isTransient(name) && list.add(name))
  for (const unit of found) observe({ kind: 'discovered', at, unit })
  return found
}
