// Target: a selector of /federate, parsed, compiled and matched (metrics/federate/selector, expression-size, matcher).
import fc from 'fast-check'
import { compileSelectors, isRegular, sizeProblem } from '../../../src/metrics/federate/matcher.ts'
import { type Matcher, parseSelector, type Selector } from '../../../src/metrics/federate/selector.ts'
import { createTimeSlices } from '../../../src/metrics/time-slices.ts'
import { mutatedText } from '../mutated.ts'
import { assert, type FuzzTarget, TEXT_FILES } from '../target.ts'

/** The limit of a request; here it only has to be above all others. */
const WITHIN_MS = 60_000

const SERIES: readonly ReadonlyMap<string, string>[] = [
  new Map([['__name__', 'up']]),
  new Map([
    ['__name__', 'gatewatch_crashes_total'],
    ['service', 'a.service'],
    ['result', 'é\n"'],
  ]),
]

/** Expressions that mean the same in RE2 and in JavaScript. */
const COMMON_SYNTAX = /^(?:[\w .]|\((?:\?:)?|[)|]|[\w.)][*+?]\??)*$/

function printed(selector: Selector): string {
  return `{${selector.map(({ label, op, value }) => `${JSON.stringify(label)}${op}${JSON.stringify(value)}`).join()}}`
}

/** Whether the matcher holds, by JavaScript's own means; null if that cannot be said. */
function expected({ label, op, value }: Matcher, labels: ReadonlyMap<string, string>): boolean | null {
  const actual = labels.get(label) ?? ''
  if (op === '=') return actual === value
  if (op === '!=') return actual !== value
  if (!COMMON_SYNTAX.test(value) || value.length > 30) return null
  try {
    return new RegExp(`^(?:${value})$`).test(actual) === (op === '=~')
  } catch {
    return null
  }
}

async function checkMatching(selector: Selector): Promise<void> {
  const slices = createTimeSlices(WITHIN_MS)
  const matcher = await compileSelectors([selector], slices)
  if ('problem' in matcher) {
    assert(selector.some(isRegular) && matcher.problem !== '', () => 'without expressions there is none to refuse')
    return
  }
  const matches = matcher(slices)
  for (const labels of SERIES) {
    const each = selector.map((one) => expected(one, labels))
    const actual = await matches(labels)
    if (each.includes(null)) continue
    const all = each.length > 0 && each.every(Boolean)
    assert(actual === all, () => `${printed(selector)} ${actual ? 'matches' : 'does not match'} ${[...labels]}`)
  }
}

const label = fc.constantFrom('__name__', 'service', 'result', 'absent')
const plain = fc.oneof(fc.constantFrom('up', '', 'a.service'), fc.string({ unit: 'grapheme', maxLength: 8 }))
/** Many classes in a row: each costs about 2 ms to compile. */
const classes = fc
  .tuple(fc.constantFrom('[b-\u{10000}]', '\\pL', '(?i)[é-\u{10000}]'), fc.constantFrom(1, 10, 400))
  .map(([one, times]) => `(?i)${one.repeat(times)}`)
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', '.', 'up', 'service', '.*', '\\pL', '[a-z]', '[\\x00-\\x{10FFFF}]', '(?i)é'),
    classes,
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `${a}${b}`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(?:${a}|${b})`),
    fc.tuple(tie('expression'), fc.constantFrom('*', '+', '?')).map(([a, times]) => `(${a})${times}`),
    fc.tuple(tie('expression'), fc.constantFrom(2, 10, 100, 1000)).map(([a, times]) => `(${a}){${times}}`),
  ),
}))
const matcher = fc.oneof(
  fc.tuple(label, fc.constantFrom('=', '!='), plain),
  fc.tuple(label, fc.constantFrom('=~', '!~'), expression),
)
const selectors = fc
  .tuple(fc.constantFrom('', 'up', 'a:b'), fc.array(matcher, { maxLength: 4 }))
  .map(([name, all]) => `${name}{${all.map(([l, op, value]) => `${l}${op}${JSON.stringify(value)}`).join(', ')}}`)

const WORDS = ['{', '}', '=', '!', '~', '"', "'", '`', ',', '(', ')', '|', '*', '{1000}', '[', ']', '[^', '\\', '#']
const ESCAPES = ['\\x', '\\xff', '\\777', '\\u00e9', '\\ud800', '\\U0010ffff', '\\U00110000', '\\p{L}', '\\Q', '(?i)']

export const target: FuzzTarget<string> = {
  ...TEXT_FILES,
  cpuMsAtMost: 500,
  inputs: (corpus) => {
    const words = [...WORDS, ...ESCAPES, '__name__', 'service=~"']
    return fc.oneof(
      selectors,
      mutatedText(corpus, words, 8_192),
      selectors.chain((one) => mutatedText([one], words, 8_192)),
    )
  },
  async check(input) {
    const text = Buffer.from(input).toString() // as from a URL: well-formed Unicode
    const selector = parseSelector(text)
    if ('problem' in selector) {
      const at = Number(/: character (\d+): /.exec(selector.problem.slice(JSON.stringify(text).length))?.[1])
      assert(at >= 1 && at <= text.length + 1, () => `no position in the text: ${selector.problem}`)
      return
    }
    const again = parseSelector(printed(selector))
    assert(JSON.stringify(again) === JSON.stringify(selector), () => `${printed(selector)} is another selector`)
    if (sizeProblem([selector]) === null) await checkMatching(selector)
  },
}
