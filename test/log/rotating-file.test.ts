// Rotation on a real file system, a full one included.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileReason } from '../../src/core/error-text.ts'
import { emptyFile } from '../../src/log/empty-file.ts'
import { openRotatingFile, type RotatingFile, type RotationLimits } from '../../src/log/rotating-file.ts'
import { notRoot } from '../rig/unavailable.ts'

let directory = ''
let path = ''
let problems: (string | null)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatewatch-rotation-'))
  path = join(directory, 'a.log')
  problems = []
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function open(maxBytes: number, backups: number, at = path): RotatingFile {
  return openWith(() => ({ maxBytes, backups }), at)
}

function openWith(limits: () => RotationLimits, at = path): RotatingFile {
  return openRotatingFile({ path: at, limits, onProblem: (problem) => problems.push(problem) })
}

describe('rotation', () => {
  test('keeps the configured number of files, each below the limit, with the newest lines in the newest', async () => {
    const file = open(100, 2)
    for (let i = 0; i < 50; i++) file.append(`line ${String(i).padStart(4, '0')}`)
    await file.stop()
    expect(readdirSync(directory).sort()).toEqual(['a.log', 'a.log.1', 'a.log.2'])
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(100)
    const whole = ['.2', '.1', ''].map((end) => readFileSync(path + end, 'utf8')).join('')
    const lines = whole.trimEnd().split('\n')
    expect(lines).toEqual(Array.from({ length: 30 }, (_, i) => `line ${String(i + 20).padStart(4, '0')}`))
    expect({ problems, dropped: file.dropped() }).toEqual({ problems: [], dropped: 0 })
  })

  test('without backups starts an empty file', async () => {
    const file = open(20, 0)
    for (const line of ['first', 'second', 'third', 'fourth']) file.append(line)
    await file.stop()
    expect(readdirSync(directory)).toEqual(['a.log'])
    expect(readFileSync(path, 'utf8')).toBe('fourth\n')
  })

  test('continues an existing file, and ends an incomplete line first', async () => {
    writeFileSync(path, 'whole\ntorn')
    const file = open(1000, 1)
    file.append('next')
    await file.stop()
    expect(readFileSync(path, 'utf8')).toBe('whole\ntorn\nnext\n')
  })

  test('writes a line that is longer than a whole file', async () => {
    const file = open(10, 1)
    file.append('a')
    file.append('x'.repeat(50))
    file.append('b')
    await file.stop()
    expect(readFileSync(`${path}.1`, 'utf8')).toBe(`${'x'.repeat(50)}\n`)
    expect(readFileSync(path, 'utf8')).toBe('b\n')
  })

  test('counts bytes, not characters', async () => {
    const file = open(20, 5)
    for (let i = 0; i < 4; i++) file.append('üüüüü')
    await file.stop()
    expect(readdirSync(directory)).toHaveLength(4)
  })
})

describe('limits that change while the file is open', () => {
  test('a smaller size applies to the next line', async () => {
    let limits = { maxBytes: 1000, backups: 1 }
    const file = openWith(() => limits)
    file.append('x'.repeat(50))
    await file.flush()
    limits = { maxBytes: 20, backups: 1 }
    file.append('next')
    await file.stop()
    expect(readFileSync(`${path}.1`, 'utf8')).toBe(`${'x'.repeat(50)}\n`)
    expect(readFileSync(path, 'utf8')).toBe('next\n')
  })

  test('fewer backups: the next rotation removes those beyond the limit, and nothing else', async () => {
    let limits = { maxBytes: 5, backups: 4 }
    const file = openWith(() => limits)
    for (const line of ['a', 'b', 'c', 'd', 'e']) file.append(`${line}${line}${line}`)
    await file.flush()
    expect(readdirSync(directory)).toHaveLength(5)
    for (const other of ['a.log.5', 'a.log.old']) writeFileSync(join(directory, other), '')
    limits = { maxBytes: 5, backups: 1 }
    file.append('fff')
    await file.stop()
    expect(readdirSync(directory).sort()).toEqual(['a.log', 'a.log.1', 'a.log.5', 'a.log.old'])
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('eee\n')
    expect(problems).toEqual([])
  })
})

describe('another program rotates the file, such as logrotate(8)', () => {
  const text = (name = '') => readFileSync(path + name, 'utf8')

  test('it was moved away: the next line goes to a new file at the path', async () => {
    const file = open(1000, 1)
    file.append('before')
    await file.flush()
    renameSync(path, `${path}.old`)
    file.append('after')
    await file.flush()
    expect([text('.old'), text()]).toEqual(['before\n', 'after\n'])
    await file.stop()
    expect({ problems, dropped: file.dropped() }).toEqual({ problems: [], dropped: 0 })
  })

  test('it was moved away and created again by the other program: that file is used', async () => {
    const file = open(1000, 1)
    file.append('before')
    await file.flush()
    renameSync(path, `${path}.old`)
    writeFileSync(path, '# created by logrotate\n')
    file.append('after')
    await file.stop()
    expect([text('.old'), text()]).toEqual(['before\n', '# created by logrotate\nafter\n'])
  })

  test('reopen creates the file again, without waiting for a line', async () => {
    const file = open(1000, 1)
    file.append('before')
    await file.flush()
    renameSync(path, `${path}.old`)
    file.reopen()
    await file.flush()
    expect(text()).toBe('')
    file.append('after')
    await file.stop()
    expect([text('.old'), text()]).toEqual(['before\n', 'after\n'])
  })

  test('it was copied and made empty (copytruncate): its size is counted from 0 again', async () => {
    const file = open(20, 1)
    file.append('1234567890')
    await file.flush()
    copyFileSync(path, `${path}.old`)
    truncateSync(path)
    file.append('after it')
    file.append('and more')
    await file.stop()
    expect([text('.old'), text()]).toEqual(['1234567890\n', 'after it\nand more\n'])
    expect(readdirSync(directory).sort()).toEqual(['a.log', 'a.log.old'])
  })
})

describe('a disk that fails', () => {
  test('costs lines, and is reported once when it fails and once when it works again', async () => {
    const inside = join(directory, 'not-created-yet', 'a.log')
    const file = open(100, 1, inside)
    file.append('one')
    await file.flush()
    file.append('two')
    await file.flush()
    expect({ problems, dropped: file.dropped() }).toEqual({ problems: ['ENOENT'], dropped: 2 })
    expect(file.problem()).toBe('ENOENT')
    mkdirSync(join(directory, 'not-created-yet'))
    file.append('three')
    await file.stop()
    expect({ problems, dropped: file.dropped() }).toEqual({ problems: ['ENOENT', null], dropped: 2 })
    expect(file.problem()).toBeNull()
    expect(readFileSync(inside, 'utf8')).toBe('three\n')
  })

  test.runIf(notRoot() === null)(
    'that is full in the middle of a line: this line is removed, and complete ones are kept',
    async () => {
      const disk = join(directory, 'disk')
      mkdirSync(disk)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk])
      try {
        const [at, filler] = [join(disk, 'a.log'), join(disk, 'filler')]
        writeFileSync(filler, 'x'.repeat(8192))
        const file = open(1_000_000, 1, at)
        const line = (i: number) => JSON.stringify({ i, text: 'x'.repeat(1000) })
        for (let i = 0; i < 12; i++) file.append(line(i))
        await file.flush()
        expect(file.problem()).toBe('ENOSPC')
        expect(readFileSync(at, 'utf8').split('\n')).toEqual([...Array.from({ length: 8 }, (_, i) => line(i)), ''])
        expect(file.dropped()).toBe(4)
        rmSync(filler)
        file.append(line(12))
        await file.stop()
        expect(readFileSync(at, 'utf8').split('\n').slice(-2)).toEqual([line(12), ''])
        expect(problems).toEqual(['ENOSPC', null])
      } finally {
        execFileSync('umount', [disk])
      }
    },
  )

  test.runIf(existsSync('/dev/full'))('that is full costs only lines', async () => {
    const file = open(1_000_000, 1, '/dev/full')
    for (let i = 0; i < 100; i++) file.append('x')
    await file.stop()
    expect({ problems, dropped: file.dropped() }).toEqual({ problems: ['ENOSPC'], dropped: 100 })
  })

  test('a backup that cannot be made costs lines, not the file', async () => {
    mkdirSync(`${path}.1`)
    writeFileSync(join(`${path}.1`, 'in-the-way'), '')
    const file = open(5, 1)
    for (const line of ['one', 'two']) file.append(line)
    await file.stop()
    expect(readFileSync(path, 'utf8')).toBe('one\n')
    expect(problems).toHaveLength(1)
    expect(file.dropped()).toBe(1)
  })
})

test('clear empties the file, lines that were not written yet included; later lines follow', async () => {
  const file = open(10_000, 0)
  file.append('before')
  await file.flush()
  file.append('just before')
  await file.clear()
  file.append('after')
  await file.flush()
  expect(readFileSync(path, 'utf8')).toBe('after\n')
  await Promise.all([file.clear(), file.clear()])
  file.append('later')
  await file.stop()
  expect(readFileSync(path, 'utf8')).toBe('later\n')
  expect(problems).toEqual([])
})

test('clear does not touch what is not a regular file, and the lines continue', async () => {
  const file = open(10_000, 0, '/dev/null')
  await expect(file.clear()).rejects.toThrow('it is not a regular file')
  file.append('a line')
  await file.stop()
  expect([file.dropped(), file.problem()]).toEqual([0, null])
})

test('emptyFile empties a regular file and nothing else; an absent one is empty already', async () => {
  writeFileSync(path, 'old\n')
  await emptyFile(path)
  expect(readFileSync(path, 'utf8')).toBe('')
  await emptyFile(join(directory, 'absent'))
  expect(existsSync(join(directory, 'absent'))).toBe(false)
  await expect(emptyFile('/dev/null')).rejects.toThrow('it is not a regular file')
  await expect(emptyFile(directory)).rejects.toThrow('EISDIR')
  execFileSync('mkfifo', [join(directory, 'pipe')])
  const reason = await emptyFile(join(directory, 'pipe')).catch(fileReason)
  expect(reason).toBe('it is not a regular file')
})

test('more than a queue full of lines is dropped and counted', async () => {
  const file = open(100_000_000, 1)
  for (let i = 0; i < 3_000; i++) file.append('x'.repeat(999))
  expect(file.dropped()).toBe(3_000 - 1048)
  await file.stop()
  expect(statSync(path).size).toBe(1_048_000)
  file.append('after the end')
  expect(file.dropped()).toBe(3_000 - 1048 + 1)
})
