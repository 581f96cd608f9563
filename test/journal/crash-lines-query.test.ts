// The journal query for a run: its arguments, and real and damaged outputs of journalctl.
import { expect, test } from 'vitest'
import {
  argsForCrash,
  argsForRun,
  argsForUnit,
  entriesIn,
  LINE_AT_MOST_BYTES,
  LINES_AT_MOST_BYTES,
  runLinesOf,
} from '../../src/journal/crash-lines-query.ts'

const ID = 'b6365141448c4ff2b52cec1bdde3251f'
const LATER = 'f8ba76b21c94c4ff2b52cec1bdde3251'
const EXITED = '98e322203f7a4ed290d09fe03c09fe15'
const newestFirst = (...entries: Record<string, unknown>[]) => entries.map((e) => JSON.stringify(e)).join('\n')
/** A line of the run, with the run that the journal recorded. */
const lineOf = (MESSAGE: unknown, run = ID) => ({ _PID: '77', _UID: '995', MESSAGE, _SYSTEMD_INVOCATION_ID: run })
/** A line of a process that had exited when journald looked it up. */
const orphan = (MESSAGE: unknown) => ({ _PID: '77', _UID: '995', MESSAGE })
const systemd = (MESSAGE: string, run = ID, MESSAGE_ID = '') => ({
  ...{ _PID: '1', _UID: '0', MESSAGE, INVOCATION_ID: run, MESSAGE_ID },
})
const read = (text: string, atMost = 20) => runLinesOf(entriesIn(text), ID, atMost)

test('the arguments select the run, as recorded by the journal or stated by root, and the unit', () => {
  const common =
    '--no-pager --output=json --all --output-fields=MESSAGE,MESSAGE_ID,_PID,_UID,INVOCATION_ID,_SYSTEMD_INVOCATION_ID --reverse'
  expect(argsForRun(ID, 20).join(' ')).toBe(
    `${common} --lines=28 _SYSTEMD_INVOCATION_ID=${ID} + INVOCATION_ID=${ID} _UID=0`,
  )
  expect(argsForUnit('a.service', 20).join(' ')).toBe(
    `${common} --lines=84 _SYSTEMD_UNIT=a.service + UNIT=a.service _PID=1`,
  )
})

test('the arguments for a crash select the records of systemd-coredump, the kernel and systemd-oomd only where they can exist', () => {
  const args = (coredump: boolean, oom: boolean) =>
    argsForCrash(ID, 'a.service', 16, { coredump, oom }, null).slice(4).join(' ')
  const own = `_SYSTEMD_UNIT=a.service + UNIT=a.service _PID=1 + INVOCATION_ID=${ID} _UID=0`
  const dump = 'MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1 COREDUMP_UNIT=a.service'
  expect(args(false, false)).toBe(`--reverse --lines=80 ${own}`)
  expect(args(true, false)).toBe(`--reverse --lines=80 ${own} + ${dump}`)
  expect(args(false, true)).toBe(
    `--reverse --lines=336 ${own} + _TRANSPORT=kernel + _SYSTEMD_UNIT=systemd-oomd.service`,
  )
  const past = argsForCrash(ID, 'a.service', 16, { coredump: false, oom: false }, { fromMs: 1500, untilMs: 2500 })
  expect(past.join(' ')).toContain(' --since=@1 --until=@3 ')
  expect(past.join(' ')).not.toMatch(/CMDLINE|ENVIRON|CWD/)
})

test("the lines are those of the run, oldest first; systemd's own only show that it ended", () => {
  const output = newestFirst(
    systemd("a.service: Failed with result 'exit-code'."),
    systemd('a.service: Main process exited, code=exited, status=3', ID, EXITED),
    lineOf('two'),
    lineOf('one'),
    systemd('Started a.service.'),
  )
  expect(read(output)).toEqual({ lines: ['one', 'two'], ended: true })
  expect(read(newestFirst(lineOf('one')))).toEqual({ lines: ['one'], ended: false })
})

const at = (ms: number, entry: Record<string, unknown>) => ({ ...entry, __MONOTONIC_TIMESTAMP: String(ms * 1000) })

test('a line by root from before the program was executed belongs to the run; by another user it does not', () => {
  const child = { _PID: '78', _UID: '0', MESSAGE: 'Failed to locate executable', INVOCATION_ID: ID }
  const forged = { ...child, _UID: '1000', MESSAGE: 'forged' }
  const output = newestFirst(at(300, child), at(201, forged), at(200, systemd('Started', LATER)))
  expect(read(output).lines).toEqual(['Failed to locate executable'])
})

test('lines without a run belong to the run of the nearest line', () => {
  const output = newestFirst(
    at(406, orphan('a line of the next run')),
    at(405, systemd('Started a.service.', LATER)),
    at(404, orphan('an early line of the next run')),
    at(302, orphan('late line')),
    at(301, systemd('a.service: Main process exited', ID, EXITED)),
    at(300, orphan('last line')),
    at(202, systemd('Started a.service.')),
    at(201, orphan('first line')),
    at(102, orphan('a late line of the previous run')),
    at(101, systemd('a.service: Main process exited', 'a'.repeat(32), EXITED)),
    at(100, orphan('a line of the previous run')),
  )
  expect(read(output)).toEqual({ lines: ['first line', 'last line', 'late line'], ended: true })
  expect(read(newestFirst(systemd('exited', ID, EXITED), orphan('before every known line'))).lines).toEqual([
    'before every known line',
  ])
  expect(read(newestFirst(orphan('after everything'), systemd('Started'))).lines).toEqual(['after everything'])
  expect(read(newestFirst(orphan('a line without any run'))).lines).toEqual([])
})

test('when there are more lines than requested, the newest are kept', () => {
  const output = newestFirst(lineOf('four'), lineOf('three'), lineOf('two'))
  expect(read(output, 2).lines).toEqual(['three', 'four'])
})

test('a message may be bytes that are not UTF-8, a field that occurs twice, or missing', () => {
  const output = newestFirst(
    lineOf([98, 105, 110, 32, 255, 1]),
    lineOf(['first', [116, 119, 111]]),
    lineOf(null),
    lineOf(undefined),
  )
  expect(read(output).lines).toEqual(['', '', 'first two', 'bin \ufffd\u0001'])
})

test('a long line is cut between characters', () => {
  const [ascii, euros] = read(newestFirst(lineOf('€'.repeat(2000)), lineOf('x'.repeat(2000)))).lines
  expect(ascii).toBe(`${'x'.repeat(LINE_AT_MOST_BYTES - 3)}…`)
  expect(euros).toMatch(/^€+…$/)
  expect(Buffer.byteLength(euros ?? '')).toBeLessThanOrEqual(LINE_AT_MOST_BYTES)
})

test('when the lines are too long in all, the newest that fit are kept', () => {
  const { lines } = read(
    newestFirst(...Array.from({ length: 100 }, (_, i) => lineOf(`${99 - i} ${'x'.repeat(500)}`))),
    100,
  )
  expect(lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)).toBeLessThanOrEqual(LINES_AT_MOST_BYTES)
  expect(lines.at(-1)).toMatch(/^99 /)
  expect(lines).toHaveLength(16)
})

test('incomplete lines and lines that are not entries are ignored', () => {
  expect(read(`${newestFirst(lineOf('one'))}\n{"MESSAGE":"tw`).lines).toEqual(['one'])
  expect(read('')).toEqual({ lines: [], ended: false })
  expect(read('null\n[]\n"x"\n7\n-- No entries --\n').lines).toEqual([])
})
