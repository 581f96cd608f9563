// How ages and causes are formatted for users.
import { expect, test } from 'vitest'
import { age, ageOf, bytesText, causeText, durationText } from '../../../src/core/views/format.ts'

test.each([
  [-5, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [3_600_000, '1h'],
  [47 * 3_600_000, '47h'],
  [48 * 3_600_000, '2d'],
  [11 * 365 * 86_400_000, '4015d'],
])('%i ms ago is %s', (ms, text) => {
  expect(age(ms)).toBe(text)
})

test('the age of a timestamp from 1970 is unknown, unless the clock is still not set', () => {
  const today = Date.UTC(2026, 10, 30)
  expect(ageOf('2026-11-29T23:59:30.000Z', today)).toBe('30s')
  expect(ageOf('1970-01-01T00:01:00.000Z', today)).toBeNull()
  expect(ageOf('1970-01-01T00:01:00.000Z', 90_000)).toBe('30s')
})

test.each([
  ['signal', null, 'SIGKILL', 'SIGKILL'],
  ['core-dump', null, 'SIGSEGV', 'SIGSEGV'],
  ['exit-code', 3, null, 'exit 3'],
  ['exit-code', null, null, 'exit-code'],
  ['watchdog', null, 'SIGABRT', 'watchdog'],
  ['timeout', null, null, 'timeout'],
])('%s %s %s reads %s', (result, exit_code, signal, text) => {
  expect(causeText({ result, exit_code, signal })).toBe(text)
})

test.each([
  [-5, '0 ms'],
  [999, '999 ms'],
  [1000, '1 s'],
  [4249, '4.2 s'],
  [9_949, '9.9 s'],
  [9_950, '10 s'],
  [59_499, '59 s'],
  [59_500, '1 min'],
  [200_000, '3 min 20 s'],
  [3_600_000, '1 h'],
  [7_500_000, '2 h 5 min'],
  [48 * 3_600_000, '2 days'],
])('%d ms are %s in a sentence', (ms, text) => {
  expect(durationText(ms)).toBe(text)
})

test('sizes in a sentence', () => {
  expect([bytesText(2048), bytesText(61.25 * 2 ** 20), bytesText(1.5 * 2 ** 30)]).toEqual([
    '2 KiB',
    '61.3 MiB',
    '1.50 GiB',
  ])
})
