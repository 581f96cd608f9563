// The derivation of the expected runs, checked with literal lines of the journal.
import { expect, test } from 'vitest'
import { expectedRunsOf } from './expected.ts'

const IDS = {
  started: '39f53479d3a045ac8e11786248231fbf',
  stopping: 'de5b426a63be47a7b6ac3eaac82e2f6f',
  stopped: '9d1aaa27d60140bd96365438aad20286',
  succeeded: '7ad2d189f7e94e70a38c781354912448',
  failed: 'd9b373ed55a64feb8242e02dbe79a49c',
  scheduled: '5eb03494b6584870a536b337290809b3',
  exit: '98e322203f7a4ed290d09fe03c09fe15',
} as const

const line = (ms: number, id: string, what: keyof typeof IDS, more: Record<string, string> = {}) =>
  JSON.stringify({
    UNIT: 'u.service',
    INVOCATION_ID: id,
    MESSAGE_ID: IDS[what],
    MESSAGE: what,
    __MONOTONIC_TIMESTAMP: String(ms * 1000),
    ...more,
  })
const start = (ms: number, id: string, job = '1') => line(ms, id, 'started', { JOB_ID: job, JOB_TYPE: 'start' })
const runs = (...lines: string[]) => expectedRunsOf(lines.join('\n'), '').units.get('u.service') ?? []

test('a crash with an automatic restart is one crashed run and one restart', () => {
  const [first, second] = runs(
    start(1, 'a1'),
    line(5, 'a1', 'exit', { MESSAGE: 'u.service: Main process exited', EXIT_CODE: 'killed', EXIT_STATUS: '9' }),
    line(5, 'a1', 'failed', { UNIT_RESULT: 'signal' }),
    line(6, 'a1', 'scheduled', { N_RESTARTS: '1' }),
    line(6, 'a1', 'stopped', { JOB_ID: '2', JOB_TYPE: 'restart' }),
    start(6, 'b2', '2'),
  )
  const main = { exitCode: null, signal: 'SIGKILL' }
  expect(first?.end).toEqual({ atMs: 5, kind: 'crash', result: 'signal', firstBad: null, main, requested: false })
  expect(second).toMatchObject({ id: 'b2', restart: true, end: null })
})

test('a restart whose first journal line is missing is recognised by its last one', () => {
  const [, second] = runs(
    start(1, 'a1'),
    line(5, 'a1', 'failed', { UNIT_RESULT: 'exit-code' }),
    line(6, 'a1', 'scheduled', { N_RESTARTS: '1' }),
    line(6, 'a1', 'stopped', { JOB_ID: '2', JOB_TYPE: 'restart' }),
    line(7, 'b2', 'failed', { UNIT_RESULT: 'exit-code' }),
    line(8, 'b2', 'exit', { MESSAGE: 'Failed to start', JOB_ID: '2', JOB_TYPE: 'start' }),
  )
  expect(second).toMatchObject({ restart: true, end: { kind: 'crash' } })
})

test('a stop job makes a requested stop, and a later start is not a restart', () => {
  const [first, second] = runs(
    start(1, 'a1'),
    line(5, 'a1', 'stopping', { JOB_ID: '2', JOB_TYPE: 'stop' }),
    line(6, 'a1', 'succeeded'),
    line(6, 'a1', 'stopped', { JOB_ID: '2', JOB_TYPE: 'stop' }),
    start(7, 'b2', '3'),
  )
  expect(first?.end).toMatchObject({ kind: 'stop', requested: true })
  expect(second).toMatchObject({ restart: false })
})

test('a start refused by the start limit neither ends the previous run again nor opens a new one', () => {
  const [first, second] = runs(
    start(1, 'a1'),
    line(5, 'a1', 'succeeded'),
    line(6, 'a1', 'scheduled', { N_RESTARTS: '1' }),
    line(6, 'a1', 'stopped', { JOB_ID: '2', JOB_TYPE: 'restart' }),
    line(6, 'a1', 'failed', { UNIT_RESULT: 'start-limit-hit', JOB_ID: '2', JOB_TYPE: 'start' }),
  )
  expect(first?.end).toMatchObject({ kind: 'stop', result: 'success' })
  expect(second).toBeUndefined()
})

test('ExecStopPost= shows how the main process ended; an id that is missing in the journal is missing evidence', () => {
  const ends = 'u.service a1 success exited 0\nu.service zz signal killed KILL\n'
  const { units, missingEvidence } = expectedRunsOf([start(1, 'a1'), line(5, 'a1', 'succeeded')].join('\n'), ends)
  expect(units.get('u.service')?.[0]?.end?.main).toEqual({ exitCode: 0, signal: null })
  expect(missingEvidence).toEqual(['not in the journal: u.service zz signal killed KILL'])
})

test('a bad Result that ExecStopPost= had is the end of the run, even if the journal reports success after a reset', () => {
  const { units } = expectedRunsOf(
    [start(1, 'a1'), line(5, 'a1', 'succeeded')].join('\n'),
    'u.service a1 exit-code exited 203\n',
  )
  expect(units.get('u.service')?.[0]?.end).toMatchObject({
    kind: 'crash',
    result: 'exit-code',
    main: { exitCode: 203 },
  })
})

test('a main process that failed makes a crash, even if the journal reports success after a reset', () => {
  const exit = (priority: string) =>
    line(4, 'a1', 'exit', { MESSAGE: 'Main process exited', EXIT_CODE: 'exited', EXIT_STATUS: '7', PRIORITY: priority })
  expect(runs(start(1, 'a1'), exit('5'), line(5, 'a1', 'succeeded'))[0]?.end).toMatchObject({
    kind: 'crash',
    result: 'exit-code',
  })
  expect(runs(start(1, 'a1'), exit('7'), line(5, 'a1', 'succeeded'))[0]?.end).toMatchObject({ kind: 'stop' })
})

test('a start job that a failed dependency ended is counted while the unit is not running', () => {
  const refused = line(3, 'a1', 'failed', {
    MESSAGE_ID: 'be02cf6855d2428ba40df7e9d022f03d',
    JOB_TYPE: 'start',
    JOB_RESULT: 'dependency',
  })
  const count = (...lines: string[]) => expectedRunsOf(lines.join('\n'), '').dependencyFailed.get('u.service')
  expect(count(start(1, 'a1'), line(2, 'a1', 'succeeded'), refused, refused)).toBe(2)
  expect(count(start(1, 'a1'), refused)).toBe(0)
  const alsoLogged = line(3, 'a1', 'failed', { MESSAGE_ID: '', JOB_TYPE: 'start', JOB_RESULT: 'dependency' })
  expect(count(start(1, 'a1'), line(2, 'a1', 'succeeded'), alsoLogged)).toBe(0)
})

test('an end that the journal lacks is missing evidence; a restart that systemd counted twice is recognised', () => {
  const { missingEvidence, countedTwice } = expectedRunsOf(
    [
      start(1, 'a1'),
      line(2, 'a1', 'scheduled', { N_RESTARTS: '1' }),
      line(3, 'a1', 'scheduled', { N_RESTARTS: '2' }),
      start(4, 'b2', '2'),
    ].join('\n'),
    '',
  )
  expect(missingEvidence).toEqual(['the journal has no end of u.service a1'])
  expect(countedTwice.get('u.service')).toBe(1)
})
