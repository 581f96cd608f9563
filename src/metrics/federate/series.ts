// The samples of a scrape as series, with their names and without empty labels, as Prometheus stores them.
import type { Family } from '../family.ts'
import type { ScrapeInput } from '../scrape-input.ts'

/** A series as a Prometheus that scrapes us stores it, without the labels that the scraper adds. */
export interface Series {
  readonly name: string
  /** Includes `__name__`. */
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

export function* allSeries(families: readonly Family[], input: ScrapeInput): Generator<Series> {
  for (const family of families) {
    for (const { labels, value, suffix } of family.samples(input)) {
      const name = family.name + (suffix ?? '')
      const pairs = Object.entries(labels).filter(([, text]) => text !== '')
      yield { name, labels: new Map([['__name__', name], ...pairs]), value }
    }
  }
}
