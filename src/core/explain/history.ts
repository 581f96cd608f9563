// The history of a unit: what was counted on each day, its latest crashes by signature, and how often each cause occurred. Pure.
import { isClockUnset } from '../views/format.ts'
import type { Cause } from './evidence.ts'
import { added, datedOnly, type Rows, rowsOf, UNDATED_HOURS, undatedRows } from './rows.ts'

/**
 * An instant, in seconds: since 1970 if the clock was synchronised. Else negative, -1 less the seconds since boot, until the
 * clock is synchronised. 0: in an earlier boot, in which it never was.
 */
export type Stamp = number

export interface SignatureCount {
  readonly signature: string
  readonly cause: Cause
  readonly count: number
  readonly first: Stamp
  readonly last: Stamp
}

/** The crashes of one cause, in the last 24 hours and 7 days in which it occurred. */
export interface CauseCounts {
  /** The signature of unit and cause alone. */
  readonly cause: string
  /** Rows: hour, crashes. */
  readonly hours: Rows
  /** Rows: day, crashes. */
  readonly days: Rows
}

export interface UnitHistory {
  /** Rows: day, starts, stops, crashes, lost. */
  readonly days: Rows
  /** At most 8; the one that occurred last is the last one. */
  readonly signatures: readonly SignatureCount[]
  /** At most 8; the one that occurred last is the last one. */
  readonly causes: readonly CauseCounts[]
  /** When the latest crash happened, at the latest, that is not in `causes`; 0 if there is none. */
  readonly uncounted: Stamp
}

export const DAYS = 30
export const HOURS_OF_CAUSE = 24
export const DAYS_OF_CAUSE = 7
/** Signatures and causes of one unit. */
export const ENTRIES = 8
const HOUR = 3600
const DAY = 24 * HOUR

export const DAY_ROW = 5
export const CAUSE_ROW = 2

export function stampOf({ monoMs, wallMs }: { monoMs: number; wallMs: number }, clockSynced: boolean): Stamp {
  return clockSynced ? Math.max(1, Math.floor(wallMs / 1000)) : -1 - Math.max(0, Math.floor(monoMs / 1000))
}

/** The history of a unit. One that begins now does not have the crash before it. */
export function historyOf(
  {
    history,
    lastCrash,
  }: { readonly history: UnitHistory | null; readonly lastCrash: { readonly atMs: number } | null },
  now: Stamp,
): UnitHistory {
  if (history !== null) return history
  const none = { days: [], signatures: [], causes: [] }
  if (lastCrash === null) return { ...none, uncounted: 0 }
  const isTimeKnown = now > 0 && !isClockUnset(lastCrash.atMs)
  return { ...none, uncounted: isTimeKnown ? Math.min(now, Math.floor(lastCrash.atMs / 1000)) : now }
}

/** With the sums of its day. */
export function withCounted(
  history: UnitHistory,
  at: Stamp,
  {
    starts = 0,
    stops = 0,
    crashes = 0,
    lost = 0,
  }: { starts?: number; stops?: number; crashes?: number; lost?: number },
): UnitHistory {
  const key = at < 0 ? undatedHour(at) : Math.floor(at / DAY)
  return { ...history, days: added(history.days, key, [starts, stops, crashes, lost], DAYS) }
}

/** With one more crash of this cause, or several. `signature`: of unit and cause alone. */
export function withCrash(history: UnitHistory, at: Stamp, cause: Cause, signature: string, crashes = 1): UnitHistory {
  const same = history.causes.find((entry) => entry.cause === signature) ?? { cause: signature, hours: [], days: [] }
  const crashed: CauseCounts = {
    cause: signature,
    hours: added(same.hours, at < 0 ? undatedHour(at) : Math.floor(at / HOUR), [crashes], HOURS_OF_CAUSE),
    days: at < 0 ? same.days : added(same.days, Math.floor(at / DAY), [crashes], DAYS_OF_CAUSE),
  }
  const causes = [...history.causes.filter((entry) => entry !== same), crashed]
  const known = history.signatures.find((entry) => entry.signature === signature)
  const counted: SignatureCount = {
    signature,
    cause,
    count: (known?.count ?? 0) + crashes,
    first: known?.first ?? at,
    last: at,
  }
  const signatures = [...history.signatures.filter((entry) => entry !== known), counted].slice(-ENTRIES)
  const dropped = causes.length > ENTRIES ? causes[0] : undefined
  const ends = [dropped === undefined ? 0 : endOf(dropped, at), at < 0 ? droppedBefore(same, at) : 0]
  const uncounted = ends.reduce(later, history.uncounted)
  // The clock was set back: how long ago that was is unknown.
  const isSetBack = at > 0 && Math.max(lastHour(same) * HOUR, uncounted) > at + HOUR
  return { ...history, signatures, causes: causes.slice(-ENTRIES), uncounted: isSetBack ? at : uncounted }
}

/** While the clock is not synchronised, only the last hours are kept: when the crashes before them happened, at the latest. */
function droppedBefore({ hours }: CauseCounts, at: Stamp): Stamp {
  const [oldest] = undatedRows(hours, CAUSE_ROW)
  return oldest !== undefined && oldest >= undatedHour(at) + UNDATED_HOURS ? at + UNDATED_HOURS * HOUR : 0
}

/** One crash that was counted under the signature `from` has the signature `to`, as became known later. */
export function withSignature(history: UnitHistory, from: string, to: string): UnitHistory {
  const base = history.signatures.find((entry) => entry.signature === from)
  if (base === undefined || from === to) return history
  const known = history.signatures.find((entry) => entry.signature === to) ?? {
    ...base,
    signature: to,
    count: 0,
    first: base.last,
  }
  const moved: SignatureCount = { ...known, count: known.count + 1, last: later(known.last, base.last) }
  const others = history.signatures.filter((entry) => entry !== known)
  const left = others.flatMap((entry) =>
    entry !== base ? entry : entry.count > 1 ? { ...entry, count: entry.count - 1 } : [],
  )
  return { ...history, signatures: [...left, moved].slice(-ENTRIES) }
}

/**
 * How often this cause occurred: in this hour and the 23 before it, and on this day and the 6 before it (UTC). Absent while
 * the clock is not synchronised, and where not every crash was counted.
 */
export function sameCause(
  { causes, uncounted }: UnitHistory,
  at: Stamp,
  signature: string,
): { sameCause24h?: number; sameCause7d?: number } {
  const counted = causes.find(({ cause }) => cause === signature)
  if (counted === undefined || at < 0) return {}
  const [hour, day] = [Math.floor(at / HOUR), Math.floor(at / DAY)]
  return {
    ...(Math.floor(uncounted / HOUR) <= hour - HOURS_OF_CAUSE && { sameCause24h: sumOf(counted.hours) }),
    ...(Math.floor(uncounted / DAY) <= day - DAYS_OF_CAUSE && { sameCause7d: sumOf(counted.days) }),
  }
}

/** The clock is synchronised: what was counted before in this boot gets its time. */
export function dated(history: UnitHistory, nowMs: number, bootedAtMs: number): UnitHistory {
  if (!isUndated(history)) return history
  const now = Math.floor(nowMs / 1000)
  const stamp = (at: Stamp): Stamp => (at >= 0 ? at : Math.min(now, Math.floor(bootedAtMs / 1000) - 1 - at))
  /** The middle of an hour since boot: some of it may be on the next day. */
  const ofHour = (key: number, length: number) => Math.floor(stamp(-1 - (-1 - key) * HOUR - HOUR / 2) / length)
  const datedRows = (rows: Rows, width: number, length: number, window: number, begin: Rows = []) =>
    rowsOf(rows, width).reduce<Rows>(
      (sums, [key = 0, ...counts]) => added(sums, key < 0 ? ofHour(key, length) : key, counts, window),
      begin,
    )
  return {
    days: datedRows(history.days, DAY_ROW, DAY, DAYS),
    signatures: history.signatures.map((entry) => ({ ...entry, first: stamp(entry.first), last: stamp(entry.last) })),
    causes: history.causes.map(({ cause, hours, days }) => ({
      cause,
      hours: datedRows(hours, CAUSE_ROW, HOUR, HOURS_OF_CAUSE),
      days: datedRows(undatedRows(hours, CAUSE_ROW), CAUSE_ROW, DAY, DAYS_OF_CAUSE, days),
    })),
    uncounted: stamp(history.uncounted),
  }
}

/** After a reboot: the time of what was counted without a synchronised clock will never be known. Null if nothing is left. */
export function ofEarlierBoots(history: UnitHistory): UnitHistory | null {
  if (!isUndated(history)) return history
  const stamp = (at: Stamp): Stamp => Math.max(0, at)
  const causes = history.causes.map((entry) => ({ ...entry, hours: datedOnly(entry.hours, CAUSE_ROW) }))
  const isMissing =
    history.uncounted < 0 || causes.some(({ hours }, i) => hours.length !== history.causes[i]?.hours.length)
  return orNull({
    days: datedOnly(history.days, DAY_ROW),
    signatures: history.signatures.map((entry) => ({ ...entry, first: stamp(entry.first), last: stamp(entry.last) })),
    causes: causes.filter(({ hours }) => hours.length > 0),
    // It was before this boot.
    uncounted: isMissing ? -1 : history.uncounted,
  })
}

/** Null if it is empty. */
export function orNull(history: UnitHistory): UnitHistory | null {
  const { days, signatures, causes, uncounted } = history
  return days.length + signatures.length + causes.length === 0 && uncounted === 0 ? null : history
}

/** Whether the time of anything is not known yet. */
function isUndated({ days, signatures, causes, uncounted }: UnitHistory): boolean {
  return (
    uncounted < 0 ||
    undatedRows(days, DAY_ROW).length > 0 ||
    signatures.some(({ first, last }) => first < 0 || last < 0) ||
    causes.some(({ hours }) => undatedRows(hours, CAUSE_ROW).length > 0)
  )
}

function sumOf(rows: Rows): number {
  let sum = 0
  for (let i = 1; i < rows.length; i += CAUSE_ROW) sum += rows[i] ?? 0
  return sum
}

function undatedHour(at: Stamp): number {
  return -1 - Math.floor((-1 - at) / HOUR)
}

/** What is not dated yet is of this boot, and so later. */
function later(a: Stamp, b: Stamp): Stamp {
  return a < 0 || b < 0 ? Math.min(a, b) : Math.max(a, b)
}

/** When the latest crash of this cause happened, at the latest. */
function endOf(counts: CauseCounts, now: Stamp): Stamp {
  const hour = lastHour(counts)
  return hour < 0 ? now : (hour + 1) * HOUR - 1
}

function lastHour({ hours }: CauseCounts): number {
  return hours[hours.length - CAUSE_ROW] ?? 0
}
