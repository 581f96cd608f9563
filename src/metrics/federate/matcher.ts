// Matches series against selectors, with RE2 regular expressions as in Prometheus, in time slices and with limits.
import type { RE2JS } from 're2js'
import { messageOf } from '../../core/error-text.ts'
import type { TimeSlices } from '../time-slices.ts'
import { expandedSize } from './expression-size.ts'
import { type Matcher, parseSelector, type Selector, type SelectorProblem } from './selector.ts'

/** At most this many selectors in one request. */
const SELECTORS_AT_MOST = 100

/** Limits of `expandedSize`: for one expression, and for all of a request. 2,000 take up to 16 MB while they match. */
const EXPRESSION_SIZE_AT_MOST = 1_100
const ALL_EXPRESSIONS_AT_MOST = 2_000

/** Returns a function that is true for labels that match one of the selectors; it rejects with `TimeLimitExceeded`. */
export type SeriesMatcher = (nextSlice: TimeSlices) => (labels: ReadonlyMap<string, string>) => Promise<boolean>

export function isRegular({ op }: Matcher): boolean {
  return op === '=~' || op === '!~'
}

/** Parses selectors that do not cost too much to be compiled. */
export function parseSelectors(texts: readonly string[]): readonly Selector[] | SelectorProblem {
  if (texts.length > SELECTORS_AT_MOST)
    return { problem: `${texts.length} selectors are too many: the limit is ${SELECTORS_AT_MOST}` }
  const selectors: Selector[] = []
  for (const text of texts) {
    const selector = parseSelector(text)
    if ('problem' in selector) return selector
    selectors.push(selector)
  }
  return sizeProblem(selectors) ?? selectors
}

/** Why these selectors cost too much to be compiled; null if they do not. */
export function sizeProblem(selectors: readonly Selector[]): SelectorProblem | null {
  let all = 0
  for (const expression of expressionsOf(selectors)) {
    const size = expandedSize(expression)
    if (size > EXPRESSION_SIZE_AT_MOST)
      return {
        problem: `regular expression ${JSON.stringify(expression)} is too large: about ${size} states, but the limit is ${EXPRESSION_SIZE_AT_MOST}. ${WHAT_COUNTS}`,
      }
    all += size
  }
  if (all <= ALL_EXPRESSIONS_AT_MOST) return null
  return {
    problem: `the regular expressions of this request are too large together: about ${all} states, but the limit is ${ALL_EXPRESSIONS_AT_MOST}. ${WHAT_COUNTS}`,
  }
}

const WHAT_COUNTS = 'Each character counts once per repetition, and a Unicode class 50 times'

/** Compiles each different expression once. `selectors` must come from `parseSelectors`. */
export async function compileSelectors(
  selectors: readonly Selector[],
  nextSlice: TimeSlices,
): Promise<SeriesMatcher | SelectorProblem> {
  const expressions = new Map<string, RE2JS>()
  for (const expression of expressionsOf(selectors)) {
    try {
      const { RE2JS } = await import('re2js')
      expressions.set(expression, RE2JS.compile(`^(?:${expression})$`)) // anchored, as in Prometheus
    } catch (error) {
      return { problem: messageOf(error) }
    }
    await nextSlice()
  }
  return (slices) => seriesMatcher(selectors, expressions, slices)
}

function expressionsOf(selectors: readonly Selector[]): ReadonlySet<string> {
  const regular = selectors.flat().filter(isRegular)
  return new Set(regular.map(({ value }) => value))
}

function seriesMatcher(
  selectors: readonly Selector[],
  expressions: ReadonlyMap<string, RE2JS>,
  nextSlice: TimeSlices,
): ReturnType<SeriesMatcher> {
  /** The result for each value of a label, because there are few. Only for this request, so that it stays small. */
  const results = new Map([...expressions.keys()].map((expression) => [expression, new Map<string, boolean>()]))
  const matches = (expression: string, value: string): boolean => {
    const known = results.get(expression)
    const before = known?.get(value)
    if (before !== undefined) return before
    const is = expressions.get(expression)?.testExact(value) === true
    known?.set(value, is)
    return is
  }
  const holds = ({ label, op, value }: Matcher, labels: ReadonlyMap<string, string>): boolean => {
    const actual = labels.get(label) ?? ''
    switch (op) {
      case '=':
        return actual === value
      case '!=':
        return actual !== value
      case '=~':
        return matches(value, actual)
      case '!~':
        return !matches(value, actual)
    }
  }
  return async (labels) => {
    for (const selector of selectors) {
      const others = nextSlice()
      if (others !== null) await others
      if (selector.length > 0 && selector.every((matcher) => holds(matcher, labels))) return true
    }
    return false
  }
}
