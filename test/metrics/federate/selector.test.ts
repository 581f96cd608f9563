// The selectors of /federate: accepts what Prometheus accepts, and refuses the others with the position of the error.
import { expect, test } from 'vitest'
import { expandedSize } from '../../../src/metrics/federate/expression-size.ts'
import { compileSelectors, sizeProblem } from '../../../src/metrics/federate/matcher.ts'
import { parseSelector } from '../../../src/metrics/federate/selector.ts'
import { createTimeSlices } from '../../../src/metrics/time-slices.ts'

const by = (label: string, op: '=' | '!=' | '=~' | '!~', value: string) => ({ label, op, value })
const named = (name: string) => by('__name__', '=', name)

test.each([
  ['up', [named('up')]],
  [' job:rate:5m ', [named('job:rate:5m')]],
  ['up{}', [named('up')]],
  ['up{a="b",}', [named('up'), by('a', '=', 'b')]],
  [
    '{__name__=~"systemd_.*",service!="a",x!~"y|z"}',
    [by('__name__', '=~', 'systemd_.*'), by('service', '!=', 'a'), by('x', '!~', 'y|z')],
  ],
  ['{ a = "b" , # a comment, "}"\n c=`d\\n` }', [by('a', '=', 'b'), by('c', '=', 'd\\n')]],
  [`{a='it"s \\'x\\''}`, [by('a', '=', `it"s 'x'`)]],
  ['{a="\\a\\b\\f\\n\\r\\t\\v\\\\\\""}', [by('a', '=', '\x07\b\f\n\r\t\v\\"')]],
  ['{a="\\x41\\101\\u00e4\\U0001F600\\xc3\\xa4"}', [by('a', '=', 'AAä😀ä')]],
  ['{by="x",on="y"}', [by('by', '=', 'x'), by('on', '=', 'y')]],
  ['{"quoted.name","a.b"="c"}', [named('quoted.name'), by('a.b', '=', 'c')]],
  ['up{__name__!="down"}', [named('up'), by('__name__', '!=', 'down')]],
])('%j is parsed', (text, matchers) => {
  expect(parseSelector(text)).toEqual(matchers)
})

test.each([
  ['', 'character 1: expected a metric name or "{", found the end'],
  ['1up', 'character 1: expected a metric name or "{", found "1"'],
  ['up up', 'character 4: expected nothing more, found "u"'],
  ['up{', 'character 4: expected a label or "}", found the end'],
  ['up{,}', 'character 4: expected a label or "}", found ","'],
  ['up{a}', 'character 5: expected =, !=, =~ or !~, found "}"'],
  ['up{a=b}', 'character 6: expected a string, found "b"'],
  ['up{a="b" c="d"}', 'character 10: expected "," or "}", found "c"'],
  ['up{a=="b"}', 'character 6: expected a string, found "="'],
  ['up{a="b}', 'character 6: unterminated quoted string'],
  ['up{a="b\n"}', 'character 6: unterminated quoted string'],
  ['up{a=`b}', 'character 6: unterminated raw string'],
  ['up{a="\\q"}', 'character 7: unknown escape sequence "\\\\q"'],
  ['up{a="\\400"}', 'character 7: unknown escape sequence "\\\\4"'],
  ['up{a="\\ud800"}', 'character 7: unknown escape sequence "\\\\u"'],
  ["up{a='\\\"'}", 'character 7: unknown escape sequence "\\\\\\""'],
  ['up{a="b"}[5m]', 'character 10: expected nothing more, found "["'],
  ['up offset 5m', 'character 4: expected nothing more, found "o"'],
  ['{😀="b"}', 'character 2: expected a label or "}", found "😀"'],
])('%j is refused, with the position', (text, problem) => {
  expect(parseSelector(text)).toEqual({ problem: `${JSON.stringify(text)}: ${problem}` })
})

const series = (service: string) =>
  new Map([
    ['__name__', 'up'],
    ['service', service],
  ])

async function chosen(text: string, ...services: string[]): Promise<string[] | string> {
  const selector = parseSelector(text)
  if ('problem' in selector) return selector.problem
  const large = sizeProblem([selector])
  if (large !== null) return large.problem
  const slices = createTimeSlices()
  const matcher = await compileSelectors([selector], slices)
  if ('problem' in matcher) return matcher.problem
  const matches = matcher(slices)
  const found: string[] = []
  for (const service of services) if (await matches(series(service))) found.push(service)
  return found
}

test.each([
  ['{service="a.service"}', ['a.service']],
  ['up{service!="a.service"}', ['b.service', 'A.service']],
  ['{service=~"a.*"}', ['a.service']],
  ['{service=~"service"}', []],
  ['{service=~"a|b.service"}', ['b.service']],
  ['{service=~"(?i)a\\\\.service"}', ['a.service', 'A.service']],
  ['{service=~`\\Qa.s\\Eervice`}', ['a.service']],
  ['{service=~"[[:lower:]]\\\\.\\\\pL+"}', ['a.service', 'b.service']],
  ['up{service!~"(a|A).*"}', ['b.service']],
  ['up{other=""}', ['a.service', 'b.service', 'A.service']],
  ['up{other=~".*"}', ['a.service', 'b.service', 'A.service']],
  ['up{other!=""}', []],
  ['{}', []],
  ['up{__name__="down"}', []],
])('%s matches as in Prometheus', async (text, services) => {
  expect(await chosen(text, 'a.service', 'b.service', 'A.service')).toEqual(services)
})

test.each(['{a=~"("}', '{a=~"(?=b)"}', '{a=~"(b)\\\\1"}', '{a=~"b**"}', '{a=~"b{1001}"}', '{a=~"*"}'])(
  '%s is not an RE2 expression',
  async (text) => {
    expect(await chosen(text)).toMatch(/error parsing regexp|is too large/)
  },
)

test('an expression made for catastrophic backtracking takes no longer than others', async () => {
  const from = process.cpuUsage()
  for (const re of ['(x+x+)+y', '(a|a)*b', '(a*)*b', 'b((a?){15}){15}', '(.*)(.*)(.*)(.*)[^ax]']) {
    expect(await chosen(`{service=~"${re}"}`, 'x'.repeat(250), 'a'.repeat(250))).toEqual([])
  }
  const { user } = process.cpuUsage(from)
  expect(user / 1e6).toBeLessThan(10)
})

test.each([
  'a{1000}'.repeat(3),
  '(((a?){9}){9}){9}'.repeat(10),
  '(a{50}){50}',
  '\\pL{1000}',
  '\\pL'.repeat(100),
  `[${'\\PL'.repeat(100)}]`,
  `(?i)[${'B-\\x{1e000}'.repeat(100)}]`,
  `(?i)${'[A-\u{1e000}]'.repeat(100)}`,
])('%j is refused before it is compiled, because that would take long', (re) => {
  expect(sizeProblem([[by('service', '=~', re)]])?.problem).toContain('is too large')
})

test('the size of an expression counts its repetitions, and Unicode classes 50 times', () => {
  expect(expandedSize('[{(]{3}\\{9}(a{2,5}b){10}')).toBeLessThan(90)
  expect(expandedSize('a{1000}')).toBe(1000)
  expect(expandedSize('[^\\pL\\p{Greek}a-z]')).toBe(101)
  expect(expandedSize('\\p{Greek}{2}')).toBe(100)
  expect(expandedSize('['.repeat(8_000))).toBeLessThan(8_001)
})

test('all expressions of a request share a limit; equal ones count once', () => {
  const selectors = (...expressions: string[]) => expressions.map((re) => [by('service', '!~', re)])
  expect(sizeProblem(selectors('a{999}', 'b{999}'))).toBe(null)
  expect(sizeProblem(selectors(...Array.from({ length: 100 }, () => 'a{1000}')))).toBe(null)
  expect(sizeProblem(selectors('a{999}', 'b{999}', 'c{3}'))?.problem).toContain('too large together')
})

test('matching ends at the time limit', async () => {
  const matcher = await compileSelectors([[by('service', '=~', '(a?){300}b')]], createTimeSlices())
  if ('problem' in matcher) throw new Error(matcher.problem)
  const matches = matcher(createTimeSlices(200))
  const all = (async () => {
    for (let i = 0; ; i += 1) await matches(series('a'.repeat(250) + i))
  })()
  await expect(all).rejects.toThrow('took longer than 0.2 s')
})
