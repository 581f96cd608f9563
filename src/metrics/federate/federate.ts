// GET /federate: the series that match the selectors, in the format of Prometheus' own federation endpoint.
import type { Clock } from '../../ports.ts'
import type { Family } from '../family.ts'
import type { ScrapeInput } from '../scrape-input.ts'
import { createTimeSlices, TimeLimitExceeded, type TimeSlices } from '../time-slices.ts'
import { compileSelectors, isRegular, parseSelectors, type SeriesMatcher } from './matcher.ts'
import type { Selector, SelectorProblem } from './selector.ts'
import { allSeries } from './series.ts'
import { createTurns } from './turns.ts'
import { escaped, valueText } from './value-text.ts'

/** Time limit of one request, all slices together; a usual request takes a few milliseconds. */
const WORK_AT_MOST_MS = 2_000
/** Requests that wait while another one is being served, and for how long. */
const WAITING_AT_MOST = 8
const WAIT_AT_MOST_MS = 5_000

/** The text, why a selector is invalid, why the request was given up, or when to retry because too many others are being served. */
export type Federated = string | SelectorProblem | { readonly gaveUp: string } | { readonly retryAfterSeconds: number }

export interface Federation {
  /** `matches`: selectors, of which one must match; an empty list selects nothing. `peer`: whose request it is. */
  federate(matches: readonly string[], peer: string): Promise<Federated>
}

/**
 * Serves one request at a time, because each takes memory and CPU of which clients could otherwise ask any amount.
 * Requests with regular expressions have a queue of their own, so that others do not wait for them.
 */
export function createFederation(
  families: readonly Family[],
  read: () => Promise<ScrapeInput>,
  clock: Pick<Clock, 'after'>,
  workAtMostMs = WORK_AT_MOST_MS,
): Federation {
  const plain = createTurns(clock, WAITING_AT_MOST, WAIT_AT_MOST_MS)
  const regular = createTurns(clock, WAITING_AT_MOST, WAIT_AT_MOST_MS)
  /** What was compiled last, for the next request with the same selectors. */
  let last: { readonly key: string; readonly matcher: SeriesMatcher } | null = null

  const matcherFor = async (selectors: readonly Selector[], nextSlice: TimeSlices) => {
    const key = JSON.stringify(selectors)
    if (last?.key === key) return last.matcher
    const matcher = await compileSelectors(selectors, nextSlice)
    if ('problem' in matcher) return matcher
    last = { key, matcher }
    return matcher
  }

  const matching = async (selectors: readonly Selector[]) => {
    const nextSlice = createTimeSlices(workAtMostMs)
    try {
      const matcher = await matcherFor(selectors, nextSlice)
      if ('problem' in matcher) return matcher
      return await seriesText(families, await read(), matcher(nextSlice), nextSlice)
    } catch (error) {
      if (error instanceof TimeLimitExceeded) return { gaveUp: error.message }
      throw error
    }
  }

  return {
    async federate(matches, peer) {
      const selectors = parseSelectors(matches)
      if ('problem' in selectors) return selectors
      if (selectors.length === 0) return ''
      const turns = selectors.flat().some(isRegular) ? regular : plain
      return (await turns.inTurn(peer, () => matching(selectors))) ?? { retryAfterSeconds: WAIT_AT_MOST_MS / 1000 }
    },
  }
}

/** Sorted by name, then by labels; with a timestamp only if the clock is synchronised. */
async function seriesText(
  families: readonly Family[],
  input: ScrapeInput,
  matches: ReturnType<SeriesMatcher>,
  nextSlice: TimeSlices,
): Promise<string> {
  const time = input.live.clockSynced === true ? ` ${Math.round(input.now.wallMs)}` : ''
  const chosen = new Map<string, { readonly key: string; readonly line: string }[]>()
  for (const { name, labels, value } of allSeries(families, input)) {
    if (!(await matches(labels))) continue
    const pairs = [...labels].filter(([label]) => label !== '__name__').sort(([a], [b]) => (a < b ? -1 : 1))
    const inside = pairs.map(([label, text]) => `${label}="${escaped(text)}"`).join(',')
    const lines = chosen.get(name) ?? []
    chosen.set(name, lines)
    lines.push({
      key: pairs.flat().join('\xff'),
      line: `${name}${inside && `{${inside}}`} ${valueText(value)}${time}\n`,
    })
  }
  let text = ''
  for (const name of [...chosen.keys()].sort()) {
    await nextSlice()
    const lines = chosen.get(name) ?? []
    text += `# TYPE ${name} untyped\n${lines
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ line }) => line)
      .join('')}`
  }
  return text
}
