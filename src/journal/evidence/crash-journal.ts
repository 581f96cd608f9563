// Collects evidence of crashes from the journal, within a rate and a time: systemd-coredump needs seconds for its record.
import type { CrashEvent } from '../../core/event.ts'
import type { CoredumpEvidence, Evidence } from '../../core/explain/evidence.ts'
import { fullBucket, refilled, spent, type TokenRate } from '../../core/limits/token-bucket.ts'
import { plural } from '../../core/views/format.ts'
import type { Clock } from '../../ports.ts'
import { type JournalAccess, journalAccess } from '../access.ts'
import type { CrashLineReader, CrashReading } from '../crash-lines.ts'
import type { RecordsWanted } from '../crash-lines-query.ts'
import { type CrashedRun, crashedRun, evidenceFrom, recordsIn, recordsWanted } from './records.ts'

/** Crashes of which evidence is read: in a crash storm, each one would cost a process. */
const READINGS: TokenRate = { everyMs: 10_000, burst: 10 }
/** When a core dump is looked for again, ms after the crash; then it counts as not known. */
const COREDUMP_AFTER_MS = [1000, 3000, 8000]
/** Whether the journal can be read is checked once in this time. */
const ACCESS_FOR_MS = 60_000
/** Crashes of which a core dump is awaited at the same time. */
const AWAITED_AT_MOST = 4

type Crash = CrashedRun & RecordsWanted
type CrashRecords = ReturnType<typeof recordsIn>

export interface CrashJournal {
  /** What the journal proves about a crash that happened just now; null if it cannot be read in time. `pid`: of the main process. */
  evidenceOf(crash: CrashEvent, pid: number): Promise<Evidence | null>
  /** What is missing, one sentence; empty if nothing is. */
  notes(): readonly string[]
  stop(): void
}

interface CrashJournalOptions {
  readonly reader: Pick<CrashLineReader, 'readCrash'>
  readonly access?: () => JournalAccess
  readonly clock: Clock
}

export function createCrashJournal({ reader, access = journalAccess, clock }: CrashJournalOptions): CrashJournal {
  let bucket = fullBucket(READINGS, clock.now().monoMs)
  let dropped = 0
  let awaited = 0
  let checked: { readonly atMonoMs: number; readonly readable: boolean } | null = null
  let stopped = false
  const endings = new Set<() => void>()

  const isReadable = (): boolean => {
    const { monoMs } = clock.now()
    if (checked === null || monoMs - checked.atMonoMs > ACCESS_FOR_MS)
      checked = { atMonoMs: monoMs, readable: access() === 'readable' }
    return checked.readable
  }

  const take = (): boolean => {
    bucket = refilled(bucket, READINGS, clock.now().monoMs)
    if (bucket.tokens < 1) return false
    bucket = spent(bucket)
    return true
  }

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const end = () => {
        endings.delete(end)
        cancel()
        resolve()
      }
      const cancel = clock.after(ms, end)
      endings.add(end)
    })

  const read = (crash: Crash): Promise<CrashReading | null> => reader.readCrash(crash.invocationId, crash.unit, crash)

  /** Until systemd-coredump has written its record; the records as they were if it does not in time. */
  const awaitCoredump = async (crash: Crash, first: CrashRecords): Promise<CrashRecords> => {
    if (awaited >= AWAITED_AT_MOST) return first
    awaited += 1
    let passedMs = 0
    let found = first
    for (const afterMs of COREDUMP_AFTER_MS) {
      await pause(afterMs - passedMs)
      passedMs = afterMs
      const reading = stopped ? null : await read(crash)
      found = reading === null ? found : recordsIn(reading.entries, crash)
      if (stopped || dumpOf(found) !== undefined) break
    }
    awaited -= 1
    return found
  }

  return {
    async evidenceOf(event, pid) {
      const run = crashedRun(event, pid)
      if (run === null || !isReadable()) return null
      const crash = { ...run, ...recordsWanted(event) }
      const reading = take() ? await read(crash) : null
      if (reading === null) {
        dropped += 1
        return null
      }
      const records = recordsIn(reading.entries, crash)
      const isAwaited = crash.coredump && dumpOf(records) === undefined
      return evidenceFrom(isAwaited ? await awaitCoredump(crash, records) : records, event)
    },
    notes: () =>
      dropped === 0
        ? []
        : [
            `journal: ${plural(dropped, 'crash', 'crashes')} since the start of gatewatch without evidence from the journal: too many at once, or journalctl failed`,
          ],
    stop() {
      stopped = true
      for (const end of [...endings]) end()
    },
  }
}

function dumpOf({ evidence }: CrashRecords): CoredumpEvidence | undefined {
  return evidence.coredump
}
