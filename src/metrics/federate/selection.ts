// Selects series of a scrape for a push: those that match the selectors, read when the push is due.
import type { Family } from '../family.ts'
import type { ScrapeInput } from '../scrape-input.ts'
import { createTimeSlices, type TimeSlices } from '../time-slices.ts'
import { compileSelectors, parseSelectors, type SeriesMatcher } from './matcher.ts'
import type { Selector } from './selector.ts'
import { allSeries, type Series } from './series.ts'

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
  readonly matcher: SeriesMatcher
}

/** Returns a function that reads the matching series; it rejects with the reason if a selector is invalid. */
export function createSelection(
  families: readonly Family[],
  read: () => Promise<ScrapeInput>,
): (matches: readonly string[]) => Promise<SelectedSeries> {
  let last: Compiled | null = null

  const compiled = async (matches: readonly string[], nextSlice: TimeSlices): Promise<Compiled> => {
    const key = JSON.stringify(matches)
    if (last?.key === key) return last
    const selectors = parseSelectors(matches)
    if ('problem' in selectors) throw new Error(selectors.problem)
    const matcher = await compileSelectors(selectors, nextSlice)
    if ('problem' in matcher) throw new Error(matcher.problem)
    last = { key, families: families.filter(({ name }) => selectors.some((one) => canMatch(one, name))), matcher }
    return last
  }

  return async (matches) => {
    const nextSlice = createTimeSlices(ALTOGETHER_MS)
    const selection = await compiled(matches, nextSlice)
    const input = await read()
    const isSelected = selection.matcher(nextSlice)
    const series: Series[] = []
    for (const one of allSeries(selection.families, input)) {
      if (await isSelected(one.labels)) series.push(one)
    }
    return { series, atMonoMs: input.now.monoMs }
  }
}

/** False if the selector names another family: its samples need not be made. A histogram's series have a suffix. */
function canMatch(selector: Selector, family: string): boolean {
  return selector.every(({ label, op, value }) => label !== '__name__' || op !== '=' || value.startsWith(family))
}
