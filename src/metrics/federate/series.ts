// The samples of a scrape as series, with their names and without empty labels, as Prometheus stores them.
import type { Family, Labels } from '../family.ts'
import type { ScrapeInput } from '../scrape-input.ts'

/** A series as a Prometheus that scrapes us stores it, without the labels that the scraper adds. */
export interface Series {
  readonly name: string
  /** Includes `__name__`. */
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

export function* allSeries(families: readonly Family[], input: ScrapeInput): Generator<Series> {
  for (const { name, samples } of families) {
    for (const { labels, value, suffix = '' } of samples(input))
      yield { name: name + suffix, labels: seriesLabels(name + suffix, labels), value }
  }
}

export function seriesLabels(name: string, labels: Labels): ReadonlyMap<string, string> {
  const pairs = Object.entries(labels).filter(([, text]) => text !== '')
  return new Map([['__name__', name], ...pairs])
}
