// What a metric family is here: a name, a sentence and a function from a reading to its samples. Nothing is stored.
import type { Histogram } from '../core/histogram.ts'
import { unitOf } from '../core/state.ts'
import { newUnit, type Unit } from '../core/unit.ts'
import type { ScrapeInput } from './scrape-input.ts'

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
  /** What the sample's name has behind its family's: the parts of a histogram; none elsewhere. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
}

export interface FamilyOf<R> {
  /** The whole name, `_total` of a counter included. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samples: (reading: R) => readonly Sample[]
}

export type Family = FamilyOf<ScrapeInput>

/** A family without labels; null is "not known yet": no sample. */
export function one(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (reading: ScrapeInput) => number | null,
): Family {
  const samples = (reading: ScrapeInput) => {
    const v = value(reading)
    return v === null ? [] : [{ labels: {}, value: v }]
  }
  return { name, type, help, samples }
}

/** A gauge for each watched unit, as it is now; null is "not known yet": no sample. */
export function unitGauge(
  name: string,
  help: string,
  value: (unit: Unit, reading: ScrapeInput) => number | null,
): Family {
  const samples = (reading: ScrapeInput) => {
    const found: Sample[] = []
    for (const unit of reading.live.units) {
      const v = value(unit, reading)
      if (v !== null) found.push({ labels: { service: unit.name }, value: v })
    }
    return found
  }
  return { name, type: 'gauge', help, samples }
}

/**
 * The unit as of the last commit: what Prometheus has seen must not go back when the power does. A unit that flash does
 * not hold yet has counted nothing.
 */
export function committedUnit(unit: Unit, reading: ScrapeInput): Unit {
  return unitOf(reading.committed, unit.name) ?? newUnit(unit.name)
}

/** The samples of one histogram; `labels` are those of each of its series. */
export function histogramSamples(histogram: Histogram, labels: Labels = {}): readonly Sample[] {
  const buckets = histogram.bounds.map((bound, i): Sample => {
    return { suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: histogram.counts[i] ?? 0 }
  })
  return [
    ...buckets,
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: histogram.count },
    { suffix: '_sum', labels, value: histogram.sum },
    { suffix: '_count', labels, value: histogram.count },
  ]
}

/** Unix seconds of a wall time in ms, to the millisecond. */
export function unixSeconds(ms: number): number {
  return Math.round(ms) / 1000
}

export function flag(is: boolean): number {
  return is ? 1 : 0
}
