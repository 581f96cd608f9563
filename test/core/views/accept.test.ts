// Accept and Accept-Encoding: the most specific range counts, then its quality (RFC 9110).
import { expect, test } from 'vitest'
import { preferenceFor, prefers } from '../../../src/core/views/accept.ts'

const JSON_FORMAT = { name: 'application/json' }
const TEXT = { name: 'text/plain' }
const VERSIONED = { name: 'text/plain', versions: ['0.0.4'] }

test.each([
  ['', null],
  ['text/html', null],
  ['*/*', 1],
  ['*;q=.2', 0.2],
  ['text/*;q=0.7', 0.7],
  ['TEXT/Plain ; Q=0.3', 0.3],
  // The most specific range counts, wherever it is and whatever the others allow (RFC 9110, 12.5.1).
  ['text/*;q=0.3, text/plain;q=0.7, text/plain;version=0.0.4;q=0.4, */*;q=0.5', 0.4],
  ['text/plain;q=0, */*', 0],
  ['*/*, text/*;q=0.2', 0.2],
  ['*/*;q=0, text/*;q=0.2', 0.2],
  ['application/*, */*;q=0.1', 0.1],
  // Of equal ranges the one with the highest quality counts.
  ['text/plain;q=0.2, text/plain;q=0.6, text/plain;q=0.4', 0.6],
  // Another version is another representation; other parameters are not.
  ['text/plain;version=1.0.0', null],
  ['text/plain;version=1.0.0, */*;q=0.1', 0.1],
  ['text/plain;version="0.0.4";charset=utf-8;q=0.9', 0.9],
  // Separators inside quoted strings separate nothing.
  ['text/html;title="a,text/plain;q=1", text/plain;q=0.4', 0.4],
  ['text/plain;title="a;q=0.1";q=0.5', 0.5],
  ['text/plain;title="a\\",b";q=0.5', 0.5],
  // An invalid quality accepts nothing.
  ['text/plain;q=2', 0],
  ['text/plain;q=high', 0],
  ['text', null],
  ['te*/plain, /*, ;q=1, "', null],
])('Accept %j gives text the quality %j', (accept, quality) => {
  expect(preferenceFor(accept, VERSIONED).quality).toBe(quality)
})

test.each([
  ['', false],
  ['image/png', false],
  ['*/*', false],
  ['application/json', true],
  ['application/*', true],
  ['application/*, text/plain', false],
  ['application/*, text/plain;q=0.9', true],
  ['application/json, */*', true],
  ['application/json;q=0.5, */*', false],
  ['application/json;q=0.5, */*;q=0.4', true],
  ['application/json;q=0.5, text/*', false],
  ['application/json, text/plain', true],
  ['text/plain;q=0.1, */*;q=0.5', true],
  ['application/json;q=0, */*', false],
  ['application/json;q=0', false],
])('Accept %j prefers JSON to text: %j', (accept, expected) => {
  expect(prefers(accept, JSON_FORMAT, TEXT)).toBe(expected)
})

test('a header that is longer than any client sends is ignored', () => {
  const quality = (header: string) => preferenceFor(header, JSON_FORMAT).quality
  const named = 'application/json, '
  expect(quality(named + 'a'.repeat(2_048 - named.length))).toBe(1)
  expect(quality(named + 'a'.repeat(2_049 - named.length))).toBeNull()
})

test('quotes and backslashes that do not match are read in linear time', () => {
  for (const text of [',', ';', '"', '"\\', '\\"', 'a;"']) {
    expect(preferenceFor(text.repeat(2_048 / text.length), JSON_FORMAT).quality).toBeNull()
  }
})
