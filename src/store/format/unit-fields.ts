// Encodes and decodes the composite fields of a unit; events use some of them too.
import type { Cause } from '../../core/explain/evidence.ts'
import type { Burst, Counters, Failures, Run, Settings, Summary, UnitSnapshot } from '../../core/unit.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'

/** systemd has fewer than twenty values of Result. */
const FAILURES_AT_MOST = 64

/** Bits at the end of an open run. */
const START_OBSERVED = 1
const FIRST_OF_BOOT = 2

export function sameCounters(a: Counters, b: Counters): boolean {
  return (
    a === b ||
    (a.starts === b.starts &&
      a.stops === b.stops &&
      a.crashes === b.crashes &&
      a.restarts === b.restarts &&
      a.lost === b.lost)
  )
}

export function writeCounters(to: ByteWriter, c: Counters): void {
  for (const n of [c.starts, c.stops, c.crashes, c.restarts, c.lost]) to.uint(n)
}

export function readCounters(from: ByteReader): Counters {
  return { starts: from.uint(), stops: from.uint(), crashes: from.uint(), restarts: from.uint(), lost: from.uint() }
}

/** -1 is written for no exit code. Exit codes are 0..255 (waitid(2)); larger values are preserved too. */
export function writeCause(to: ByteWriter, cause: Cause): void {
  to.word(cause.result)
  to.num(cause.exitCode ?? -1)
  to.word(cause.signal)
  to.u8(cause.coreDumped ? 1 : 0)
}

export function readCause(from: ByteReader): Cause {
  const result = from.word() ?? 'unknown'
  const exitCode = from.num()
  return { result, exitCode: exitCode === -1 ? null : exitCode, signal: from.word(), coreDumped: from.u8() !== 0 }
}

export function writeFailures(to: ByteWriter, failures: Readonly<Record<string, Failures>>): void {
  for (const [result, count] of Object.entries(failures).slice(0, FAILURES_AT_MOST)) {
    to.word(result)
    to.uint(count.unrequested)
    to.uint(count.requested)
  }
}

export function failuresOf(from: ByteReader): Failures {
  return { unrequested: from.uint(), requested: from.uint() }
}

/** Counts by name; see `readTallies`. */
export function writeTallies(to: ByteWriter, tallies: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(tallies).slice(0, FAILURES_AT_MOST)) {
    to.word(name)
    to.uint(n)
  }
}

/** Words with a value each, to the end of the field. */
export function readTallies<T>(from: ByteReader, read: (from: ByteReader) => T): Record<string, T> {
  return Object.fromEntries(all(from, () => [from.word() ?? 'unknown', read(from)] as const))
}

export function writeRun(to: ByteWriter, run: Run, newestId: string | null): void {
  to.id(run.id, newestId)
  to.num(run.openedAtMonoMs)
  to.num(run.openedAtMs)
  to.num(run.job)
  to.u8(run.requested ? 1 : 0)
  to.word(run.badResult)
  const marks = (run.startObserved ? START_OBSERVED : 0) | (run.firstOfBoot ? FIRST_OF_BOOT : 0)
  if (marks !== 0) to.u8(marks)
}

export function readRun(from: ByteReader, newestId: string | null): Run {
  const run = { id: from.id(newestId) ?? '', openedAtMonoMs: from.num(), openedAtMs: from.num(), job: from.num() }
  // Version 0.1.0 wrote no more than that.
  const known = from.done()
    ? { requested: false, badResult: null }
    : { requested: from.u8() !== 0, badResult: from.word() }
  const marks = from.done() ? 0 : from.u8()
  return {
    ...{ ...run, ...known },
    startObserved: (marks & START_OBSERVED) !== 0,
    firstOfBoot: (marks & FIRST_OF_BOOT) !== 0,
  }
}

export function writeSettings(to: ByteWriter, settings: Settings): void {
  to.word(settings.loadState)
  to.word(settings.restart)
  to.u8(
    (settings.restartForced ? 1 : 0) |
      (settings.restartPrevented ? 2 : 0) |
      (settings.enabled ? 4 : 0) |
      (settings.wasActive ? 0 : 8),
  )
}

export function readSettings(from: ByteReader): Settings {
  const [loadState, restart, flags] = [from.word() ?? 'unknown', from.word(), from.u8()]
  const has = (flag: number) => (flags & flag) !== 0
  // What the flash does not hold is read from systemd before it is used: `settingsStale`.
  return {
    loadState,
    restart,
    restartForced: has(1),
    restartPrevented: has(2),
    enabled: has(4),
    wasActive: !has(8),
    startedBy: [],
  }
}

/** A burst is stored so that the summary that a killed agent was collecting is reported by the next one. */
export function writeBurst(to: ByteWriter, burst: Burst): void {
  to.num(burst.sinceMonoMs)
  to.num(burst.ends)
  if (burst.summary !== null) writeSummary(to, burst.summary)
}

export function readBurst(from: ByteReader): Burst {
  return { sinceMonoMs: from.num(), ends: from.num(), summary: from.done() ? null : readSummary(from) }
}

export function writeSummary(to: ByteWriter, summary: Summary): void {
  writeCounters(to, summary.counted)
  to.num(summary.firstMs)
  to.num(summary.lastMs)
  writeTallies(to, summary.byResult)
}

/** Reads to the end of the field. */
export function readSummary(from: ByteReader): Summary {
  const counted = readCounters(from)
  return { counted, firstMs: from.num(), lastMs: from.num(), byResult: readTallies(from, (n) => n.uint()) }
}

export function writeUnitSnapshot(to: ByteWriter, snapshot: UnitSnapshot, newestId: string | null): void {
  to.word(snapshot.activeState)
  to.word(snapshot.subState)
  to.id(snapshot.invocationId, newestId)
  to.num(snapshot.job)
  to.word(snapshot.result)
  to.num(snapshot.mainCode)
  to.num(snapshot.mainStatus)
  to.num(snapshot.nRestarts)
  to.num(snapshot.changedAtMonoMs)
}

export function readUnitSnapshot(from: ByteReader, newestId: string | null): UnitSnapshot {
  return {
    activeState: from.word() ?? 'unknown',
    subState: from.word() ?? 'unknown',
    invocationId: from.id(newestId),
    job: from.num(),
    result: from.word(),
    mainCode: from.num(),
    mainStatus: from.num(),
    nRestarts: atLeastZero(from.num()),
    changedAtMonoMs: from.num(),
    mainPid: 0, // this and the next one are read from systemd again
    frozen: false,
  }
}

/** The difference to systemd's NRestarts is how many restarts are counted after a gap. */
function atLeastZero(n: number): number {
  if (n < 0) throw new RangeError('a count is negative')
  return n
}

/** Reads values to the end of the field. */
export function all<T>(from: ByteReader, read: () => T): T[] {
  const values: T[] = []
  while (!from.done()) values.push(read())
  return values
}

export function each<T>(values: readonly T[], write: (value: T) => void): void {
  for (const value of values) write(value)
}
