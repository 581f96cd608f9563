// The truth itself, by literal lines of the journal: what the soak holds gatewatch's counts against.
import { expect, test } from 'vitest'
import { truthOf } from './truth.ts'

const IDS = {
  started: '39f53479d3a045ac8e11786248231fbf',
  stopping: 'de5b426a63be47a7b6ac3eaac82e2f6f',
  stopped: '9d1aaa27d60140bd96365438aad20286',
  well: '7ad2d189f7e94e70a38c781354912448',
  failed: 'd9b373ed55a64feb8242e02dbe79a49c',
  scheduled: '5eb03494b6584870a536b337290809b3',
  exit: '98e322203f7a4ed290d09fe03c09fe15',
} as const

const line = (ms: number, id: string, what: keyof typeof IDS, more: Record<string, string> = {}) =>
  JSON.stringify({
    ...{ UNIT: 'u.service', INVOCATION_ID: id, MESSAGE_ID: IDS[what], MESSAGE: what },
    __MONOTONIC_TIMESTAMP: String(ms * 1000),
    ...more,
  })
const start = (ms: number, id: string, job = '1') => line(ms, id, 'started', { JOB_ID: job, JOB_TYPE: 'start' })
const runs = (...lines: string[]) => truthOf(lines.join('\n'), '').units.get('u.service') ?? []

test('a crash that is restarted is one run that crashed and one restart', () => {
  const [first, second] = runs(
    start(1, 'a1'),
    line(5, 'a1', 'exit', { MESSAGE: 'u.service: Main process exited', EXIT_CODE: 'killed', EXIT_STATUS: '9' }),
    line(5, 'a1', 'failed', { UNIT_RESULT: 'signal' }),
    line(6, 'a1', 'scheduled', { N_RESTARTS: '1' }),
    line(6, 'a1', 'stopped', { JOB_ID: '2', JOB_TYPE: 'restart' }),
    start(6, 'b2', '2'),
  )
  const main = { exitCode: null, signal: 'SIGKILL' }
  expect(first?.end).toEqual({ atMs: 5, kind: 'crash', result: 'signal', main, requested: false })
  expect(second).toMatchObject({ id: 'b2', restart: true, end: null })
})

test('a restart whose first line the journal lost is known by its last', () => {
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

test('a stop that was asked for is a requested stop, and a later start no restart', () => {
  const [first, second] = runs(
    start(1, 'a1'),
    line(5, 'a1', 'stopping', { JOB_ID: '2', JOB_TYPE: 'stop' }),
    line(6, 'a1', 'well'),
    line(6, 'a1', 'stopped', { JOB_ID: '2', JOB_TYPE: 'stop' }),
    start(7, 'b2', '3'),
  )
  expect(first?.end).toMatchObject({ kind: 'stop', requested: true })
  expect(second).toMatchObject({ restart: false })
})

test('a start that the limit refused neither ends the run before it again nor opens one', () => {
  const [first, second] = runs(
    start(1, 'a1'),
    line(5, 'a1', 'well'),
    line(6, 'a1', 'scheduled', { N_RESTARTS: '1' }),
    line(6, 'a1', 'stopped', { JOB_ID: '2', JOB_TYPE: 'restart' }),
    line(6, 'a1', 'failed', { UNIT_RESULT: 'start-limit-hit', JOB_ID: '2', JOB_TYPE: 'start' }),
  )
  expect(first?.end).toMatchObject({ kind: 'stop', result: 'success' })
  expect(second).toBeUndefined()
})

test('ExecStopPost knows how the main process ended; an id that only it has is a doubt', () => {
  const ends = 'u.service a1 success exited 0\nu.service zz signal killed KILL\n'
  const { units, doubts } = truthOf([start(1, 'a1'), line(5, 'a1', 'well')].join('\n'), ends)
  expect(units.get('u.service')?.[0]?.end?.main).toEqual({ exitCode: 0, signal: null })
  expect(doubts).toEqual(['not in the journal: u.service zz signal killed KILL'])
})

test('an end that the journal lost is a doubt; a restart that systemd counted twice is known', () => {
  const { doubts, countedTwice } = truthOf(
    [
      start(1, 'a1'),
      line(2, 'a1', 'scheduled', { N_RESTARTS: '1' }),
      line(3, 'a1', 'scheduled', { N_RESTARTS: '2' }),
      start(4, 'b2', '2'),
    ].join('\n'),
    '',
  )
  expect(doubts).toEqual(['the journal has no end of u.service a1'])
  expect(countedTwice.get('u.service')).toBe(1)
})
