// Encodes and decodes what changed in the history of a unit. A crash and its restart change one row of each kind: about 40 bytes.
import { CAUSE_ROW, DAY_ROW, type SignatureCount } from '../../core/explain/history.ts'
import { type Rows, rowsOf } from '../../core/explain/rows.ts'
import { signatureOf } from '../../core/explain/signature.ts'
import { type ByteReader, type ByteWriter, LARGEST_NUMBER } from './bytes.ts'
import type { HistoryUpdate } from './history-update.ts'
import { all, each } from './unit-fields.ts'

// Tags of its fields. FROZEN: append only; an unknown tag is skipped.
const MARKS = 1
const DAYS = 2
const SIGNATURES = 3
const CAUSES = 4
const UNCOUNTED = 5
const REMOVED = 6

const WHOLE = 1
// Bits of a signature.
const OF_CAUSE_ALONE = 1
const CORE_DUMPED = 2
/** systemd's results and signal names are shorter. */
const WORD_AT_MOST = 32
const HOUR = 3600
const DAY = 86_400

/** Times are written as their distance to the latest one in the record, which is written first. */
export function writeHistory(to: ByteWriter, unit: string, update: HistoryUpdate): void {
  const latest = latestIn(update)
  to.field(MARKS, () => {
    to.u8(update.whole ? WHOLE : 0)
    to.uint(latest)
  })
  const { days, signatures, causes, uncounted, removed } = update
  if (days.length > 0) to.field(DAYS, () => writeRows(to, days, DAY_ROW, Math.floor(latest / DAY)))
  if (signatures.length > 0)
    to.field(SIGNATURES, () => each(signatures, (entry) => writeSignature(to, unit, entry, latest)))
  for (const { cause, hours, days } of causes) {
    to.field(CAUSES, () => {
      const position = signatures.findIndex((entry) => signatureOf(unit, entry.cause) === cause)
      to.uint(position + 1)
      if (position < 0) to.key(cause)
      to.uint(hours.length / CAUSE_ROW)
      writeRows(to, hours, CAUSE_ROW, Math.floor(latest / HOUR))
      writeRows(to, days, CAUSE_ROW, Math.floor(latest / DAY))
    })
  }
  if (uncounted !== 0) to.field(UNCOUNTED, () => to.uint(latest - uncounted))
  if (removed.length > 0) to.field(REMOVED, () => each(removed, (key) => to.key(key)))
}

/** Throws RangeError on bytes that are not a history. */
export function readHistory(from: ByteReader, unit: string): HistoryUpdate {
  const update: { -readonly [K in keyof HistoryUpdate]: HistoryUpdate[K] } = {
    ...{ whole: false, days: [], signatures: [], causes: [], uncounted: 0, removed: [] },
  }
  let latest = 0
  from.fields((tag) => {
    if (tag === MARKS) {
      update.whole = (from.u8() & WHOLE) !== 0
      latest = from.uint()
      if (latest > LARGEST_NUMBER / 1000) throw new RangeError('a time is too late')
    } else if (tag === DAYS) update.days = readRows(from, DAY_ROW, Math.floor(latest / DAY))
    else if (tag === SIGNATURES) update.signatures = all(from, () => readSignature(from, unit, latest))
    else if (tag === CAUSES) {
      const position = from.uint()
      const signature = update.signatures[position - 1]
      const cause = position === 0 || signature === undefined ? from.key() : signatureOf(unit, signature.cause)
      const hours = readRows(from, CAUSE_ROW, Math.floor(latest / HOUR), from.uint())
      update.causes = [...update.causes, { cause, hours, days: readRows(from, CAUSE_ROW, Math.floor(latest / DAY)) }]
    } else if (tag === UNCOUNTED) update.uncounted = latest - from.uint()
    else if (tag === REMOVED) update.removed = all(from, () => from.key())
  })
  return update
}

/** 0 if nothing has a time yet. */
function latestIn({ days, signatures, causes, uncounted }: HistoryUpdate): number {
  const last = (rows: Rows, width: number) => rows[rows.length - width] ?? 0
  return Math.max(
    ...[0, uncounted, datedLast(days, DAY_ROW) * DAY],
    ...signatures.flatMap((entry) => [entry.first, entry.last]),
    ...causes.flatMap(({ hours, days }) => [datedLast(hours, CAUSE_ROW) * HOUR, last(days, CAUSE_ROW) * DAY]),
  )
}

function datedLast(rows: Rows, width: number): number {
  return rowsOf(rows, width).reduce((latest, [key = 0]) => Math.max(latest, key), 0)
}

function writeSignature(
  to: ByteWriter,
  unit: string,
  { signature, cause, count, first, last }: SignatureCount,
  latest: number,
): void {
  const isOfCause = signature === signatureOf(unit, cause)
  to.u8((isOfCause ? OF_CAUSE_ALONE : 0) | (cause.coreDumped ? CORE_DUMPED : 0))
  if (!isOfCause) to.key(signature)
  to.word(cause.result.slice(0, WORD_AT_MOST))
  to.uint(cause.exitCode === null ? 0 : cause.exitCode + 1)
  to.word(cause.signal?.slice(0, WORD_AT_MOST) ?? null)
  to.uint(count)
  to.uint(latest - last)
  to.uint(latest - first)
}

function readSignature(from: ByteReader, unit: string, latest: number): SignatureCount {
  const marks = from.u8()
  const signature = marks & OF_CAUSE_ALONE ? null : from.key()
  const result = from.word() ?? 'unknown'
  const exitCode = from.uint()
  const cause = {
    result,
    exitCode: exitCode === 0 ? null : exitCode - 1,
    signal: from.word(),
    coreDumped: (marks & CORE_DUMPED) !== 0,
  }
  const count = from.uint()
  const last = latest - from.uint()
  return { signature: signature ?? signatureOf(unit, cause), cause, count, first: latest - from.uint(), last }
}

function writeRows(to: ByteWriter, rows: Rows, width: number, latest: number): void {
  for (let i = 0; i < rows.length; i++) to.uint(i % width === 0 ? latest - (rows[i] as number) : (rows[i] as number))
}

/** `count` rows, by default all to the end of the field. */
function readRows(from: ByteReader, width: number, latest: number, count = Number.POSITIVE_INFINITY): Rows {
  const rows: number[] = []
  for (let row = 0; row < count && !from.done(); row++) {
    rows.push(latest - from.uint())
    for (let column = 1; column < width; column++) rows.push(from.uint())
  }
  return rows
}
