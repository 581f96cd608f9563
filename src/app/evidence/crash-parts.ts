// Creates what adds to crash events: the last journal lines, and evidence; and the history with both.
import type { Agent } from '../../agent.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { Event } from '../../core/event.ts'
import { createFileChanges } from '../../host/file-changes.ts'
import { runtimeDirectory } from '../../host/runtime-directory.ts'
import type { CrashLineReader } from '../../journal/crash-lines.ts'
import type { CrashLogSink } from '../../journal/crash-log-sink.ts'
import type { CrashJournal } from '../../journal/evidence/crash-journal.ts'
import type { Clock, Env, EventSink, Log, UnitSource } from '../../ports.ts'
import { createEvidenceKeeper } from '../../store/kept-evidence.ts'
import type { OpenedState } from '../open-state.ts'
import type { UsageReader } from '../resource-usage.ts'
import { type CrashEvidence, createCrashEvidence } from './crash-evidence.ts'

export interface CrashPartsOptions extends Pick<OpenedState, 'store' | 'identity'> {
  readonly loaded: LoadedConfig
  readonly logger: { readonly log: Log }
  readonly env: Env
  readonly uid: number
  readonly agent: Agent
  readonly source: UnitSource
  readonly usage: UsageReader
  /** The sinks of events, which are added later. */
  readonly sinks: readonly EventSink[]
  readonly clock: Clock
}

export interface CrashParts {
  /** All sinks of the agent: evidence is looked for at once, whatever is held back. */
  sinks(): readonly EventSink[]
  readonly evidence: CrashEvidence
  /** Recent events, oldest first, with everything that is known of each crash. */
  history(): readonly Event[]
  /** Those of them that the sinks have been given. */
  delivered(): readonly Event[]
  /** What is missing, one sentence each. */
  notes(): readonly string[]
}

/** Loads no code for the journal unless it is used. */
export async function createCrashParts(options: CrashPartsOptions): Promise<CrashParts> {
  const { agent, source, store, usage, clock } = options
  const { explain } = options.loaded.config
  const { log } = options.logger
  const reader = await createReader(options)
  const crashLog = await createCrashLog(options, reader)
  const journal = await createJournal(options, reader)
  const directory = runtimeDirectory(options.env, options.uid)
  const keeper = createEvidenceKeeper({ directory, stream: options.identity.stream, log })
  const evidence = createCrashEvidence({
    explain,
    agent,
    source,
    lastMemory: usage.lastMemory,
    files: createFileChanges(),
    journal,
    keeper,
    clock,
    log,
  })
  return {
    sinks: () => [evidence, ...(crashLog === null ? options.sinks : [crashLog])],
    evidence,
    history: () => evidence.merged(crashLog?.withLines(store.history()) ?? store.history()),
    delivered: () => evidence.merged(crashLog?.delivered(store.history()) ?? store.history()),
    notes: () => journal?.notes() ?? [],
  }
}

/** One for lines and evidence; null if neither is wanted. */
async function createReader({ loaded, clock, logger }: CrashPartsOptions): Promise<CrashLineReader | null> {
  const { crash_log_lines: lines, explain } = loaded.config
  if (lines === 0 && !explain) return null
  const { createCrashLineReader } = await import('../../journal/crash-lines.ts')
  const { HOLD_AT_MOST_MS } = await import('../../journal/crash-log-sink.ts')
  return createCrashLineReader({ lines, withinMs: HOLD_AT_MOST_MS, clock, log: logger.log })
}

/** Attaches journal lines to crash events before they reach the sinks; null if that is off. */
async function createCrashLog(
  { loaded, sinks, clock, logger }: CrashPartsOptions,
  journal: CrashLineReader | null,
): Promise<CrashLogSink | null> {
  const lines = loaded.config.crash_log_lines
  if (journal === null || lines === 0) return null
  const { createCrashLogSink } = await import('../../journal/crash-log-sink.ts')
  return createCrashLogSink({ lines, sinks, clock, log: logger.log, journal })
}

async function createJournal(
  { loaded, clock }: CrashPartsOptions,
  reader: CrashLineReader | null,
): Promise<CrashJournal | null> {
  // With --user the journal has no evidence: a user's systemd logs other fields, and is not PID 1.
  if (reader === null || !loaded.config.explain || loaded.paths.user) return null
  const { createCrashJournal } = await import('../../journal/evidence/crash-journal.ts')
  return createCrashJournal({ reader, clock })
}
