// Links of another user on the path of a log file, with a real file system: root does not follow them, and the agent loses lines only.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  promises,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openRotatingFile } from '../../src/log/rotating-file.ts'
import { withSafePath } from '../../src/log/safe-path.ts'
import { describeUnless, notRoot } from '../rig/unavailable.ts'

const OTHER_USER = 65_534

let directory = ''
let precious = ''
let problems: (string | null)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatewatch-links-'))
  precious = join(directory, 'precious')
  writeFileSync(precious, 'precious\n')
  problems = []
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const at = (...names: string[]) => join(directory, ...names)
const open = (path: string, maxBytes = 1000) =>
  openRotatingFile({
    path,
    limits: () => ({ maxBytes, backups: 1 }),
    onProblem: (problem) => problems.push(problem),
  })

/** A directory that another user owns. */
function theirs(name = 'theirs', mode = 0o755): string {
  mkdirSync(at(name))
  chownSync(at(name), OTHER_USER, OTHER_USER)
  chmodSync(at(name), mode)
  return at(name)
}

describeUnless(notRoot(), 'as root', () => {
  test('a link in a directory of another user is not followed, which is one problem, until it is removed', async () => {
    const path = join(theirs(), 'a.log')
    symlinkSync(precious, path)
    const file = open(path)
    for (const line of ['one', 'two']) file.append(line)
    await file.flush()
    const problem = `${path} is a symbolic link that another user can change; root does not follow it`
    expect({ problems, dropped: file.dropped() }).toEqual({ problems: [problem], dropped: 2 })
    expect(readFileSync(precious, 'utf8')).toBe('precious\n')
    rmSync(path)
    file.append('three')
    await file.stop()
    expect(readFileSync(path, 'utf8')).toBe('three\n')
    expect(problems).toEqual([problem, null])
  })

  test("root's link in a directory of another user is not followed either: that user can exchange it", async () => {
    theirs()
    mkdirSync(at('theirs', 'logs'))
    symlinkSync(precious, at('theirs', 'logs', 'a.log'))
    const file = open(at('theirs', 'logs', 'a.log'))
    await file.stop()
    expect(problems).toEqual([expect.stringContaining('is a symbolic link that another user can change')])
  })

  test('a link in place of a directory is not followed', async () => {
    mkdirSync(at('system'))
    symlinkSync(at('system'), join(theirs(), 'logs'))
    const file = open(at('theirs', 'logs', 'precious'))
    file.append('line')
    await file.stop()
    expect(problems).toEqual([expect.stringContaining(at('theirs', 'logs'))])
    expect(() => lstatSync(at('system', 'precious'))).toThrow('ENOENT')
  })

  test("in a directory such as /tmp, another user's link is not followed, and root's is", async () => {
    mkdirSync(at('shared'))
    chmodSync(at('shared'), 0o1777)
    for (const name of ['a.log', 'b.log']) symlinkSync(precious, at('shared', name))
    lchownSync(at('shared', 'a.log'), OTHER_USER, OTHER_USER)
    for (const name of ['a.log', 'b.log']) {
      const file = open(at('shared', name))
      file.append(name)
      await file.stop()
    }
    expect(readFileSync(precious, 'utf8')).toBe('precious\nb.log\n')
    expect(problems).toEqual([expect.stringContaining(at('shared', 'a.log'))])
  })

  test("links of root are followed in root's directories, to a file that does not exist yet as well", async () => {
    mkdirSync(at('data'))
    symlinkSync('data', at('logs'))
    symlinkSync('./new.log', at('data', 'a.log'))
    const file = open(at('logs', 'a.log'))
    file.append('line')
    await file.stop()
    expect(problems).toEqual([])
    expect(readFileSync(at('data', 'new.log'), 'utf8')).toBe('line\n')
  })

  test('a rotation replaces a link, and does not write to its target', async () => {
    const path = join(theirs(), 'a.log')
    symlinkSync(precious, `${path}.1`)
    const file = open(path, 10)
    for (const line of ['first', 'second']) file.append(line)
    await file.stop()
    expect(problems).toEqual([])
    expect(readFileSync(precious, 'utf8')).toBe('precious\n')
    expect([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['first\n', 'second\n'])
  })

  test('a directory that is exchanged for a link at the last moment does not change what is opened', async () => {
    const path = join(theirs(), 'a.log')
    const opened = await withSafePath(path, async (safe) => {
      rmSync(at('theirs'), { recursive: true })
      mkdirSync(at('system'))
      symlinkSync(at('system'), at('theirs'))
      return await promises.writeFile(safe, 'line').catch((error) => error.code)
    })
    expect(opened).toBe('ENOENT')
    expect(() => lstatSync(at('system', 'a.log'))).toThrow('ENOENT')
  })

  test('links that form a loop are a problem', async () => {
    symlinkSync('b.log', at('a.log'))
    symlinkSync('a.log', at('b.log'))
    const file = open(at('a.log'))
    await file.stop()
    expect(problems).toEqual(['ELOOP'])
  })
})

test('a user other than root follows every link, within its permissions', async () => {
  symlinkSync(precious, at('a.log'))
  lchownSync(at('a.log'), process.getuid?.() === 0 ? OTHER_USER : -1, -1)
  expect(await withSafePath(at('a.log'), (path, flags) => Promise.resolve([path, flags]), false)).toEqual([
    at('a.log'),
    0,
  ])
})

test('a named pipe is a problem: a write to a full one would never end', async () => {
  execFileSync('mkfifo', [at('a.log')])
  const file = open(at('a.log'))
  file.append('line')
  await file.stop()
  expect(problems).toEqual(['it is a named pipe'])
})
