// What journalctl is asked, and what is taken from answers that it really gives, and from those that it could.
import { expect, test } from 'vitest'
import {
  argsForRun,
  argsForUnit,
  LINE_AT_MOST_BYTES,
  LINES_AT_MOST_BYTES,
  runLinesOf,
} from '../../src/journal/crash-lines-query.ts'

const ID = 'b6365141448c4ff2b52cec1bdde3251f'
const LATER = 'f8ba76b21c94c4ff2b52cec1bdde3251'
const EXITED = '98e322203f7a4ed290d09fe03c09fe15'
const newestFirst = (...entries: Record<string, unknown>[]) => entries.map((e) => JSON.stringify(e)).join('\n')
/** A line of the run, as the journal knows it. */
const says = (MESSAGE: unknown, run = ID) => ({ _PID: '77', _UID: '995', MESSAGE, _SYSTEMD_INVOCATION_ID: run })
/** A line of a process that was gone when journald looked at it. */
const said = (MESSAGE: unknown) => ({ _PID: '77', _UID: '995', MESSAGE })
const systemd = (MESSAGE: string, run = ID, MESSAGE_ID = '') => ({
  ...{ _PID: '1', _UID: '0', MESSAGE, INVOCATION_ID: run, MESSAGE_ID },
})
const read = (text: string, atMost = 20) => runLinesOf(text, ID, atMost)

test('it is asked for the run, by what the journal and root say of it, and for the unit', () => {
  const common =
    '--no-pager --output=json --all --output-fields=MESSAGE,MESSAGE_ID,_PID,_UID,INVOCATION_ID,_SYSTEMD_INVOCATION_ID --reverse'
  expect(argsForRun(ID, 20).join(' ')).toBe(
    `${common} --lines=28 _SYSTEMD_INVOCATION_ID=${ID} + INVOCATION_ID=${ID} _UID=0`,
  )
  expect(argsForUnit('a.service', 20).join(' ')).toBe(
    `${common} --lines=84 _SYSTEMD_UNIT=a.service + UNIT=a.service _PID=1`,
  )
})

test('the run speaks, oldest first; systemd only says that it is over', () => {
  const answer = newestFirst(
    systemd("a.service: Failed with result 'exit-code'."),
    systemd('a.service: Main process exited, code=exited, status=3', ID, EXITED),
    says('two'),
    says('one'),
    systemd('Started a.service.'),
  )
  expect(read(answer)).toEqual({ lines: ['one', 'two'], over: true })
  expect(read(newestFirst(says('one')))).toEqual({ lines: ['one'], over: false })
})

const at = (ms: number, entry: Record<string, unknown>) => ({ ...entry, __MONOTONIC_TIMESTAMP: String(ms * 1000) })

test('what root says of a run before it becomes a program belongs to it; what others say does not', () => {
  const child = { _PID: '78', _UID: '0', MESSAGE: 'Failed to locate executable', INVOCATION_ID: ID }
  const forged = { ...child, _UID: '1000', MESSAGE: 'forged' }
  const answer = newestFirst(at(300, child), at(201, forged), at(200, systemd('Started', LATER)))
  expect(read(answer).lines).toEqual(['Failed to locate executable'])
})

test('words of nobody belong to the run that was spoken of next to them', () => {
  const answer = newestFirst(
    at(406, said('of the run after')),
    at(405, systemd('Started a.service.', LATER)),
    at(404, said('early words of the run after')),
    at(302, said('late words')),
    at(301, systemd('a.service: Main process exited', ID, EXITED)),
    at(300, said('last words')),
    at(202, systemd('Started a.service.')),
    at(201, said('first words')),
    at(102, said('late words of the run before')),
    at(101, systemd('a.service: Main process exited', 'a'.repeat(32), EXITED)),
    at(100, said('of the run before')),
  )
  expect(read(answer)).toEqual({ lines: ['first words', 'last words', 'late words'], over: true })
  expect(read(newestFirst(systemd('exited', ID, EXITED), said('before anything that is known'))).lines).toEqual([
    'before anything that is known',
  ])
  expect(read(newestFirst(said('after everything'), systemd('Started'))).lines).toEqual(['after everything'])
  expect(read(newestFirst(said('of nobody'))).lines).toEqual([])
})

test('of more lines than asked for the newest stay', () => {
  const answer = newestFirst(says('four'), says('three'), says('two'))
  expect(read(answer, 2).lines).toEqual(['three', 'four'])
})

test('bytes that are no text, a field that came twice, none at all', () => {
  const answer = newestFirst(
    says([98, 105, 110, 32, 255, 1]),
    says(['first', [116, 119, 111]]),
    says(null),
    says(undefined),
  )
  expect(read(answer).lines).toEqual(['', '', 'first two', 'bin \ufffd\u0001'])
})

test('a long line is cut between characters', () => {
  const [ascii, euros] = read(newestFirst(says('€'.repeat(2000)), says('x'.repeat(2000)))).lines
  expect(ascii).toBe(`${'x'.repeat(LINE_AT_MOST_BYTES - 3)}…`)
  expect(euros).toMatch(/^€+…$/)
  expect(Buffer.byteLength(euros ?? '')).toBeLessThanOrEqual(LINE_AT_MOST_BYTES)
})

test('of all lines the newest that fit stay', () => {
  const { lines } = read(
    newestFirst(...Array.from({ length: 100 }, (_, i) => says(`${99 - i} ${'x'.repeat(500)}`))),
    100,
  )
  expect(lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)).toBeLessThanOrEqual(LINES_AT_MOST_BYTES)
  expect(lines.at(-1)).toMatch(/^99 /)
  expect(lines).toHaveLength(16)
})

test('what is cut off, and what is no entry, is left out', () => {
  expect(read(`${newestFirst(says('one'))}\n{"MESSAGE":"tw`).lines).toEqual(['one'])
  expect(read('')).toEqual({ lines: [], over: false })
  expect(read('null\n[]\n"x"\n7\n-- No entries --\n').lines).toEqual([])
})
