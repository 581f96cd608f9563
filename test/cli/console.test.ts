// What a command prints: control characters are escaped, and JSON stays JSON.
import { expect, test } from 'vitest'
import { safeOutput } from '../../src/cli/console.ts'

function output(color: boolean) {
  const written: string[] = []
  const write = (text: string) => void written.push(text)
  return { written, ...safeOutput(write, write, { stdout: color, stderr: color }) }
}

test('control characters in stdout are escaped as in JSON; line ends and tabs remain', () => {
  const { written, stdout } = output(false)
  stdout(`a\x1b[31m\0\x07\x9b\x7f\r\tb\n${JSON.stringify({ text: '\x1b\x9b\n' })}\n`)
  expect(written).toEqual(['a\\u001b[31m\\u0000\\u0007\\u009b\\u007f\\u000d\tb\n{"text":"\\u001b\\u009b\\n"}\n'])
  expect(JSON.parse(written[0]?.split('\n')[1] ?? '')).toEqual({ text: '\x1b\x9b\n' })
})

test('colours remain on a terminal, and nothing else that begins with an escape character', () => {
  const { written, stdout } = output(true)
  stdout('\x1b[31mred\x1b[39m \x1b[2J \x1b]0;title\x07\n')
  expect(written).toEqual(['\x1b[31mred\x1b[39m \\u001b[2J \\u001b]0;title\\u0007\n'])
})

test('a message is one line', () => {
  const { written, stderr, error, rawStderr } = output(true)
  stderr('wrote a\nb\x1b[2J\n')
  stderr('without an end')
  error('not found: a\nb\x1b[2J')
  rawStderr('\r\x1b[K')
  expect(written).toEqual([
    'wrote a\\nb\\x1b[2J\n',
    'without an end',
    '\x1b[31mgatewatch: not found: a\\nb\\x1b[2J\x1b[39m\n',
    '\r\x1b[K',
  ])
})
