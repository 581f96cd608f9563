// Gathers what explains a crash: at once what is known without asking, and later, in the background, what has to be read.
import type { Agent } from '../../agent.ts'
import { stackOf } from '../../core/error-text.ts'
import type { CrashEvent, Event } from '../../core/event.ts'
import type { Evidence, MemoryEvidence } from '../../core/explain/evidence.ts'
import { mergeEvidence, withinLimit } from '../../core/explain/merge-evidence.ts'
import { withoutHomes } from '../../core/explain/private-paths.ts'
import { fullBucket, refilled, spent, type TokenRate } from '../../core/limits/token-bucket.ts'
import { type State, unitOf } from '../../core/state.ts'
import type { createFileChanges } from '../../host/file-changes.ts'
import type { CrashJournal } from '../../journal/evidence/crash-journal.ts'
import type { Clock, EventSink, Log, UnitSource } from '../../ports.ts'
import type { EvidenceKeeper } from '../../store/kept-evidence.ts'

/** Reads of MemoryPeak: each one is a D-Bus call and an event. */
const PEAK_READS: TokenRate = { everyMs: 1000, burst: 10 }

export interface CrashEvidenceOptions {
  /** The configuration key `explain`. */
  readonly explain: boolean
  readonly agent: Pick<Agent, 'observe' | 'state'>
  readonly source: Pick<UnitSource, 'crashFacts' | 'memoryPeak'>
  /** The agent's own last reading of the memory of a run. */
  readonly lastMemory: (unit: string, invocationId: string | null) => number | null
  readonly files: ReturnType<typeof createFileChanges>
  /** Null unless `explain` is on. */
  readonly journal: CrashJournal | null
  readonly keeper: EvidenceKeeper
  readonly clock: Clock
  readonly log: Log
}

export interface CrashEvidence extends EventSink {
  /** What is known of a crash at once. No I/O: it is part of the step. */
  atOnce(crash: CrashEvent): Evidence
  /** The events, each crash with all its evidence. */
  merged(events: readonly Event[]): readonly Event[]
}

export function createCrashEvidence(options: CrashEvidenceOptions): CrashEvidence {
  const { explain, agent, source, lastMemory, files, journal, keeper, clock, log } = options
  let peaks = fullBucket(PEAK_READS, clock.now().monoMs)
  let stopped = false

  const fileChange = async (crash: CrashEvent): Promise<Evidence> => {
    const facts = source.crashFacts(crash.unit)
    if (facts === null || !isDated(crash)) return {}
    const fileChangedMs = await files.look(crash.unit, facts.files, crash.atMs, clock.now().monoMs)
    return fileChangedMs === undefined || fileChangedMs === crash.evidence?.fileChangedMs ? {} : { fileChangedMs }
  }

  /** Only where it can explain something, because it comes as an event of its own. */
  const wantsPeak = ({ unit, result, signal }: CrashEvent) =>
    explain || result === 'oom-kill' || signal === 'SIGKILL' || (source.crashFacts(unit)?.memoryMax ?? null) !== null

  const memoryPeak = async (crash: CrashEvent): Promise<Evidence> => {
    peaks = refilled(peaks, PEAK_READS, clock.now().monoMs)
    if (!wantsPeak(crash) || peaks.tokens < 1) return {}
    peaks = spent(peaks)
    const peak = await source.memoryPeak(crash.unit)
    // The reply comes in order with systemd's signals: if the next run had begun, it would be known by now.
    const now = unitOf(agent.state(), crash.unit)
    if (peak === null || now?.run !== null || now.snapshot?.invocationId !== crash.invocationId) return {}
    return { memory: { peak } }
  }

  const fromJournal = async (crash: CrashEvent, before: State): Promise<Evidence> => {
    const snapshot = unitOf(before, crash.unit)?.snapshot
    const pid = snapshot?.invocationId === crash.invocationId ? snapshot?.mainPid : 0
    return (await journal?.evidenceOf(crash, pid ?? 0)) ?? {}
  }

  /** One `evidence` event at most, when all of it has arrived. */
  const gather = async (crash: CrashEvent, before: State) => {
    try {
      const parts = await Promise.all([fileChange(crash), memoryPeak(crash), fromJournal(crash, before)])
      const evidence: Evidence = withinLimit(Object.assign({}, ...parts))
      if (stopped || Object.keys(evidence).length === 0 || agent.state().clearedSeq >= crash.seq) return
      agent.observe({
        kind: 'evidence',
        unit: crash.unit,
        at: clock.now(),
        of: crash.seq,
        evidence,
        ...optional('former', crash.evidence?.signature),
      })
    } catch (error) {
      log('error', `cannot gather the evidence of a crash of ${crash.unit}: ${stackOf(error)}`)
    }
  }

  return {
    atOnce(crash) {
      const facts = source.crashFacts(crash.unit)
      const memory: MemoryEvidence = {
        ...optional('limit', facts?.memoryMax),
        ...optional('lastSeen', lastMemory(crash.unit, crash.invocationId)),
      }
      const statusText = explain && crash.source === 'signal' ? facts?.statusText : null
      return {
        ...(Object.keys(memory).length > 0 && { memory }),
        ...optional('statusText', statusText && withoutHomes(statusText)),
        ...optional('fileChangedMs', isDated(crash) ? files.known(crash.unit, crash.atMs) : null),
      }
    },
    merged: (events) => mergeEvidence(events, keeper.all()),
    accept({ before, after, events }) {
      if (after.clearedSeq !== before.clearedSeq) keeper.clear()
      for (const event of events) {
        if (event.kind === 'evidence') keeper.add(event.of, event.evidence)
        if (event.kind !== 'crash') continue
        // The state file has all of the event but this.
        const statusText = event.evidence?.statusText
        if (statusText !== undefined) keeper.add(event.seq, { statusText })
        void gather(event, before)
      }
    },
    async stop() {
      stopped = true
      journal?.stop()
      keeper.close()
    },
  }
}

/** Whether the event has the time of the crash, by a clock that can be compared with the times of files. */
function isDated({ source, clockSynced }: CrashEvent): boolean {
  return source === 'signal' && clockSynced === true
}

function optional<K extends string, V>(key: K, value: V | null | undefined): { readonly [P in K]?: V } {
  return value === null || value === undefined ? {} : ({ [key]: value } as { [P in K]?: V })
}
