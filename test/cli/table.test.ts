// Tables, filled lines and words for people.
import { expect, test } from 'vitest'
import { cutMiddle, fill, table } from '../../src/cli/table.ts'
import { didYouMean } from '../../src/config/did-you-mean.ts'
import { age, causeText } from '../../src/core/format.ts'

test('columns are as wide as their content, numbers to the right', () => {
  const rows = [
    [{ text: 'a' }, { text: '1' }, { text: '100' }, { text: 'x' }],
    [{ text: 'long' }, { text: '22' }, { text: '3' }, { text: '' }],
  ]
  const heads = [
    { title: 'N' },
    { title: 'I', align: 'right' },
    { title: 'J', align: 'right' },
    { title: 'R' },
  ] as const
  expect(table(heads, rows, null)).toEqual(['N      I   J  R', 'a      1 100  x', 'long  22   3'])
})

test.each([
  ['mosquitto', 9, 'mosquitto'],
  ['wirepas-sink-ttys1', 11, 'wirep…ttys1'],
  ['abc', 1, '…'],
])('%s in %i is %s', (text, width, cut) => {
  expect(cutMiddle(text, width)).toBe(cut)
})

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

test('lines are filled between words', () => {
  expect(fill('one two three', 9, '// ')).toEqual(['// one', '// two', '// three'])
  expect(fill('', 9)).toEqual([''])
})

test.each([
  ['lisen', ['listen', 'log'], 'did you mean listen?'],
  ['url', ['mqtt.url', 'debug'], 'did you mean mqtt.url?'],
  ['--portt', ['--mqtt', '--prometheus-port'], 'did you mean --prometheus-port?'],
  ['quux', ['listen'], 'the nearest known one is listen'],
])('%s', (word, known, hint) => {
  expect(didYouMean(word, known)).toBe(hint)
})
