// The depth of a JSON text is measured as the parser would read it, so that no text can hide brackets from the measurement.
import fc from 'fast-check'
import { createScanner } from 'jsonc-parser'
import { expect, test } from 'vitest'
import { withoutWatched, withWatched } from '../../src/config/edit-file.ts'
import { nestedTooDeeplyAt } from '../../src/config/nesting.ts'
import { loadText } from './load-text.ts'

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`

test.each([
  ['', null],
  ['{"a": {"b": [1, 2]}}', null],
  [deep(20), null],
  [deep(21), 20],
  [`[${'{"a": '.repeat(20)}`, 115],
  [`"${deep(99)}"`, null],
  [`"\\"${deep(99)}"`, null],
  [`"\\\\"${deep(21)}`, 24],
  [`"\n${deep(21)}`, 22],
  [`// ${deep(99)}\r${deep(21)}`, 222],
  [`/* ${deep(99)} */${deep(21)}`, 224],
  [`/*/${deep(99)}*/${deep(21)}`, 223],
  [`/${deep(21)}`, 21],
  ['[]'.repeat(1_000), null],
  ['['.repeat(1_000_000), 20],
])('%.30j', (text, at) => {
  expect(nestedTooDeeplyAt(text)).toBe(at)
})

/** As the parser's own scanner reads it. */
function deepestIn(text: string): number {
  const scanner = createScanner(text, true)
  let depth = 0
  let deepest = 0
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const first = text[scanner.getTokenOffset()] ?? ''
    if ('[{'.includes(first)) depth += 1
    if (']}'.includes(first)) depth -= 1
    deepest = Math.max(deepest, depth)
  }
  return deepest
}

test('what is found is what the parser finds', () => {
  const piece = fc.constantFrom(
    '[',
    '[',
    '{',
    '[[[[[[',
    ']',
    '"',
    '\\',
    '/',
    '*',
    '\n',
    '\r',
    ' ',
    'a',
    '\\u00',
    '//',
    '/*',
    '*/',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const text = pieces.join('')
      expect(nestedTooDeeplyAt(text) !== null).toBe(deepestIn(text) > 20)
    }),
    { numRuns: 5_000 },
  )
})

test('a configuration that is nested too deeply is not JSON, and such a file is not edited', async () => {
  const text = `{"mqtt": ${'{"a": '.repeat(100_000)}`
  const { problems, lost } = await loadText(text)
  expect(problems.map((problem) => problem.text)).toEqual([
    '/etc/gatewatch/config.json:1:124: not JSON: nested more than 20 levels deep',
  ])
  expect(lost).toBe(problems[0])
  for (const edit of [() => withWatched(text, 'a.service', []), () => withoutWatched(text, 'a.service')])
    expect(edit).toThrow('the configuration file is not JSON; it was not changed')
})
