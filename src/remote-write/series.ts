// The series of a push: complete sorted labels, and one object for each series as long as it exists.
import { encodeLabels } from './labels.ts'

/** A series as it is read: with `__name__`, without empty labels. */
export interface Reading {
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

export interface PushedSeries {
  /** Sorted by name, as remote write requires, and encoded, because each push sends them again. */
  readonly labels: Uint8Array
}

export interface SeriesTable {
  /** The value of each series. `external` labels are added; a label that the series itself has is kept. */
  valuesOf(readings: readonly Reading[], external: Readonly<Record<string, string>>): Map<PushedSeries, number>
}

export function createSeriesTable(): SeriesTable {
  let known = new Map<string, PushedSeries>()
  let externalBefore = ''
  return {
    valuesOf(readings, external) {
      const labels = JSON.stringify(external)
      if (labels !== externalBefore) known = new Map()
      externalBefore = labels
      const existing = new Map<string, PushedSeries>()
      const values = new Map<PushedSeries, number>()
      for (const reading of readings) {
        const key = keyOf(reading)
        const series = known.get(key) ?? seriesOf(reading, external)
        existing.set(key, series)
        values.set(series, reading.value)
      }
      known = existing
      return values
    },
  }
}

function keyOf({ labels }: Reading): string {
  let key = ''
  for (const [name, value] of labels) key += `${name}\0${value}\0`
  return key
}

function seriesOf({ labels }: Reading, external: Readonly<Record<string, string>>): PushedSeries {
  const all = Object.entries({ ...external, ...Object.fromEntries(labels) })
  return { labels: encodeLabels(all.sort(([a], [b]) => (a < b ? -1 : 1))) }
}
