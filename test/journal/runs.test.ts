// Runs reconstructed from literal journal lines of a real systemd 252.
import { expect, test } from 'vitest'
import { argsForUnits, runsIn } from '../../src/journal/runs.ts'

const A = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1'
const B = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2'
const C = 'ccccccccccccccccccccccccccccccc3'

type Fields = Readonly<Record<string, string | undefined>>
const line = (ms: number, id: string, message: string, fields: Fields) =>
  JSON.stringify({
    ...{ UNIT: 'u.service', INVOCATION_ID: id, MESSAGE: `u.service: ${message}` },
    __MONOTONIC_TIMESTAMP: String(ms * 1000),
    ...fields,
  })
const of =
  (id: string, message: string, messageId: string) =>
  (ms: number, more: Fields = {}) =>
    line(ms, id, message, { MESSAGE_ID: messageId, ...more })

const starting = (ms: number, id: string, job: string) =>
  of(id, 'Starting', '7d4958e842da4a758f6c1cdc7b36dcc5')(ms, { JOB_ID: job, JOB_TYPE: 'start' })
const stopping = (ms: number, id: string) => of(id, 'Stopping', 'de5b426a63be47a7b6ac3eaac82e2f6f')(ms)
const stopped = (ms: number, id: string, job: string, type: 'stop' | 'restart') =>
  of(id, 'Stopped', '9d1aaa27d60140bd96365438aad20286')(ms, { JOB_ID: job, JOB_TYPE: type })
const succeeded = (ms: number, id: string) =>
  of(id, 'Deactivated successfully.', '7ad2d189f7e94e70a38c781354912448')(ms)
const failed = (ms: number, id: string, result: string) =>
  of(id, `Failed with result '${result}'.`, 'd9b373ed55a64feb8242e02dbe79a49c')(ms, { UNIT_RESULT: result })
const scheduled = (ms: number, id: string, n: number) =>
  of(id, 'Scheduled restart job', '5eb03494b6584870a536b337290809b3')(ms, { N_RESTARTS: String(n) })
const exited = (
  ms: number,
  id: string,
  code: string,
  status: number,
  whose = 'Main',
  priority = '5',
  more: Fields = {},
) =>
  of(
    id,
    `${whose} process exited, code=${code}`,
    '98e322203f7a4ed290d09fe03c09fe15',
  )(ms, {
    EXIT_CODE: code,
    EXIT_STATUS: String(status),
    PRIORITY: priority,
    ...more,
  })

/** journalctl prints the newest line first. */
const runs = (untilMs: number, ...lines: string[]) => {
  return runsIn(`${[...lines].reverse().join('\n')}\n{"UNIT":"u.ser`, untilMs).get('u.service')
}
const main = { exitCode: null, signal: null, coreDumped: false }

test('a crash with its cause, the automatic restart that follows, and a requested stop', () => {
  expect(
    runs(
      Infinity,
      starting(1, A, '7'),
      exited(2, A, 'killed', 9),
      failed(2, A, 'signal'),
      scheduled(3, A, 1),
      stopped(3, A, '8', 'restart'),
      starting(3, B, '8'),
      stopping(4, B),
      exited(5, B, 'exited', 0, 'Control', '7'),
      succeeded(5, B),
      stopped(5, B, '9', 'stop'),
      starting(6, C, '10'),
    ),
  ).toEqual([
    {
      ...{ id: A, restart: null, missed: 0, nRestarts: null, requested: false },
      end: { result: 'signal', ...main, signal: 'SIGKILL' },
    },
    {
      ...{ id: B, restart: 'automatic', missed: 0, nRestarts: 1, requested: true },
      end: { result: 'success', ...main },
    },
    { id: C, restart: null, missed: 0, nRestarts: 1, requested: false, end: null },
  ])
})

test('exit codes, core dumps and skipped runs', () => {
  const causes = runs(
    Infinity,
    exited(1, A, 'exited', 3),
    failed(1, A, 'exit-code'),
    exited(2, B, 'dumped', 11),
    failed(2, B, 'core-dump'),
    of(C, 'Skipped', '0e4284a0caca4bfc81c0bb6786972673')(3, { UNIT_RESULT: 'exec-condition' }),
  )?.map(({ end }) => end)
  expect(causes).toEqual([
    { result: 'exit-code', ...main, exitCode: 3 },
    { result: 'core-dump', ...main, signal: 'SIGSEGV', coreDumped: true },
    { result: 'exec-condition', ...main },
  ])
})

test('a process that failed makes a crash, also where reset-failed made systemd report success', () => {
  const ends = (...lines: string[]) => runs(Infinity, ...lines)?.[0]?.end
  expect(ends(exited(1, A, 'exited', 7), succeeded(2, A))).toEqual({ result: 'exit-code', ...main, exitCode: 7 })
  expect(ends(exited(1, A, 'killed', 9), succeeded(2, A))).toEqual({ result: 'signal', ...main, signal: 'SIGKILL' })
  expect(ends(exited(1, A, 'dumped', 6), succeeded(2, A))).toMatchObject({ result: 'core-dump', signal: 'SIGABRT' })
  // systemd logs an exit that counts as success for debugging only.
  expect(ends(exited(1, A, 'exited', 7, 'Main', '7'), succeeded(2, A))).toMatchObject({
    result: 'success',
    exitCode: 7,
  })
  const control = (command: string) => exited(1, A, 'exited', 1, 'Control', '5', { COMMAND: command })
  expect(ends(control('ExecStartPre'), exited(2, A, 'killed', 15, 'Main', '7'), succeeded(3, A))).toEqual({
    ...{ result: 'exit-code', ...main, signal: 'SIGTERM' },
  })
  expect(ends(control('ExecReload'), succeeded(2, A))).toMatchObject({ result: 'success' })
})

test('a stop that is under way is a request, even if its end is not in the journal yet', () => {
  expect(runs(Infinity, starting(1, A, '1'), stopping(2, A))).toMatchObject([{ requested: true, end: null }])
  expect(runs(Infinity, failed(1, A, 'signal'), stopping(2, A))).toMatchObject([{ requested: false }])
})

test('a restart job is a restart; a start after a stop is not, nor is one after a stop canceled the announced restart', () => {
  const restart = (...lines: string[]) => runs(Infinity, ...lines)?.at(-1)?.restart
  expect(restart(starting(1, A, '1'), succeeded(2, A), stopped(2, A, '2', 'restart'), starting(2, B, '2'))).toBe('job')
  expect(restart(starting(1, A, '1'), succeeded(2, A), stopped(2, A, '2', 'stop'), starting(3, B, '3'))).toBeNull()
  expect(
    restart(failed(1, A, 'signal'), scheduled(2, A, 1), stopped(2, A, '2', 'stop'), starting(3, B, '3')),
  ).toBeNull()
})

test('a start refused by the start limit has the id of the previous run, and does not show how that ended', () => {
  expect(runs(Infinity, starting(1, A, '1'), failed(2, A, 'start-limit-hit'))?.[0]?.end).toBeNull()
  expect(runs(Infinity, succeeded(1, A), failed(2, A, 'start-limit-hit'))?.[0]?.end?.result).toBe('success')
})

test('restarts without a line are known from the restart counter; one announced twice is not missed', () => {
  const missed = (...lines: string[]) => runs(Infinity, ...lines)?.map((run) => run.missed)
  expect(missed(scheduled(1, A, 1), starting(2, B, '1'), scheduled(3, B, 5), starting(4, C, '2'))).toEqual([0, 0, 3])
  expect(
    missed(scheduled(1, A, 1), scheduled(2, A, 2), starting(3, B, '1'), scheduled(4, B, 3), starting(5, C, '2')),
  ).toEqual([0, 0, 0])
  expect(missed(scheduled(1, A, 9), starting(2, B, '1'), scheduled(3, B, 1), starting(4, C, '2'))).toEqual([0, 0, 0])
})

test('runs after the gap are left out: they come from D-Bus signals', () => {
  expect(runs(4, starting(1, A, '1'), succeeded(4, A), starting(5, B, '2'))?.map(({ id }) => id)).toEqual([A])
})

test('lines without a unit or a run, and lines that are not entries, are ignored', () => {
  const text = ['null', '[]', '{', line(1, 'x', 'Starting', {}), line(1, A, 'Starting', { UNIT: undefined })].join('\n')
  expect(runsIn(text, Infinity).get('u.service') ?? []).toEqual([])
})

test("the arguments select only systemd's own messages about these units in this boot", () => {
  const args = argsForUnits(['a.service', 'b.socket'], '0123-4567')
  expect(args.slice(-5)).toEqual(['_PID=1', '_UID=0', '_BOOT_ID=01234567', 'UNIT=a.service', 'UNIT=b.socket'])
})
