// A metric family: its name, HELP text and a function from the scrape input to its samples. Nothing is stored.
import type { Histogram } from '../core/histogram.ts'
import { type State, unitOf } from '../core/state.ts'
import { newUnit, type Unit } from '../core/unit.ts'
import type { ScrapeInput } from './scrape-input.ts'

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
  /** Appended to the name of the family; only in histograms. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
}

export interface FamilyOf<R> {
  /** The full name, including `_total` of a counter. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samples: (input: R) => readonly Sample[]
  /** What the samples are derived from, and nothing else: while these are the same objects, so are the samples. */
  readonly derivedFrom?: (input: R) => readonly object[]
}

export type Family = FamilyOf<ScrapeInput>

type ValueOf = (input: ScrapeInput) => number | null

/** A gauge without labels; no sample while the value is null (not known yet). */
export function gauge(name: string, help: string, value: ValueOf): Family {
  return { name, type: 'gauge', help, samples: unlabelled(value) }
}

/** A counter without labels; no sample while the value is null (not known yet). */
export function counter(name: string, help: string, value: ValueOf): Family {
  return { name, type: 'counter', help, samples: unlabelled(value) }
}

function unlabelled(value: ValueOf): Family['samples'] {
  return (input) => {
    const v = value(input)
    return v === null ? [] : [{ labels: {}, value: v }]
  }
}

/** A gauge per watched unit, from the live state; no sample while the value is null (not known yet). */
export function unitGauge(
  name: string,
  help: string,
  value: (unit: Unit, input: ScrapeInput) => number | null,
): Family {
  const samplesOf = (input: ScrapeInput) => {
    const samples: Sample[] = []
    const labels = unitLabels(input.live)
    input.live.units.forEach((unit, i) => {
      const v = value(unit, input)
      if (v !== null) samples.push({ labels: labels[i] as Labels, value: v })
    })
    return samples
  }
  return { name, type: 'gauge', help, samples: samplesOf }
}

/** A family whose samples are derived from nothing but the units, which on a quiet gateway change less often than it is scraped. */
export function ofUnits(family: Family): Family {
  return { ...family, derivedFrom: unitsOf }
}

function unitsOf({ live, committed, atStart }: ScrapeInput): readonly object[] {
  return [live.units, committed.units, atStart.units]
}

const labelsByIndex = new WeakMap<State['index'], readonly Labels[]>()

/** The label `service` of each unit; the same objects as long as the set of units does not change. */
function unitLabels({ units, index }: State): readonly Labels[] {
  let labels = labelsByIndex.get(index)
  if (labels === undefined) {
    labels = units.map(({ name }) => ({ service: name }))
    labelsByIndex.set(index, labels)
  }
  return labels
}

/**
 * The unit as of the last commit: counters that Prometheus has seen must not go backwards after a power loss. A unit
 * that is not on flash yet has no counts.
 */
export function committedUnit(unit: Unit, input: ScrapeInput): Unit {
  return unitOf(input.committed, unit.name) ?? newUnit(unit.name)
}

/** The samples of one histogram; each has these `labels`. */
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

/** Converts wall time in ms to Unix seconds, with a resolution of 1 ms. */
export function unixSeconds(ms: number): number {
  return Math.round(ms) / 1000
}

export function flag(is: boolean): number {
  return is ? 1 : 0
}
