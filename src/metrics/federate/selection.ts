// Selects series of a scrape for a push: those that match the selectors, read when the push is due.

import { USAGE_FAMILIES } from '../families/all.ts'
import type { Family, Labels } from '../family.ts'
import { createLabelReuse } from '../label-reuse.ts'
import type { ScrapeInput } from '../scrape-input.ts'
import { createTimeSlices, type TimeSlices } from '../time-slices.ts'
import { compileSelectors, parseSelectors, type SeriesMatcher } from './matcher.ts'
import type { Selector } from './selector.ts'
import { type Series, seriesLabels } from './series.ts'

/** As for one request to /federate. */
const ALTOGETHER_MS = 2_000

export interface SelectedSeries {
  readonly series: readonly Series[]
  /** When the values were read, monotonic. */
  readonly atMonoMs: number
}

interface Compiled {
  readonly key: string
  readonly families: readonly Family[]
  readonly withUsage: boolean
  readonly matcher: SeriesMatcher
  readonly reuse: ReturnType<typeof createLabelReuse>
  /** By the position of the sample in the families. */
  readonly known: KnownSeries[]
}

/** What depends only on the labels of a sample, and so is the same in the next push. */
interface KnownSeries {
  readonly name: string
  readonly of: Labels
  readonly labels: ReadonlyMap<string, string>
  readonly isSelected: boolean
}

/** Why these selectors cannot be used; null if they can. */
export async function selectorProblem(matches: readonly string[]): Promise<string | null> {
  const selectors = parseSelectors(matches)
  if ('problem' in selectors) return selectors.problem
  const matcher = await compileSelectors(selectors, createTimeSlices(ALTOGETHER_MS))
  return 'problem' in matcher ? matcher.problem : null
}

/**
 * Returns a function that reads the matching series; it rejects with the reason if a selector is invalid. A series has the
 * same `labels` object as in the previous reading, unless others were added or removed before it.
 */
export function createSelection(
  families: readonly Family[],
  read: (withUsage: boolean) => Promise<ScrapeInput>,
): (matches: readonly string[]) => Promise<SelectedSeries> {
  let last: Compiled | null = null

  const compiled = async (matches: readonly string[], nextSlice: TimeSlices): Promise<Compiled> => {
    const key = JSON.stringify(matches)
    if (last?.key === key) return last
    const selectors = parseSelectors(matches)
    if ('problem' in selectors) throw new Error(selectors.problem)
    const matcher = await compileSelectors(selectors, nextSlice)
    if ('problem' in matcher) throw new Error(matcher.problem)
    const ofSelectors = families.filter(({ name }) => selectors.some((one) => canMatch(one, name)))
    const withUsage = ofSelectors.some((family) => USAGE_FAMILIES.has(family))
    last = { key, families: ofSelectors, withUsage, matcher, reuse: createLabelReuse(), known: [] }
    return last
  }

  return async (matches) => {
    const nextSlice = createTimeSlices(ALTOGETHER_MS)
    const selection = await compiled(matches, nextSlice)
    const input = await read(selection.withUsage)
    const { known, reuse } = selection
    const isSelected = selection.matcher(nextSlice)
    const series: Series[] = []
    let position = 0
    for (const { name: family, samples } of selection.families) {
      for (const { labels: own, value, suffix = '' } of samples(input)) {
        const name = suffix === '' ? family : family + suffix
        const of = reuse(position, own)
        let one = known[position]
        if (one === undefined || one.of !== of || one.name !== name) {
          const labels = seriesLabels(name, of)
          one = { name, of, labels, isSelected: await isSelected(labels) }
          known[position] = one
        }
        if (one.isSelected) series.push({ name, labels: one.labels, value })
        position += 1
      }
    }
    return { series, atMonoMs: input.now.monoMs }
  }
}

/** False if the selector names another family: its samples need not be made. A histogram's series have a suffix. */
function canMatch(selector: Selector, family: string): boolean {
  return selector.every(({ label, op, value }) => label !== '__name__' || op !== '=' || value.startsWith(family))
}
