// Decides which series selectors choose. Regular expressions are RE2's, as in Prometheus, and no request holds the agent.
import type { RE2JS } from 're2js'
import type { Matcher, Selector, SelectorProblem } from './selector.ts'
import { turns } from './turns.ts'

/** What one request's expressions may take together; a usual one takes less than 1 ms. */
const ALTOGETHER_MS = 250
/** States of the automaton, as far as repetitions multiply them: 1000 is the most that RE2 lets one repeat. */
const SIZE_AT_MOST = 2_000

export type Choice = (labels: ReadonlyMap<string, string>) => Promise<boolean>

/** True for what one of the selectors chooses. Rejects with a `TooExpensive`. */
export async function chooser(selectors: readonly Selector[]): Promise<Choice | SelectorProblem> {
  const library = selectors.some((s) => s.some(isRegular)) ? (await import('re2js')).RE2JS : null
  const clock = budget()
  const compiled: Test[][] = []
  for (const selector of selectors) {
    const tests: Test[] = []
    for (const matcher of selector) {
      const made = library !== null && isRegular(matcher) ? regular(library, matcher, clock) : plainTest(matcher)
      if ('problem' in made) return made
      tests.push(made)
    }
    compiled.push(tests)
  }
  return async (labels) => {
    for (const tests of compiled) if (tests.length > 0 && (await all(tests, labels, clock))) return true
    return false
  }
}

export class TooExpensive extends Error {}

interface Test {
  readonly label: string
  readonly holds: (value: string) => boolean
}

async function all(tests: readonly Test[], labels: ReadonlyMap<string, string>, clock: Budget): Promise<boolean> {
  for (const { label, holds } of tests) {
    if (!holds(labels.get(label) ?? '')) return false
    await clock.turn()
  }
  return true
}

function isRegular({ op }: Matcher): boolean {
  return op === '=~' || op === '!~'
}

function plainTest({ label, op, value }: Matcher): Test {
  return { label, holds: op === '=' ? (v) => v === value : (v) => v !== value }
}

/** Anchored at both ends, as Prometheus does. Each value is looked at once: there are few of each label. */
function regular(library: typeof RE2JS, { label, op, value }: Matcher, clock: Budget): Test | SelectorProblem {
  if (expandedSize(value) > SIZE_AT_MOST) return { problem: `the expression ${JSON.stringify(value)} repeats too much` }
  const known = new Map<string, boolean>()
  try {
    const expression = clock.measure(() => library.compile(`^(?:${value})$`))
    const holds = (v: string): boolean => {
      const before = known.get(v)
      if (before !== undefined) return before
      const is = clock.measure(() => expression.testExact(v)) === (op === '=~')
      known.set(v, is)
      return is
    }
    return { label, holds }
  } catch (error) {
    if (error instanceof TooExpensive) throw error
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

interface Budget {
  /** Throws a `TooExpensive` when all is used up. */
  measure<T>(work: () => T): T
  /** Lets others have a turn when it is time. */
  readonly turn: () => Promise<void> | null
}

function budget(): Budget {
  let usedMs = 0
  return {
    turn: turns(),
    measure(work) {
      if (usedMs > ALTOGETHER_MS) throw new TooExpensive('the regular expressions take too long')
      const from = performance.now()
      try {
        return work()
      } finally {
        usedMs += performance.now() - from
      }
    },
  }
}

/** How large the expression is with its repetitions written out: an upper bound, found without parsing all of RE2. */
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
