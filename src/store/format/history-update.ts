// How the history of a unit changed: what a commit or a step writes of it, and how that is applied again. Pure.
import {
  CAUSE_ROW,
  type CauseCounts,
  DAY_ROW,
  DAYS,
  DAYS_OF_CAUSE,
  ENTRIES,
  HOURS_OF_CAUSE,
  orNull,
  type SignatureCount,
  type UnitHistory,
} from '../../core/explain/history.ts'
import { type Rows, recent, rowsOf } from '../../core/explain/rows.ts'
import type { Unit } from '../../core/unit.ts'

/** What changed, with absolute values, so that it can be applied twice. */
export interface HistoryUpdate extends UnitHistory {
  /** It replaces the whole history; else it adds and replaces rows and entries. */
  readonly whole: boolean
  /** Signatures that are no longer in the history. */
  readonly removed: readonly string[]
}

/** A unit to write, and what changed in its history; null if nothing did. */
export interface UnitChange {
  readonly unit: Unit
  readonly history: HistoryUpdate | null
}

const EMPTY: UnitHistory = { days: [], signatures: [], causes: [], uncounted: 0 }

/** `before`: the history that the reader has; undefined if that is not known. */
export function unitChange(unit: Unit, before: UnitHistory | null | undefined): UnitChange {
  return {
    unit,
    history: unit.history === before ? null : updateOf(before ?? null, unit.history, before === undefined),
  }
}

function updateOf(before: UnitHistory | null, after: UnitHistory | null, isUnknown: boolean): HistoryUpdate {
  const whole: HistoryUpdate = { ...(after ?? EMPTY), whole: true, removed: [] }
  if (isUnknown || before === null || after === null) return whole
  const part: HistoryUpdate = {
    whole: false,
    days: changedRows(before.days, after.days, DAY_ROW),
    signatures: after.signatures.filter((entry) => !before.signatures.includes(entry)),
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
  if (known === entry) return null
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
    sameList<SignatureCount>(a.signatures, b.signatures, (x, y) => x === y) &&
    sameList<CauseCounts>(
      a.causes,
      b.causes,
      (x, y) => x === y || (x.cause === y.cause && sameRows(x.hours, y.hours) && sameRows(x.days, y.days)),
    )
  )
}

function sameRows(a: Rows, b: Rows): boolean {
  return sameList(a, b, (x, y) => x === y)
}

function sameList<T>(a: readonly T[], b: readonly T[], isEqual: (a: T, b: T) => boolean): boolean {
  return a === b || (a.length === b.length && a.every((entry, i) => isEqual(entry, b[i] as T)))
}
