// Parses the selectors of /federate as Prometheus does: `name{label="value", other=~"re"}`.
import { readLiteral } from './promql-string.ts'

export interface Matcher {
  /** `__name__` for the metric name. */
  readonly label: string
  readonly op: '=' | '!=' | '=~' | '!~'
  readonly value: string
}

/** All matchers must match. An empty selector matches nothing, as in Prometheus. */
export type Selector = readonly Matcher[]

export interface SelectorProblem {
  readonly problem: string
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y
const OPERATOR = /=~|!~|!=|=/y
const SPACE = /(?:[ \t\r\n]|#[^\n]*)+/y

/** Positions in problems count characters from 1, as Prometheus does. */
export function parseSelector(text: string): Selector | SelectorProblem {
  let at = 0
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    const match = pattern.exec(text)?.[0] ?? null
    at += match?.length ?? 0
    return match
  }
  const skip = () => void take(SPACE)
  const problemAt = (what: string): SelectorProblem => {
    const found = at < text.length ? JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0)) : 'the end'
    return { problem: `${JSON.stringify(text)}: character ${at + 1}: ${what}, found ${found}` }
  }
  const literal = (): { readonly value: string } | SelectorProblem => {
    const result = readLiteral(text, at)
    if ('problem' in result)
      return { problem: `${JSON.stringify(text)}: character ${result.at + 1}: ${result.problem}` }
    at = result.end
    return result
  }
  const isQuote = () => at < text.length && '"\'`'.includes(text[at] ?? '')
  /** A label, or a metric's name in quotes (Prometheus 3), with its operator and value. */
  const matcher = (): Matcher | SelectorProblem => {
    let label = take(LABEL)
    const quoted = label === null && isQuote()
    if (quoted) {
      const name = literal()
      if ('problem' in name) return name
      label = name.value
    }
    if (label === null) return problemAt('expected a label or "}"')
    skip()
    const op = take(OPERATOR) as Matcher['op'] | null
    if (op === null)
      return quoted ? { label: '__name__', op: '=', value: label } : problemAt('expected =, !=, =~ or !~')
    skip()
    if (!isQuote()) return problemAt('expected a string')
    const value = literal()
    return 'problem' in value ? value : { label, op, value: value.value }
  }

  skip()
  const matchers: Matcher[] = []
  const name = take(NAME)
  if (name !== null) matchers.push({ label: '__name__', op: '=', value: name })
  skip()
  if (text[at] === '{') {
    at += 1
    for (skip(); text[at] !== '}'; skip()) {
      const next = matcher()
      if ('problem' in next) return next
      matchers.push(next)
      skip()
      if (text[at] === '}') break
      if (text[at] !== ',') return problemAt('expected "," or "}"')
      at += 1
    }
    at += 1
  } else if (name === null) return problemAt('expected a metric name or "{"')
  skip()
  return at < text.length ? problemAt('expected nothing more') : matchers
}
