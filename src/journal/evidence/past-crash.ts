// Reads again what the journal has of a crash in the past: for a person, when the evidence is no longer kept.
import type { CrashEvent } from '../../core/event.ts'
import type { Evidence } from '../../core/explain/evidence.ts'
import type { CrashLineReader } from '../crash-lines.ts'
import { crashedRun, evidenceFrom, recordsIn, recordsWanted } from './records.ts'

/** systemd-coredump needs seconds for its record. */
const RECORDS_AFTER_MS = 2000
const COREDUMP_AFTER_MS = 10_000

interface PastCrash {
  /** The last lines of the run, oldest first. */
  readonly lines: readonly string[]
  readonly evidence: Evidence
}

/** Null if the journal cannot be read in time, or has nothing of the run any more. */
export async function readPastCrash(
  reader: Pick<CrashLineReader, 'readCrash'>,
  crash: CrashEvent,
): Promise<PastCrash | null> {
  const run = crashedRun(crash, 0)
  if (run === null) return null
  const untilMs = run.untilMs + (crash.coreDumped ? COREDUMP_AFTER_MS : RECORDS_AFTER_MS)
  const within = { fromMs: run.fromMs - 1000, untilMs }
  const reading = await reader.readCrash(run.invocationId, run.unit, recordsWanted(crash), within)
  if (reading === null) return null
  return { lines: reading.lines, evidence: evidenceFrom(recordsIn(reading.entries, run), crash) }
}
