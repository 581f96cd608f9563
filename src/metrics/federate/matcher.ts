// Matches series against selectors, with RE2 regular expressions as in Prometheus, in time slices and with a limit.
import type { RE2JS } from 're2js'
import { messageOf } from '../../core/error-text.ts'
import { createTimeSlices } from '../time-slices.ts'
import type { Matcher, Selector, SelectorProblem } from './selector.ts'

/** Time limit of one request, all slices together; a usual request takes a few milliseconds. */
const ALTOGETHER_MS = 2_000
/** Limit for the number of automaton states that repetitions produce; RE2 allows 1000 repetitions. */
const SIZE_AT_MOST = 1_100

type SeriesMatcher = (labels: ReadonlyMap<string, string>) => Promise<boolean>

/** Returns a function that is true for labels that match one of the selectors. Both reject with `TimeLimitExceeded`. */
export async function createSeriesMatcher(selectors: readonly Selector[]): Promise<SeriesMatcher | SelectorProblem> {
  const library = selectors.some((s) => s.some(isRegular)) ? (await import('re2js')).RE2JS : null
  const nextSlice = createTimeSlices(ALTOGETHER_MS)
  const compiled: Test[][] = []
  for (const selector of selectors) {
    const tests: Test[] = []
    for (const matcher of selector) {
      const test = library !== null && isRegular(matcher) ? regularTest(library, matcher) : plainTest(matcher)
      if ('problem' in test) return test
      tests.push(test)
      await nextSlice()
    }
    compiled.push(tests)
  }
  return async (labels) => {
    for (const tests of compiled) {
      const others = nextSlice()
      if (others !== null) await others
      if (tests.length > 0 && tests.every(({ label, holds }) => holds(labels.get(label) ?? ''))) return true
    }
    return false
  }
}

interface Test {
  readonly label: string
  readonly holds: (value: string) => boolean
}

function isRegular({ op }: Matcher): boolean {
  return op === '=~' || op === '!~'
}

function plainTest({ label, op, value }: Matcher): Test {
  return { label, holds: op === '=' ? (v) => v === value : (v) => v !== value }
}

/** Anchored at both ends, as in Prometheus. The result for each label value is cached, because there are few. */
function regularTest(library: typeof RE2JS, { label, op, value }: Matcher): Test | SelectorProblem {
  if (expandedSize(value) > SIZE_AT_MOST)
    return { problem: `regular expression ${JSON.stringify(value)} has too many repetitions` }
  const known = new Map<string, boolean>()
  try {
    const expression = library.compile(`^(?:${value})$`)
    const holds = (v: string): boolean => {
      const before = known.get(v)
      if (before !== undefined) return before
      const is = expression.testExact(v) === (op === '=~')
      known.set(v, is)
      return is
    }
    return { label, holds }
  } catch (error) {
    return { problem: messageOf(error) }
  }
}

/** The size of the expression with its repetitions expanded: an upper bound, without parsing all of RE2's syntax. */
export function expandedSize(expression: string): number {
  const groups: { size: number; last: number }[] = [{ size: 0, last: 0 }]
  const token =
    /\\[pPx]\{[^}]*\}|\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[\s\S]/gy
  for (const [text, least, most] of expression.matchAll(token)) {
    const group = groups.at(-1)
    if (group === undefined) return Number.POSITIVE_INFINITY
    if (text === '(') groups.push({ size: 0, last: 0 })
    else if (text === ')' && groups.length > 1) {
      groups.pop()
      const outer = groups.at(-1) ?? group
      outer.last = group.size + 1
      outer.size += outer.last
    } else if (least !== undefined) {
      const times = Math.max(1, Number(least), Number(most ?? 0))
      group.size += group.last * (times - 1)
      group.last *= times
    } else {
      group.last = text.startsWith('\\Q') ? text.length : 1
      group.size += group.last
    }
  }
  return groups.reduce((sum, { size }) => sum + size, 0)
}
