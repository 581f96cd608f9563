// Rows of counts by day or by hour, in chronological order. Pure.

/**
 * Rows of numbers, one after the other, in chronological order: the key of a day or an hour (since 1970, UTC), then its
 * counts. While the clock is not synchronised, a key is -1 less the hours since boot.
 */
export type Rows = readonly number[]

/** Hours since boot that are kept while the clock is not synchronised. */
export const UNDATED_HOURS = 24

/**
 * Adds to the last row, or appends one and drops what is older than `window`. If the clock was set back, what is dated later
 * than `key` did not happen later: it counts with it.
 */
export function added(rows: Rows, key: number, counts: Rows, window: number): Rows {
  const at = rows.length - counts.length - 1
  const last = rows[at]
  if (last !== undefined && key >= 0 && last > key)
    return added(
      rows.slice(0, at),
      key,
      counts.map((n, i) => n + (rows[at + 1 + i] ?? 0)),
      window,
    )
  if (last !== key) return recent([...rows, key, ...counts], counts.length + 1, window)
  return [...rows.slice(0, at + 1), ...counts.map((n, i) => n + (rows[at + 1 + i] ?? 0))]
}

/** The rows that are not too old compared with the last one. */
export function recent(rows: Rows, width: number, window: number): Rows {
  const newest = rows[rows.length - width] ?? 0
  const isKept = (key: number) => (key < 0 ? newest >= 0 || key < newest + UNDATED_HOURS : key > newest - window)
  const first = rows[0] ?? 0
  if (isKept(first) && (newest >= 0 || first < 0)) return rows
  return rowsOf(rows, width).flatMap((row) => (isKept(row[0] ?? 0) ? row : []))
}

export function rowsOf(rows: Rows, width: number): readonly Rows[] {
  return Array.from({ length: rows.length / width }, (_, i) => rows.slice(i * width, (i + 1) * width))
}

export function undatedRows(rows: Rows, width: number): Rows {
  return rowsOf(rows, width).flatMap((row) => ((row[0] ?? 0) < 0 ? row : []))
}

export function datedOnly(rows: Rows, width: number): Rows {
  return rowsOf(rows, width).flatMap((row) => ((row[0] ?? 0) < 0 ? [] : row))
}
