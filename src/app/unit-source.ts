// Where observations come from in a run: systemd on the bus, and the journal for what happened while nobody looked.
import { existsSync } from 'node:fs'
import type { LoadedConfig } from '../config/load.ts'
import type { State } from '../core/state.ts'
import { withStallDetector } from '../host/stall-detector.ts'
import { withJournalReplay } from '../journal/replay-source.ts'
import type { Clock, Log, UnitSource } from '../ports.ts'
import { createSystemdSource } from '../systemd/source.ts'

/** systemd's mark that the clock was synchronised (systemd-timesyncd.service(8)). */
const CLOCK_MARK = '/run/systemd/timesync/synchronized'

export interface WatchGiven {
  readonly loaded: LoadedConfig
  /** As it was when the agent came, and as it is. */
  readonly before: State
  readonly now: () => State
  readonly bootId: string
  readonly clock: Clock
  readonly log: Log
}

export function unitSource({ loaded, before, now, bootId, clock, log }: WatchGiven): UnitSource {
  const { config, paths } = loaded
  const systemd = createSystemdSource({
    ...{ address: config.bus, clock, log, random: Math.random, patterns: config.monitored_services },
    known: before.units.filter((u) => u.byPattern).map((u) => u.name),
    resyncIntervalMs: config.resync_interval * 1000,
    maxUnits: config.max_units,
    clockMark: () => existsSync(CLOCK_MARK),
  })
  const source = withStallDetector(systemd, clock, log)
  // A user's own systemd has other fields in the journal, and is another process.
  return paths.user ? source : withJournalReplay({ source, state: now, bootId, clock, log })
}
