import { expect, it } from 'vitest'
import { createPatternReports, unmatchedPatterns } from '../../src/systemd/unmatched-patterns.ts'

const NOTHING = { units: [], aliases: [], templates: [] }

it.each([
  ['a listed unit', { ...NOTHING, units: ['x-1.service'] }, [], null],
  ['a unit that is watched and not listed', NOTHING, ['x-1.service'], null],
  ['a unit and an alias', { ...NOTHING, units: ['x-1.service'], aliases: ['x-2.service'] }, [], null],
  ['nothing', { ...NOTHING, units: ['y.service'] }, ['z.service'], 'matches nothing'],
  ['an alias', { ...NOTHING, aliases: ['x-1.service'] }, [], 'matches only aliases'],
  ['a template', { ...NOTHING, templates: ['x-@.service'] }, [], 'matches only a template without an instance'],
])('a pattern that matches %s is reported with its reason, if at all', (_what, listed, watched, reason) => {
  const expected = reason === null ? [] : [{ pattern: 'x-*.service', reason }]
  expect(unmatchedPatterns(['x-*.service'], listed, watched)).toEqual(expected)
})

it('each pattern is logged once, and again with another reason or after it had matched', () => {
  const logged: string[] = []
  const reports = createPatternReports((level, message) => void logged.push(`${level} ${message}`))
  const nothing = { pattern: 'x*', reason: 'matches nothing' }
  const aliases = { pattern: 'x*', reason: 'matches only aliases' }
  for (const unmatched of [[nothing], [nothing], [aliases], [], [aliases]]) reports.note(unmatched)
  expect(logged).toEqual([
    'warning x*: watches no unit: the pattern matches nothing',
    'warning x*: watches no unit: the pattern matches only aliases',
    'warning x*: watches no unit: the pattern matches only aliases',
  ])
  expect(reports.read(['x*'], ['y'])).toEqual([aliases])
  expect(reports.read(['x*'], ['xy'])).toEqual([])
  expect(reports.read(['other*'], [])).toEqual([])
})
