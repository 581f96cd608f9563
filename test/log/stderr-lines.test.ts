// The log on stderr: complete and in order, whether the reader reads or not, and without waiting for it.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStderrLines } from '../../src/log/stderr-lines.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'

const directory = temporaryDirectory()
/** Not run with tsx: its esbuild process shares stderr, and makes it block. */
const MODULE = join(directory, 'stderr-lines.mjs')

beforeAll(() => {
  const source = join(import.meta.dirname, '../../src/log/stderr-lines.ts')
  buildSync({ entryPoints: [source], outfile: MODULE, format: 'esm', platform: 'node' })
})
afterAll(() => removeDirectory(directory))

/** Runs a program whose log is `lines`; its stderr is a socket, as under systemd. */
function run(program: string) {
  const code = `import { createStderrLines } from '${MODULE}'
    const lines = createStderrLines(process.stderr, 2, (flush) => process.on('exit', flush))
    ${program}`
  return spawn(process.execPath, ['--input-type=module', '-e', code])
}

const exitOf = (child: ReturnType<typeof run>) => new Promise((resolve) => child.on('exit', resolve))

test('the program does not wait for a reader that does not read, and no line is lost or out of order', async () => {
  const child = run(`for (let i = 0; i < 200; i++) {
      lines(i + ' ' + 'ä'.repeat(5000) + '\\n')
      if (i % 3 === 0) await null
    }
    setTimeout(() => process.stdout.write('alive'), 100)
    setTimeout(() => lines('last\\n'), 200)`)
  await new Promise((resolve) => child.stdout.on('data', resolve))
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  expect(await exitOf(child)).toBe(0)
  const wrong = text.split('\n').flatMap((line, i) => (line === `${i} ${'ä'.repeat(5000)}` ? [] : [line.slice(0, 9)]))
  expect(wrong).toEqual(['last', ''])
})

test('what is queued when the program exits is written', async () => {
  const child = run("lines('one\\n'); lines('two\\n'); process.exit(3)")
  let text = ''
  child.stderr.on('data', (more) => {
    text += more
  })
  expect(await exitOf(child)).toBe(3)
  expect(text).toBe('one\ntwo\n')
})

test('the program continues when its reader has exited', async () => {
  const child = run(`process.stderr.on('error', () => {})
    for (let i = 0; i < 5; i++) {
      lines(i + '\\n')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    process.exit(4)`)
  child.stderr.destroy()
  expect(await exitOf(child)).toBe(4)
})

test('while the stream still has text, more follows it there', async () => {
  const file = join(directory, 'log')
  const fd = openSync(file, 'w')
  const streamed: string[] = []
  const stream = { writableLength: 0, write: (text: Uint8Array) => streamed.push(text.toString()) > 0 }
  const lines = createStderrLines(stream, fd, () => {})
  lines('a\n')
  lines('b\n')
  await Promise.resolve()
  expect(readFileSync(file, 'utf8')).toBe('a\nb\n')
  stream.writableLength = 1
  lines('c\n')
  await Promise.resolve()
  stream.writableLength = 0
  lines('d\n')
  await Promise.resolve()
  closeSync(fd)
  lines('e\n')
  await Promise.resolve()
  expect(readFileSync(file, 'utf8')).toBe('a\nb\nd\n')
  expect(streamed).toEqual(['c\n', 'e\n'])
})
