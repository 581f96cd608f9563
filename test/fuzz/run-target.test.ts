// A fuzz run: a crash is shrunk and can be repeated, and an input that never ends is stopped and shown.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseFuzzArguments } from './arguments.ts'
import { crashText } from './report.ts'
import { runTarget } from './run-target.ts'
import type { Crash } from './worker.ts'

const SHORT = {
  target: 'selector',
  broken: 'an escape is a character of Unicode',
  file: 'metrics/federate/promql-string.ts',
  from: 'code > 0x10ffff || ',
  to: '',
}
const ENDLESS = {
  target: 'selector',
  broken: 'a list of matchers ends',
  file: 'metrics/federate/selector.ts',
  from: 'const next = matcher()',
  to: 'continue; const next = matcher()',
}

test('a crash is shrunk, and its command repeats it', async () => {
  const { crash } = await runTarget('selector', { kind: 'try', seed: 1, seconds: 60 }, { bug: SHORT })
  const { found, input, error } = crash as Crash
  expect(error).toMatch(/^RangeError: Invalid code point/)
  expect(input).toMatch(/\\U[0-9a-fA-F]{8}/)
  expect(String(input).length).toBeLessThan(200)
  expect(crashText('selector', crash as Crash, null)).toContain(
    `repeat it: npm run fuzz -- --target selector --seed ${found?.seed} --path ${found?.path}`,
  )
  const { seed, path } = found as { seed: number; path: string }
  const again = await runTarget('selector', { kind: 'repeat', seed, path }, { bug: SHORT })
  expect(again.crash).toEqual(crash)
  const fixed = await runTarget('selector', { kind: 'repeat', seed, path })
  expect(fixed.crash).toBe(null)
}, 300_000)

test('an input that never ends is stopped and shown', async () => {
  const job = { kind: 'try', seed: 1, seconds: 60 } as const
  const { crash } = await runTarget('selector', job, { bug: ENDLESS, hangCpuMs: 1_000 })
  expect(crash).toMatchObject({ error: 'it never ends', found: null, corpusFile: expect.any(String) })
  const file = readFileSync(join(import.meta.dirname, 'corpus/selector', crash?.corpusFile ?? ''))
  expect(Buffer.from(crash?.input as Uint8Array)).toEqual(file)
}, 120_000)

test('the command line has the time of all targets together', () => {
  const { targets, seconds, seed } = parseFuzzArguments(['--minutes', '9'], 7)
  expect(targets.length * seconds).toBe(9 * 60)
  expect(seed).toBe(7)
  expect(parseFuzzArguments(['--minutes', '1', '--target', 'selector', '--seed', '5'], 7)).toMatchObject({
    targets: ['selector'],
    seconds: 60,
    seed: 5,
  })
})

test.each([
  [['--target', 'x'], /^--target must be one of dbus-header, .*, not 'x'$/],
  [['--path', '1'], /^--path requires --target and --seed/],
  [['--seed', '1.5'], /^--seed requires a whole number from 0 to 2147483647, not '1\.5'$/],
  [['--minutes', '0'], /^--minutes requires a number above 0, not '0'$/],
  [['--hours', '1'], /Unknown option '--hours'/],
])('%j is refused', (args, message) => {
  expect(() => parseFuzzArguments(args, 1)).toThrow(message)
})
