// The source of observations: systemd over D-Bus, and the journal for gaps.
import type { LoadedConfig } from '../config/load.ts'
import type { State } from '../core/state.ts'
import { sharedTimer } from '../host/clock.ts'
import { withStallDetector } from '../host/stall-detector.ts'
import { createMissingEvidence } from '../journal/missing-evidence.ts'
import { withJournalReplay } from '../journal/replay-source.ts'
import type { Clock, Log, UnitSource } from '../ports.ts'
import { createSystemdSource } from '../systemd/source.ts'

export interface UnitSourceOptions {
  readonly loaded: LoadedConfig
  /** The state now; at the start, the one that the store held. */
  readonly state: () => State
  readonly bootId: string
  /** Gets the delay of each periodic timer. */
  readonly noteLate: (lateMs: number) => void
  readonly clock: Clock
  readonly log: Log
}

interface CreatedUnitSource {
  readonly source: UnitSource
  /** What is missing because the journal cannot be read. */
  readonly missingEvidence: () => readonly string[]
}

export function createUnitSource(options: UnitSourceOptions): CreatedUnitSource {
  const { loaded, state, bootId, noteLate, clock, log } = options
  const { config, paths } = loaded
  const systemd = createSystemdSource({
    address: config.bus,
    clock,
    log,
    random: Math.random,
    patterns: config.monitored_services,
    known: state().units.flatMap(({ name, byPattern }) => (byPattern ? [name] : [])),
    resyncIntervalMs: config.resync_interval * 1000,
    maxUnits: config.max_units,
    statusTexts: config.explain,
  })
  const source = withStallDetector(systemd, noteLate, sharedTimer, log)
  // With --user the journal is not used: a user's systemd logs other fields, and is not PID 1.
  if (paths.user) return { source, missingEvidence: () => [] }
  const missing = createMissingEvidence({
    crashLogLines: config.crash_log_lines,
    explain: config.explain,
    state,
  })
  return {
    source: withJournalReplay({ source, state, bootId, unread: missing.noteUnreadGap, clock, log }),
    missingEvidence: missing.sentences,
  }
}
