// How the history of a unit changed: what a commit or a step writes of it, and how that is applied again. Pure.
import {
  CAUSE_ROW,
  type CauseCounts,
  DAY_ROW,
  DAYS,
  DAYS_OF_CAUSE,
  ENTRIES,
  HOURS_OF_CAUSE,
  historyOf,
  orNull,
  type SignatureCount,
  stampOf,
  type UnitHistory,
  withCounted,
  withCrash,
} from '../../core/explain/history.ts'
import { type Rows, recent, rowsOf } from '../../core/explain/rows.ts'
import { signatureOf } from '../../core/explain/signature.ts'
import type { Unit } from '../../core/unit.ts'

/** What changed, with absolute values, so that it can be applied twice. */
export interface HistoryUpdate extends UnitHistory {
  /** It replaces the whole history; else it adds and replaces rows and entries. */
  readonly whole: boolean
  /** Signatures that are no longer in the history. */
  readonly removed: readonly string[]
}

/** A unit to write, and its history; null if that is the one that a reader expects (`expectedHistory`). */
export interface UnitChange {
  readonly unit: Unit
  readonly history: HistoryUpdate | null
}

const EMPTY: UnitHistory = { days: [], signatures: [], causes: [], uncounted: 0 }

/** `before`: the unit that the reader has; null if it has none, undefined if that is not known. */
export function unitChange(unit: Unit, before: Unit | null | undefined): UnitChange {
  if (before === undefined) return { unit, history: updateOf(null, unit.history, true) }
  const expected = before === null ? null : expectedHistory(before, unit)
  const isExpected = unit.history === expected || (unit.history !== null && isSame(expected, unit.history))
  return { unit, history: isExpected ? null : updateOf(expected, unit.history, false) }
}

/**
 * The history that follows from two records of a unit: as if all that was counted between them happened at the time of the last
 * crash, or else of the last change of state, and all crashes had the cause of the last one. Most often that is so, and then
 * nothing has to be written of the history.
 */
export function expectedHistory(before: Unit, after: Unit): UnitHistory | null {
  const [from, to] = [before.counters, after.counters]
  const more = {
    ...{ starts: to.starts - from.starts, stops: to.stops - from.stops },
    ...{ crashes: to.crashes - from.crashes, lost: to.lost - from.lost },
  }
  const numbers = Object.values(more)
  if (numbers.every((n) => n === 0) || numbers.some((n) => n < 0)) return before.history
  const { lastCrash } = more.crashes > 0 ? after : { lastCrash: null }
  const now = stampOf(
    {
      wallMs: lastCrash?.atMs ?? after.changedAtMs ?? 0,
      monoMs: (lastCrash && after.crashTimesMonoMs.at(-1)) ?? after.snapshot?.changedAtMonoMs ?? 0,
    },
    (before.history?.days.at(-DAY_ROW) ?? 0) >= 0,
  )
  const counted = withCounted(historyOf(before, now), now, more)
  if (lastCrash === null) return counted
  return withCrash(counted, now, lastCrash.cause, signatureOf(after.name, lastCrash.cause), more.crashes)
}

function updateOf(before: UnitHistory | null, after: UnitHistory | null, isUnknown: boolean): HistoryUpdate {
  const whole: HistoryUpdate = { ...(after ?? EMPTY), whole: true, removed: [] }
  if (isUnknown || before === null || after === null) return whole
  const part: HistoryUpdate = {
    whole: false,
    days: changedRows(before.days, after.days, DAY_ROW),
    signatures: after.signatures.filter((entry) => !before.signatures.some((known) => isSameSignature(known, entry))),
    causes: after.causes.flatMap((entry) => changedCause(before, entry) ?? []),
    uncounted: after.uncounted,
    removed: before.signatures.flatMap(({ signature }) =>
      after.signatures.some((entry) => entry.signature === signature) ? [] : signature,
    ),
  }
  // Rows that disappeared, as when the clock was set, have no part of their own.
  return isSame(applied(before, part), after) ? part : whole
}

/** The history after `update`; null if it is empty. */
export function applied(before: UnitHistory | null, update: HistoryUpdate): UnitHistory | null {
  const { days, signatures, causes, uncounted, removed } = update
  const base = update.whole || before === null ? EMPTY : before
  return orNull({
    days: merged(base.days, days, DAY_ROW, DAYS),
    signatures: replaced(base.signatures, signatures, removed, (entry) => entry.signature),
    causes: replaced(
      base.causes,
      causes.map((entry) => mergedCause(base, entry)),
      [],
      (entry) => entry.cause,
    ),
    uncounted,
  })
}

function changedCause(before: UnitHistory, entry: CauseCounts): CauseCounts | null {
  const known = before.causes.find(({ cause }) => cause === entry.cause)
  if (known !== undefined && isSameCause(known, entry)) return null
  return {
    cause: entry.cause,
    hours: changedRows(known?.hours ?? [], entry.hours, CAUSE_ROW),
    days: changedRows(known?.days ?? [], entry.days, CAUSE_ROW),
  }
}

function mergedCause(base: UnitHistory, entry: CauseCounts): CauseCounts {
  const known = base.causes.find(({ cause }) => cause === entry.cause)
  return {
    cause: entry.cause,
    hours: merged(known?.hours ?? [], entry.hours, CAUSE_ROW, HOURS_OF_CAUSE),
    days: merged(known?.days ?? [], entry.days, CAUSE_ROW, DAYS_OF_CAUSE),
  }
}

/** The last rows, from the first one that is new or has changed. */
function changedRows(before: Rows, after: Rows, width: number): Rows {
  let from = after.length
  while (from > 0 && !hasRow(before, after, from - width, width)) from -= width
  return after.slice(from)
}

/** Whether `before` has the row of `after` at `at`. It is most often one of the last. */
function hasRow(before: Rows, after: Rows, at: number, width: number): boolean {
  for (let i = before.length - width; i >= 0; i -= width) {
    if (before[i] !== after[at]) continue
    for (let column = 1; column < width; column++) if (before[i + column] !== after[at + column]) return false
    return true
  }
  return false
}

function merged(before: Rows, changed: Rows, width: number, window: number): Rows {
  if (changed.length === 0) return before
  const keys = new Set(rowsOf(changed, width).map(([key]) => key))
  const kept = rowsOf(before, width).flatMap((row) => (keys.has(row[0]) ? [] : row))
  return recent([...kept, ...changed], width, window)
}

function replaced<T>(
  before: readonly T[],
  changed: readonly T[],
  removed: readonly string[],
  key: (entry: T) => string,
): readonly T[] {
  const gone = new Set([...removed, ...changed.map(key)])
  return [...before.filter((entry) => !gone.has(key(entry))), ...changed].slice(-ENTRIES)
}

function isSame(a: UnitHistory | null, b: UnitHistory): boolean {
  return (
    a !== null &&
    a.uncounted === b.uncounted &&
    sameRows(a.days, b.days) &&
    sameList(a.signatures, b.signatures, isSameSignature) &&
    sameList(a.causes, b.causes, isSameCause)
  )
}

function isSameSignature(a: SignatureCount, b: SignatureCount): boolean {
  if (a === b) return true
  if (a.signature !== b.signature || a.count !== b.count || a.first !== b.first || a.last !== b.last) return false
  const [x, y] = [a.cause, b.cause]
  return x.result === y.result && x.exitCode === y.exitCode && x.signal === y.signal && x.coreDumped === y.coreDumped
}

function isSameCause(a: CauseCounts, b: CauseCounts): boolean {
  return a === b || (a.cause === b.cause && sameRows(a.hours, b.hours) && sameRows(a.days, b.days))
}

function sameRows(a: Rows, b: Rows): boolean {
  return sameList(a, b, (x, y) => x === y)
}

function sameList<T>(a: readonly T[], b: readonly T[], isEqual: (a: T, b: T) => boolean): boolean {
  return a === b || (a.length === b.length && a.every((entry, i) => isEqual(entry, b[i] as T)))
}
