// Unit name patterns match as in systemd, which uses fnmatch(3).
import { expect, test } from 'vitest'
import { globMatcher, isPattern } from '../../src/core/glob.ts'

test.each([
  ['sink@*.service', ['sink@1.service', 'sink@.service'], ['sink.service', 'sink@1.timer']],
  ['k?.service', ['k1.service'], ['k.service', 'k12.service']],
  ['k[1-3].service', ['k2.service'], ['k4.service', 'k-.service']],
  ['k[!1].service', ['k2.service'], ['k1.service']],
  ['k[^1].service', ['k2.service'], ['k1.service']],
  ['a[b.service', ['a[b.service'], ['ab.service']],
  ['*a*b*', ['xaxbx', 'ab'], ['ba', 'a', '']],
  ['**', ['', 'a'], []],
  ['*.service', ['a.b.service', '.service'], ['service']],
  ['[z-a].service', [], ['z.service', 'a.service']],
  ['dev-disk\\x2d*.device', ['dev-disk\\x2da.device'], ['dev-diskx2da.device']],
])('%s', (pattern, matching, others) => {
  expect(matching.filter(globMatcher(pattern))).toEqual(matching)
  expect(others.filter(globMatcher(pattern))).toEqual([])
})

test('a name with `*`, `?` or `[` is a pattern', () => {
  expect(['a*', 'a?', 'a[1]'].every(isPattern)).toBe(true)
  expect(isPattern('dev-disk\\x2da.device')).toBe(false)
})

test('a pattern that a client sends cannot take long', () => {
  const name = `${'a'.repeat(250)}b`
  expect(globMatcher('*a'.repeat(120))(name)).toBe(false)
  expect(globMatcher('*?'.repeat(120))(name)).toBe(true)
})
