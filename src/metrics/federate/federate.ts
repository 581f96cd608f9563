// GET /federate: the series that match the selectors, in the format of Prometheus' own federation endpoint.
import { escaped, valueText } from '../exposition.ts'
import type { Family } from '../family.ts'
import type { ScrapeInput } from '../scrape-input.ts'
import { TimeLimitExceeded } from '../time-slices.ts'
import { createSeriesMatcher } from './matcher.ts'
import { parseSelector, type Selector, type SelectorProblem } from './selector.ts'

/** A series as a Prometheus that scrapes us stores it, without the labels that the scraper adds. */
interface Series {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

/** `matches`: selectors, of which one must match; an empty list selects nothing. */
export async function federate(
  families: readonly Family[],
  input: ScrapeInput,
  matches: readonly string[],
): Promise<string | SelectorProblem> {
  const selectors: Selector[] = []
  for (const match of matches) {
    const selector = parseSelector(match)
    if ('problem' in selector) return selector
    selectors.push(selector)
  }
  if (selectors.length === 0) return ''
  try {
    const matcher = await createSeriesMatcher(selectors)
    if ('problem' in matcher) return matcher
    const chosen: Series[] = []
    for (const series of allSeries(families, input)) if (await matcher(series.labels)) chosen.push(series)
    return seriesText(chosen, input)
  } catch (error) {
    if (error instanceof TimeLimitExceeded) return { problem: error.message }
    throw error
  }
}

function* allSeries(families: readonly Family[], input: ScrapeInput): Generator<Series> {
  for (const family of families) {
    for (const { labels, value, suffix } of family.samples(input)) {
      const name = family.name + (suffix ?? '')
      const pairs = Object.entries(labels).filter(([, text]) => text !== '')
      yield { name, labels: new Map([['__name__', name], ...pairs]), value }
    }
  }
}

/** Sorted by name, then by labels; with a timestamp only if the clock is synchronised. */
function seriesText(chosen: readonly Series[], { live, now }: ScrapeInput): string {
  const time = live.clockSynced === true ? ` ${Math.round(now.wallMs)}` : ''
  const lines = chosen.map(({ name, labels, value }) => {
    const pairs = [...labels].filter(([label]) => label !== '__name__').sort(([a], [b]) => (a < b ? -1 : 1))
    const inside = pairs.map(([label, text]) => `${label}="${escaped(text)}"`).join(',')
    return {
      name,
      key: pairs.flat().join('\xff'),
      line: `${name}${inside && `{${inside}}`} ${valueText(value)}${time}\n`,
    }
  })
  lines.sort((a, b) => (a.name === b.name ? (a.key < b.key ? -1 : 1) : a.name < b.name ? -1 : 1))
  let before = ''
  let text = ''
  for (const { name, line } of lines) {
    if (name !== before) text += `# TYPE ${name} untyped\n`
    text += line
    before = name
  }
  return text
}
