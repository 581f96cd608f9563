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

interface KnownSeries {
  /** The object that the last reading had, because comparing it is cheaper than comparing labels. */
  readonly labels: Reading['labels']
  readonly series: PushedSeries
}

export function createSeriesTable(): SeriesTable {
  let byLabels = new Map<Reading['labels'], PushedSeries>()
  let byKey = new Map<string, KnownSeries>()
  let externalBefore = ''

  /** The series with these labels, in another object than before, or a new one. */
  const find = (reading: Reading, external: Readonly<Record<string, string>>): PushedSeries => {
    const key = keyOf(reading)
    const series = byKey.get(key)?.series ?? seriesOf(reading, external)
    byKey.set(key, { labels: reading.labels, series })
    return series
  }

  return {
    valuesOf(readings, external) {
      const labels = JSON.stringify(external)
      if (labels !== externalBefore) {
        byLabels = new Map()
        byKey = new Map()
      }
      externalBefore = labels
      const existing: typeof byLabels = new Map()
      const values = new Map<PushedSeries, number>()
      for (const reading of readings) {
        const series = byLabels.get(reading.labels) ?? find(reading, external)
        existing.set(reading.labels, series)
        values.set(series, reading.value)
      }
      byLabels = existing
      for (const [key, known] of byKey) if (!existing.has(known.labels)) byKey.delete(key)
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
