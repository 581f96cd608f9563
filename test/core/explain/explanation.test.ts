// Explanations of literal situations, compared with texts in explanations.txt (`npx vitest run FILE -u` writes it), and
// coincidences that are not causes.
import { expect, test } from 'vitest'
import type { Explanation } from '../../../src/core/explain/explanation.ts'
import { readNeeds } from '../../../src/core/explain/explanation-input.ts'
import { newUnit } from '../../../src/core/unit.ts'
import type { UnitStatus } from '../../../src/core/unit-status.ts'
import { crash, EXIT, event, explained, IDENTITY, INACTIVE, NOW, RESTARTS, RUNNING, status, stop } from './explained.ts'

const SINK = 'sink.service'
const COUNTED = { ...newUnit(SINK), counters: { starts: 9, stops: 0, crashes: 8, restarts: 8, lost: 0 } }
const AFTER_ALL = { sameCause24h: 4, sameCause7d: 9, signature: '0123456789ab', ranMs: 200_000 }
const DEVICE = { ...INACTIVE, description: '/dev/ttyUSB0' }
const refused = (result: string, secondsAgo = 59) => event('start_refused', SINK, secondsAgo, { result })
const timer = (nextMs: number | null) => ({ unit: 'sink.timer', activeState: 'active', nextMs })

const CASES: Readonly<Record<string, () => Explanation>> = {
  'a crash with a core dump, restarted': () =>
    explained(SINK, {
      status: status(SINK, RUNNING, RESTARTS),
      history: [
        event('start', SINK, 270),
        crash(SINK, 60, {
          result: 'core-dump',
          signal: 'SIGSEGV',
          coreDumped: true,
          willRestart: true,
          evidence: {
            ...AFTER_ALL,
            coredump: {
              executable: '/usr/bin/sink',
              signal: 'SIGSEGV',
              frames: ['parse (sink + 0x1a)', 'main (sink + 0x2)'],
            },
            statusText: 'reading "ttyS1"',
            resources: { cpuMs: 1200, memoryPeak: 12 << 20 },
          },
        }),
        event('restart', SINK, 59),
      ],
    }),
  'a segmentation fault of which nothing more is known': () =>
    explained(SINK, {
      history: [crash(SINK, 60, { signal: 'SIGSEGV' })],
      sources: { explain: false, journal: 'denied' },
    }),
  'killed by the kernel at its memory limit': () =>
    explained(SINK, {
      history: [
        crash(SINK, 60, {
          result: 'oom-kill',
          evidence: {
            ranMs: 5200,
            oom: { by: 'kernel', process: 'sink', bytes: 63 << 20, limitOf: SINK },
            memory: { limit: 64 << 20, lastSeen: 61 << 20 },
          },
        }),
      ],
    }),
  'killed by systemd-oomd, and the gateway had no memory left': () =>
    explained(SINK, {
      history: [crash(SINK, 60, { result: 'oom-kill', evidence: { oom: { by: 'systemd-oomd', limitOf: 'system' } } })],
    }),
  'killed for memory, without a record': () => explained(SINK, { history: [crash(SINK, 60, { result: 'oom-kill' })] }),
  'killed by SIGKILL, by whom is not known': () => explained(SINK, { history: [crash(SINK, 60)] }),
  'a missing binary': () =>
    explained(SINK, { history: [crash(SINK, 60, { ...EXIT(203), evidence: { ranMs: 4, firstRunOfBoot: true } })] }),
  'a missing binary, over TCP': () =>
    explained(SINK, { isLocal: false, history: [crash(SINK, 60, { ...EXIT(203), evidence: { ranMs: 4 } })] }),
  'a missing user': () => explained(SINK, { history: [crash(SINK, 60, EXIT(217))] }),
  'a program that exits with 203 itself': () =>
    explained(SINK, { history: [crash(SINK, 60, { ...EXIT(203), evidence: { ranMs: 300_000 } })] }),
  'exit code 3, for the first time': () =>
    explained(SINK, { history: [crash(SINK, 60, { ...EXIT(3), evidence: { sameCause24h: 1, sameCause7d: 1 } })] }),
  'ExecStartPre= failed': () =>
    explained(SINK, { history: [crash(SINK, 60, { result: 'exit-code', exitCode: null, signal: null })] }),
  'a watchdog': () => explained(SINK, { history: [crash(SINK, 60, { result: 'watchdog', signal: 'SIGABRT' })] }),
  'a stop that took too long': () =>
    explained(SINK, { history: [crash(SINK, 60, { result: 'timeout', requested: true })] }),
  'a time limit': () =>
    explained(SINK, { history: [crash(SINK, 60, { result: 'timeout', signal: 'SIGTERM', willRestart: null })] }),
  'a binary that was replaced a minute before': () =>
    explained(SINK, { history: [crash(SINK, 60, { ...EXIT(1), evidence: { ranMs: 2000, fileChangedMs: 61_000 } })] }),
  'a start limit': () =>
    explained(SINK, {
      status: status(SINK, {}, RESTARTS),
      history: [
        ...[62, 61, 60].flatMap((at) => [
          event('restart', SINK, at + 0.4),
          crash(SINK, at, { ...EXIT(1), willRestart: true }),
        ]),
        refused('start-limit-hit', 59),
        event('gave_up', SINK, 58.7, { result: 'exit-code' }),
      ],
    }),
  'a start limit, and another unit upholds it': () =>
    explained(SINK, {
      status: status(SINK, { triggers: [{ ...timer(null), unit: 'up.target' }] }, RESTARTS),
      history: [crash(SINK, 60, EXIT(1)), refused('start-limit-hit', 59)],
    }),
  'upheld by another unit': () =>
    explained(SINK, {
      status: status(SINK, { triggers: [{ ...timer(null), unit: 'up.target' }] }),
      history: [crash(SINK, 60, EXIT(1))],
    }),
  'a crash that Restart= does not cover': () =>
    explained(SINK, { status: status(SINK, {}, { restart: 'on-abnormal' }), history: [crash(SINK, 60, EXIT(1))] }),
  'a crash, and a timer starts it again': () =>
    explained(SINK, {
      status: status(SINK, { triggers: [timer(NOW.wallMs + 300_000)] }),
      history: [crash(SINK, 60, EXIT(1))],
    }),
  'a crash, and a socket starts it again': () =>
    explained(SINK, {
      status: status(SINK, { triggers: [{ ...timer(null), unit: 'sink.socket' }] }),
      history: [crash(SINK, 60, EXIT(1))],
    }),
  'systemd waits to restart it': () =>
    explained(SINK, {
      status: status(
        SINK,
        { activeState: 'activating', subState: 'auto-restart' },
        { ...RESTARTS, restartDelayMs: 90_000 },
      ),
      history: [crash(SINK, 60, { ...EXIT(1), willRestart: true })],
    }),
  'brought down by BindsTo=': () =>
    explained(SINK, {
      status: status(SINK, INACTIVE),
      history: [
        crash('broker.service', 60.02),
        stop(SINK, 60, { because: { unit: 'broker.service', relation: 'BindsTo' } }),
      ],
    }),
  'brought down by PartOf=, after a request of an operator': () =>
    explained(SINK, {
      status: status(SINK, INACTIVE),
      history: [
        stop(SINK, 60.02, { because: { unit: 'broker.service', relation: 'PartOf' } }),
        stop('broker.service', 60),
      ],
    }),
  'a conflict with a unit that was started': () =>
    explained(SINK, {
      status: status(SINK, INACTIVE),
      history: [stop(SINK, 60, { because: { unit: 'update.target', relation: 'Conflicts' } })],
    }),
  'a crash while it was stopped because of another unit': () =>
    explained(SINK, {
      history: [crash(SINK, 60, { ...EXIT(1), requested: true, because: { unit: 'b.service', relation: 'BindsTo' } })],
    }),
  'stopped by an operator': () =>
    explained(SINK, { status: status(SINK, { ...INACTIVE, fileState: 'disabled' }), history: [stop(SINK, 60)] }),
  'ended by itself': () =>
    explained(SINK, {
      status: status(SINK, INACTIVE),
      history: [stop(SINK, 60, { requested: false, exitCode: 0, signal: null })],
    }),
  'ended by SIGTERM, without a request': () =>
    explained(SINK, { status: status(SINK, INACTIVE), history: [stop(SINK, 60, { requested: false })] }),
  'close in time after another unit, without a proof': () =>
    explained(SINK, {
      history: [
        crash('broker.service', 60.4),
        crash(SINK, 60, { ...EXIT(1), after: { unit: 'broker.service', event: 'crash', ms: 400 } }),
      ],
    }),
  'a run whose end was not observed': () =>
    explained(SINK, { status: status(SINK, INACTIVE), history: [event('lost', SINK, 60)] }),
  'a run of an earlier boot': () =>
    explained(SINK, {
      status: status(SINK, RUNNING),
      event: event('lost', SINK, 60),
      history: [
        { ...event('start', SINK, 900), bootId: 'f'.repeat(32) },
        event('lost', SINK, 60),
        event('start', SINK, 59),
      ],
    }),
  'a crash storm, in which events are summarised': () =>
    explained(SINK, {
      unit: { ...newUnit(SINK), flapping: true },
      status: status(SINK, { activeState: 'activating', subState: 'auto-restart' }, RESTARTS),
      history: [
        event('flapping', SINK, 119, { flapping: true, crashesInWindow: 5, windowSeconds: 300 }),
        crash(SINK, 118, EXIT(1)),
        event('summary', SINK, 1, {
          counted: { starts: 600, stops: 0, crashes: 600, restarts: 600, lost: 0 },
          byResult: { 'exit-code': 600 },
          firstMs: NOW.wallMs - 61_000,
          lastMs: NOW.wallMs - 1000,
        }),
      ],
    }),
  'started at this moment': () =>
    explained(SINK, {
      status: status(SINK, { activeState: 'activating', subState: 'start-pre' }),
      history: [crash(SINK, 60, EXIT(1)), event('start', SINK, 1)],
    }),
  frozen: () => explained(SINK, { status: status(SINK, { ...RUNNING, frozen: true }) }),
  'healthy, with a crash in the past': () =>
    explained(SINK, {
      status: status(SINK, { ...RUNNING, changedAtMonoMs: NOW.monoMs - 3_500_000 }, RESTARTS),
      history: [crash(SINK, 3501, { ...EXIT(3), evidence: AFTER_ALL }), event('restart', SINK, 3500)],
    }),
  'healthy, never crashed': () =>
    explained(SINK, { status: status(SINK, RUNNING), history: [event('start', SINK, 60)] }),
  'healthy, and its crashes are no longer stored': () =>
    explained(SINK, { status: status(SINK, RUNNING), unit: COUNTED }),
  'healthy, not watched': () => explained(SINK, { status: status(SINK, RUNNING), unit: null }),
  'failed, not watched': () =>
    explained(SINK, { unit: null, status: status(SINK, { cause: { ...crash(SINK, 0), ...EXIT(203) } }) }),
  'failed before it was watched': () =>
    explained(SINK, { status: status(SINK, { cause: { ...crash(SINK, 0), ...EXIT(3) } }) }),
  'never started in this boot': () =>
    explained(SINK, { status: status(SINK, INACTIVE, { wasActive: false, conditionsMet: null }) }),
  'never started, a job waits': () =>
    explained(SINK, { status: status(SINK, INACTIVE, { wasActive: false, conditionsMet: null, hasJob: true }) }),
  'skipped by a condition': () =>
    explained(SINK, {
      status: status(SINK, INACTIVE, {
        wasActive: false,
        conditionsMet: false,
        conditions: [
          { setting: 'ConditionPathExists', parameter: '/etc/sink.conf', met: false },
          { setting: 'ConditionVirtualization', parameter: '!container', met: true },
        ],
      }),
    }),
  'skipped by a condition, over systemctl': () =>
    explained(SINK, { status: status(SINK, INACTIVE, { wasActive: false, conditionsMet: false }) }),
  'an assertion that is not met': () =>
    explained(SINK, {
      history: [refused('assert')],
      status: status(SINK, INACTIVE, {
        wasActive: false,
        assertsMet: false,
        conditions: [{ setting: 'AssertPathExists', parameter: '/data', met: false }],
      }),
    }),
  'a missing device': () =>
    explained(SINK, {
      history: [refused('dependency')],
      status: status(
        SINK,
        { ...INACTIVE, dependencies: { BindsTo: ['dev-ttyUSB0.device'] } },
        { wasActive: false, conditionsMet: null },
      ),
      needs: [{ relation: 'BindsTo', status: status('dev-ttyUSB0.device', DEVICE) }],
    }),
  'a mount without a unit, and a failed unit': () =>
    explained(SINK, {
      history: [refused('dependency')],
      status: status(
        SINK,
        { ...INACTIVE, dependencies: { Requires: ['data.mount', 'modem.service', 'idle.service'] } },
        { conditionsMet: null },
      ),
      needs: [
        { relation: 'Requires', status: status('data.mount', { ...INACTIVE, loadState: 'not-found' }) },
        { relation: 'Requires', status: status('modem.service') },
        { relation: 'Requires', status: status('idle.service', INACTIVE) },
      ],
    }),
  'a refused start with another result': () =>
    explained(SINK, { history: [refused('invalid')], status: status(SINK, INACTIVE) }),
  masked: () => explained(SINK, { status: status(SINK, { ...INACTIVE, loadState: 'masked' }) }),
  'masked while it runs': () => explained(SINK, { status: status(SINK, { ...RUNNING, loadState: 'masked' }) }),
  'not found': () =>
    explained(SINK, { status: status(SINK, { ...INACTIVE, loadState: 'not-found' }, { wasActive: false }) }),
  'an invalid unit file': () =>
    explained(SINK, {
      status: status(
        SINK,
        { ...INACTIVE, loadState: 'bad-setting' },
        { loadError: 'Unit sink.service has a bad unit file setting.' },
      ),
    }),
  'systemd cannot be reached': () => explained(SINK, { status: null, history: [crash(SINK, 60)] }),
  'the clock was not set': () => explained(SINK, { history: [crash(SINK, 60, { atMs: 60_000 })] }),
}

const UNRELATED = 'other.service'
const all = ({ sentences }: Explanation) => sentences.join('\n')

test.each([
  ['that crashed in the same instant', [crash(UNRELATED, 60)]],
  ['that was stopped just before', [stop(UNRELATED, 60.1)]],
  ['that started just before', [event('start', UNRELATED, 60.1)]],
  [
    'that an operator commanded just before',
    [event('command', UNRELATED, 60.1, { action: 'stop', outcome: 'done', via: 'http', who: 'ops' })],
  ],
])('another unit %s is in the timeline, but not in any sentence', (_, others) => {
  for (const end of [crash(SINK, 60), stop(SINK, 60), crash(SINK, 60, { ...EXIT(1), evidence: AFTER_ALL })]) {
    const explanation = explained(SINK, { history: [...others, end] })
    expect(all(explanation)).not.toContain(UNRELATED)
    expect(explanation.timeline.entries.map(({ service }) => service)).toEqual([UNRELATED, SINK])
  }
})

test('a command of gatewatch for the unit is not named as the reason of a stop', () => {
  const command = event('command', SINK, 59.9, { action: 'stop', outcome: 'done', via: 'http', who: 'ops' })
  expect(all(explained(SINK, { status: status(SINK, INACTIVE), history: [stop(SINK, 60), command] }))).not.toContain(
    'ops',
  )
})

test('what is close in time is never stated as the reason, and a proof never as a coincidence', () => {
  const after = { unit: UNRELATED, event: 'stop', ms: 1 } as const
  const close = explained(SINK, { history: [crash(SINK, 60, { after })] })
  expect(all(close)).toContain('nothing proves it')
  expect(all(close)).not.toMatch(/because of other|bound|part of/)
  const because = { unit: UNRELATED, relation: 'BindsTo' }
  expect(all(explained(SINK, { history: [stop(SINK, 60, { because })] }))).not.toContain('may be related')
  const both = all(
    explained(SINK, { history: [stop(SINK, 60, { because, after: { ...after, unit: 'third.service' } })] }),
  )
  expect(both).toContain('because of other.service')
  expect(both).toContain('third.service was stopped or ended 1 ms before. It may be related')
})

test('the needed units of a unit that runs are not read; of others at most eight, without slices', async () => {
  const read = async (unit: string) => (unit === '3.device' ? null : status(unit))
  const unitsOf = async (of: UnitStatus | null) =>
    (await readNeeds(of, read)).map((need) => `${need.relation} ${need.status.unit}`)
  const dependencies = { Requires: ['system.slice', 'a.service'], BindsTo: ['b.device'] }
  expect(await unitsOf(status(SINK, { ...RUNNING, dependencies }))).toEqual([])
  expect(await unitsOf(null)).toEqual([])
  expect(await unitsOf(status(SINK, { dependencies }))).toEqual(['BindsTo b.device', 'Requires a.service'])
  const many = { Requires: Array.from({ length: 9 }, (_, i) => `${i}.device`) }
  expect(await unitsOf(status(SINK, { dependencies: many }))).toHaveLength(7)
})

test('how the other unit ended is stated only of an end at that time', () => {
  const because = { unit: UNRELATED, relation: 'BindsTo' }
  const end = stop(SINK, 60, { because })
  expect(all(explained(SINK, { history: [crash(UNRELATED, 300), end] }))).not.toContain('SIGKILL')
  expect(all(explained(SINK, { history: [crash(UNRELATED, 300, EXIT(9)), end, crash(UNRELATED, 59)] }))).toContain(
    'SIGKILL',
  )
})

test('a needed unit that is inactive but can be started is not the reason', () => {
  const needs = [{ relation: 'Requires', status: status('idle.service', INACTIVE) } as const]
  const explanation = explained(SINK, {
    needs,
    status: status(SINK, { ...INACTIVE, dependencies: { Requires: ['idle.service'] } }),
    history: [event('start_refused', SINK, 60, { result: 'dependency' })],
  })
  expect(all(explanation)).not.toContain('idle.service')
})

test('an old start limit is not the reason of a later crash', () => {
  const history = [
    event('start_refused', SINK, 600, { result: 'start-limit-hit' }),
    event('start', SINK, 100),
    crash(SINK, 60, EXIT(1)),
  ]
  expect(all(explained(SINK, { history }))).not.toContain('start limit')
})

test('a failed unit whose restart may still be announced gets no forecast', () => {
  const just = status(SINK, { changedAtMonoMs: NOW.monoMs - 5 }, RESTARTS)
  expect(all(explained(SINK, { status: just, history: [crash(SINK, 0.01)] }))).not.toContain('will not restart')
})

test('the timeline is the last minute of this boot, without evidence, newest entries first kept', () => {
  const mine = crash(SINK, 10)
  const history = [
    crash(UNRELATED, 71),
    { ...crash(UNRELATED, 69), bootId: 'f'.repeat(32) },
    crash(UNRELATED, 69.5),
    event('evidence', UNRELATED, 69, { of: 1, evidence: {} }),
    mine,
    event('restart', SINK, 9),
  ]
  const { timeline } = explained(SINK, { history })
  expect(timeline).toEqual({
    leftOut: 0,
    entries: [
      {
        id: `${IDENTITY.stream}-993050`,
        timestamp: '2026-11-20T10:00:50.500Z',
        ms_before: 59_500,
        service: UNRELATED,
        event: 'crash',
        text: 'SIGKILL, will not restart (crash 4)',
      },
      expect.objectContaining({ id: `${IDENTITY.stream}-${mine.seq}`, ms_before: 0 }),
    ],
  })
  const storm = Array.from({ length: 100 }, (_, i) => crash(SINK, 30 - i / 10))
  const long = explained(SINK, { history: storm }).timeline
  expect([long.entries.length, long.leftOut, long.entries.at(-1)?.ms_before]).toEqual([30, 70, 0])
})

test.each([
  ['its evidence', event('evidence', SINK, 58, { of: crash(SINK, 60).seq, evidence: {} })],
  ['that systemd gave up', event('gave_up', SINK, 59.5, { result: 'signal' })],
])('an event that reports %s is explained by its crash', (_, asked) => {
  const history = [crash(SINK, 300, EXIT(3)), crash(SINK, 60), asked]
  expect(explained(SINK, { history, event: asked }).event).toEqual(history[1])
})

test('an earlier crash is explained without a forecast', () => {
  const earlier = crash(SINK, 300, { ...EXIT(3), willRestart: true })
  const history = [earlier, event('restart', SINK, 299), crash(SINK, 60)]
  const { sentences } = explained(SINK, { history, event: earlier })
  expect(sentences).toEqual([
    'sink.service crashed at 2026-11-20 09:57:00Z (5 min ago): its main process exited with code 3.',
    'Not known: why the program failed.',
    'It was restarted 1 s later.',
    'sink.service is failed (failed) since 2026-11-20 10:01:00Z (1 min ago).',
  ])
})

test('an event of another kind is described', () => {
  const start = event('start', SINK, 60)
  expect(explained(SINK, { history: [start], event: start }).sentences).toEqual([
    'start of sink.service at 2026-11-20 10:01:00Z (1 min ago): start 5.',
  ])
})

test('each situation has its explanation', async () => {
  const texts = Object.entries(CASES).map(([title, make]) => {
    const { sentences, frames } = make()
    return [`== ${title}`, ...sentences, ...frames.map((frame) => `  ${frame}`), ''].join('\n')
  })
  await expect(texts.join('\n')).toMatchFileSnapshot('explanations.txt')
})
