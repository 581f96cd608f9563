// Evidence of one crash from journal entries: only what genuine records prove. Pure.
import type { CrashEvent } from '../../core/event.ts'
import type { Evidence, ResourceEvidence } from '../../core/explain/evidence.ts'
import { normalizedLine, signatureOf } from '../../core/explain/signature.ts'
import { messageOf, type RecordsWanted, runsOf, withoutRecords } from '../crash-lines-query.ts'
import type { JournalEntry } from '../journal-entry.ts'
import { CONSUMED } from '../message-ids.ts'
import { coredumpIn, topFunction } from './coredump.ts'
import { isOfSystemd, textOf } from './genuine.ts'
import { oomIn } from './oom.ts'

/** Which crash, and what identifies its records. */
export interface CrashedRun {
  readonly unit: string
  readonly invocationId: string
  /** With or without dashes. */
  readonly bootId: string
  /** Of the main process; 0 if not known. */
  readonly pid: number
  /** When the run started and ended, by the wall clock. */
  readonly fromMs: number
  readonly untilMs: number
}

/** Null if the id of the run is not known. `pid`: of the main process; 0 if not known. */
export function crashedRun(crash: CrashEvent, pid: number): CrashedRun | null {
  const { unit, invocationId, bootId, atMs, evidence } = crash
  if (invocationId === null || !/^[0-9a-f]{32}$/.test(invocationId)) return null
  return { unit, invocationId, bootId, pid, fromMs: atMs - (evidence?.ranMs ?? RECENT_MS), untilMs: atMs }
}

/** What to look for: the kernel's and systemd-oomd's records only where a process was killed. */
export function recordsWanted({ coreDumped, result, signal }: CrashEvent): RecordsWanted {
  return { coredump: coreDumped, oom: result === 'oom-kill' || signal === 'SIGKILL' }
}

interface Records {
  readonly evidence: Pick<Evidence, 'resources' | 'oom' | 'coredump'>
  /** What a signature is made from: the topmost named frame, else the last error that the run logged; empty if neither is known. */
  readonly detail: string
}

/** The records, with the signature if it is not the one that the event has. */
export function evidenceFrom({ evidence, detail }: Records, crash: CrashEvent): Evidence {
  const signature = signatureOf(crash.unit, crash, detail)
  const known = crash.evidence?.signature ?? signatureOf(crash.unit, crash)
  return signature === known ? evidence : { ...evidence, signature }
}

/** Where the start of the run is not known, records are taken from this time before its end. */
const RECENT_MS = 2000
/** journald receives the kernel's record in order, at the time of the kill. Records of the runs before and after are not meant. */
const EARLIER_MS = 50
const LATER_MS = 500
/** syslog priorities up to this one are errors. */
const ERROR = 3
const ERROR_WORDS = /\b(?:error|fatal|panic|exception|fail(?:ed|ure)?|assert(?:ion)?|abort(?:ed)?|cannot|segfault)\b/i

/** `newestFirst`: what `argsForCrash` finds. */
export function recordsIn(newestFirst: readonly JournalEntry[], run: CrashedRun): Records {
  const bootId = run.bootId.replaceAll('-', '')
  const entries = newestFirst.filter((entry) => (entry['_BOOT_ID'] ?? bootId) === bootId)
  const resources = resourcesIn(entries, run.invocationId)
  const during = entries.filter((entry) => {
    const atMs = Number(entry['__REALTIME_TIMESTAMP']) / 1000
    return atMs >= run.fromMs - EARLIER_MS && atMs <= run.untilMs + LATER_MS
  })
  const oom = oomIn(during.toReversed(), run.unit)
  const coredump = coredumpIn(entries, run)
  const evidence = { ...(resources && { resources }), ...(oom && { oom }), ...(coredump && { coredump }) }
  const frame = coredump === null ? null : topFunction(coredump)
  return { evidence, detail: frame ?? lastErrorIn(entries, run.invocationId) }
}

/** systemd's own record of what the run consumed; systemd logs none for a run that consumed little. */
function resourcesIn(entries: readonly JournalEntry[], invocationId: string): ResourceEvidence | null {
  const entry = entries.find(
    (one) => one['MESSAGE_ID'] === CONSUMED && isOfSystemd(one) && one['INVOCATION_ID'] === invocationId,
  )
  if (entry === undefined) return null
  const number = (field: string, key: keyof ResourceEvidence, per = 1) => {
    const text = textOf(entry, field)
    return /^\d{1,15}$/.test(text) || (per > 1 && /^\d{1,19}$/.test(text))
      ? { [key]: Math.round(Number(text) / per) }
      : {}
  }
  const resources: ResourceEvidence = {
    ...number('CPU_USAGE_NSEC', 'cpuMs', 1e6),
    ...number('MEMORY_PEAK', 'memoryPeak'),
    ...number('IO_METRIC_READ_BYTES', 'ioReadBytes'),
    ...number('IO_METRIC_WRITE_BYTES', 'ioWriteBytes'),
    ...number('IP_METRIC_INGRESS_BYTES', 'ipReceivedBytes'),
    ...number('IP_METRIC_EGRESS_BYTES', 'ipSentBytes'),
  }
  return Object.keys(resources).length === 0 ? null : resources
}

/** The last line of the run at priority `err` or above, else the last one that reads like an error; normalised. */
function lastErrorIn(newestFirst: readonly JournalEntry[], invocationId: string): string {
  const entries = withoutRecords(newestFirst).toReversed()
  const runs = runsOf(entries)
  const own = entries.filter((entry, i) => runs[i] === invocationId && entry['_PID'] !== '1').toReversed()
  const byPriority = own.find((entry) => Number(entry['PRIORITY'] ?? 6) <= ERROR)
  const byWords = own.find((entry) => ERROR_WORDS.test(messageOf(entry['MESSAGE'])))
  const last = byPriority ?? byWords
  return last === undefined ? '' : normalizedLine(messageOf(last['MESSAGE']).split('\n')[0] ?? '')
}
