// The log: exact lines in each format, for each reader.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type LogOutput, type LogSettings, openLog, readerOf } from '../../src/log/log.ts'

process.env.TZ = 'UTC'

const SETTINGS: LogSettings = {
  log_file: null,
  log_max_bytes: 1_048_576,
  log_backups: 3,
  log_format: 'text',
  debug: false,
}

function logTo(settings: Partial<LogSettings> = {}, reader: LogOutput['reader'] = 'other') {
  const lines: string[] = []
  const output = {
    stderr: (text: string) => void lines.push(text),
    reader,
    now: () => Date.UTC(2025, 6, 7, 10, 15, 23),
  }
  return { lines, logger: openLog({ ...SETTINGS, ...settings }, output) }
}

describe('a line of text', () => {
  test.each([
    ['other', 'info', '2025-07-07 10:15:23 - [INFO] hello\n'],
    ['other', 'error', '2025-07-07 10:15:23 - [ERROR] hello\n'],
    ['other', 'warning', '2025-07-07 10:15:23 - [WARNING] hello\n'],
    ['terminal', 'info', '2025-07-07 10:15:23 - [INFO] hello\n'],
    ['terminal', 'error', '\u001b[31m2025-07-07 10:15:23 - [ERROR] hello\u001b[39m\n'],
    ['journal', 'info', '<6>[INFO] hello\n'],
    ['journal', 'warning', '<4>[WARNING] hello\n'],
    ['journal', 'error', '<3>[ERROR] hello\n'],
  ] as const)('for %s at %s', (reader, level, line) => {
    const { lines, logger } = logTo({}, reader)
    logger.log(level, 'hello', { ignored: 1 })
    expect(lines).toEqual([line])
  })

  test('of the debug level is written only if enabled', () => {
    const quiet = logTo()
    quiet.logger.log('debug', 'x')
    expect(quiet.lines).toEqual([])
    const { lines, logger } = logTo({ debug: true }, 'journal')
    logger.log('debug', 'x')
    expect(lines).toEqual(['<7>[DEBUG] x\n'])
  })

  test('stays one line and contains no control characters', () => {
    const { lines, logger } = logTo({}, 'journal')
    logger.log('info', 'a\nb\u001b[2Jc\u0000')
    expect(lines).toEqual(['<6>[INFO] a\\nb\\x1b[2Jc\\x00\n'])
  })
})

describe('a line of JSON', () => {
  test('has time, level, message and fields', () => {
    const { lines, logger } = logTo({ log_format: 'json' }, 'terminal')
    logger.log('error', 'hello\n', { service: 'a.service' })
    expect(lines).toEqual([
      '{"timestamp":"2025-07-07T10:15:23.000Z","level":"error","message":"hello\\n","service":"a.service"}\n',
    ])
  })

  test('has a priority in the journal, and records are written unchanged', () => {
    const { lines, logger } = logTo({ log_format: 'json' }, 'journal')
    logger.record('error', { event: 'crash' })
    expect(lines).toEqual(['<3>{"event":"crash"}\n'])
  })

  test('that cannot be written as JSON becomes an error line', () => {
    const { lines, logger } = logTo({ log_format: 'json' })
    logger.log('info', 'x', { big: 1n })
    expect(lines[0]).toContain('log: cannot write this line as JSON')
  })
})

describe('a log file', () => {
  test('gets the lines with their time, and stderr gets none', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gatewatch-log-'))
    const path = join(directory, 'a.log')
    const { lines, logger } = logTo({ log_file: path }, 'journal')
    logger.log('info', 'one')
    logger.log('error', 'two')
    await logger.stop()
    expect(readFileSync(path, 'utf8')).toBe('2025-07-07 10:15:23 - [INFO] one\n2025-07-07 10:15:23 - [ERROR] two\n')
    expect(lines).toEqual([])
    rmSync(directory, { recursive: true })
  })

  test('that cannot be written is reported once, and stderr gets the lines until it can', async () => {
    const { lines, logger } = logTo({ log_file: '/nonexistent/a.log' })
    logger.log('info', 'one') // before the file could be opened
    await new Promise((resolve) => setTimeout(resolve, 50))
    logger.log('info', 'two')
    await logger.stop()
    expect(lines).toEqual([
      '2025-07-07 10:15:23 - [ERROR] cannot write log file /nonexistent/a.log (ENOENT); logging to stderr until it can be written again\n',
      '2025-07-07 10:15:23 - [INFO] one\n',
      '2025-07-07 10:15:23 - [INFO] two\n',
    ])
    expect(logger.dropped()).toBe(2)
    expect(logger.problem()).toBe('cannot write log file /nonexistent/a.log (ENOENT)')
    expect(logTo().logger.problem()).toBeNull()
  })
})

describe('settings changed while the log is open', () => {
  test('apply to the next line: debug lines and the format', () => {
    const { lines, logger } = logTo({}, 'journal')
    logger.log('debug', 'one')
    logger.configure({ ...SETTINGS, debug: true, log_format: 'json' })
    logger.log('debug', 'two')
    expect(logger.format()).toBe('json')
    logger.configure(SETTINGS)
    logger.log('debug', 'three')
    logger.log('info', 'four')
    expect(lines).toEqual([
      '<7>{"timestamp":"2025-07-07T10:15:23.000Z","level":"debug","message":"two"}\n',
      '<6>[INFO] four\n',
    ])
  })

  test('apply to the next rotation of the log file: its size and its backups', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gatewatch-log-'))
    const { logger } = logTo({ log_file: join(directory, 'a.log') })
    for (let i = 0; i < 5; i++) logger.log('info', 'x')
    logger.configure({ ...SETTINGS, log_max_bytes: 60, log_backups: 2 })
    for (let i = 0; i < 5; i++) logger.log('info', 'y')
    await logger.stop()
    expect(readdirSync(directory).sort()).toEqual(['a.log', 'a.log.1', 'a.log.2'])
    expect(readFileSync(join(directory, 'a.log'), 'utf8')).toBe('2025-07-07 10:15:23 - [INFO] y\n')
    rmSync(directory, { recursive: true })
  })
})

test.each([
  [{ JOURNAL_STREAM: '8:15' }, { isTerminal: false, isFile: false, dev: 8, ino: 15 }, 'journal'],
  [{ JOURNAL_STREAM: '8:15' }, { isTerminal: false, isFile: false, dev: 8, ino: 16 }, 'other'],
  [{ INVOCATION_ID: 'x' }, { isTerminal: false, isFile: false, dev: 8, ino: 16 }, 'journal'],
  [{ INVOCATION_ID: 'x' }, { isTerminal: false, isFile: true, dev: 8, ino: 16 }, 'other'],
  [{ INVOCATION_ID: 'x' }, { isTerminal: true, isFile: false, dev: 8, ino: 16 }, 'terminal'],
  [{ NO_COLOR: '1' }, { isTerminal: true, isFile: false, dev: 8, ino: 16 }, 'other'],
  [{}, { isTerminal: false, isFile: false, dev: 8, ino: 16 }, 'other'],
] as const)('with %j and stderr %j the reader is %s', (env, stderr, reader) => {
  expect(readerOf(env, stderr)).toBe(reader)
})
