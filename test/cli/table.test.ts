// Tables and filled paragraphs.
import { expect, test } from 'vitest'
import { cutMiddle, fill, table } from '../../src/cli/table.ts'

test('columns are as wide as their content, numbers are right-aligned', () => {
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
])('%s shortened to %i characters is %s', (text, width, cut) => {
  expect(cutMiddle(text, width)).toBe(cut)
})

test('text is wrapped at spaces', () => {
  expect(fill('one two three', 9, '// ')).toEqual(['// one', '// two', '// three'])
  expect(fill('', 9)).toEqual([''])
})
