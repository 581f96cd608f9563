// `requested` is true only if a stop or restart of the unit was requested: a queued start job does not show that.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type AgentOnSystemd, startAgentOnSystemd } from './agent-on-systemd.ts'

/** A service that is started only once its shell has set the trap. */
const trapping = (trap: string, more = '') => `[Service]
${more}ExecStart=/bin/sh -c 'trap "${trap}" TERM; echo > /run/%N.up; while :; do sleep 0.05; done'
ExecStartPost=/bin/sh -c 'until [ -e /run/%N.up ]; do sleep 0.02; done'
`
/** Ends with this exit code; its ExecStopPost= runs until `touch /run/NAME.gone`. */
const endsInPost = (code: number) => `[Service]
ExecStart=/bin/sh -c 'sleep 0.1; exit ${code}'
ExecStopPost=/bin/sh -c 'until [ -e /run/%N.gone ]; do sleep 0.02; done'
`
const UNITS = {
  upheld: "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c 'sleep 0.4; exit 4'\n",
  crashed: endsInPost(3),
  failed: endsInPost(3),
  finished: endsInPost(0),
  stopped: trapping('exit 1'),
  restarted: trapping('exit 1'),
  stubborn: trapping('', 'TimeoutStopSec=300ms\n'),
  first: "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'until [ -e /run/%N.up ]; do sleep 0.02; done'\n",
  waits: '[Unit]\nAfter=first.service\n[Service]\nExecStart=/bin/sleep infinity\n',
  activating: '[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n',
  remains: '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/false\n',
}

describeUnless(noSystemd(), 'requested', () => {
  let on: AgentOnSystemd
  beforeAll(async () => {
    on = await startAgentOnSystemd(UNITS)
    on.systemd.writeUnit('holder.target', '[Unit]\nUpholds=upheld.service\n')
    await on.systemd.daemonReload()
  })
  afterAll(() => on?.end())

  const running = (unit: string) =>
    until(() => on.unit(unit), { what: `the run of ${unit}`, is: (json) => json['running'] === true })
  const failures = async (unit: string) => (await on.unit(unit))['failures']

  test('is false for each crash of a unit that Upholds= starts again, and the unit flaps', async () => {
    await on.systemd.start('holder.target')
    await on.event('upheld', 'crash', 5)
    const { flapping, gave_up } = await on.unit('upheld')
    await on.systemd.stop('holder.target')
    await until(() => on.unit('upheld'), { what: 'the last run to end', is: (json) => json['running'] === false })
    const crashes = await on.events('upheld', 'crash')
    expect(crashes.map((event) => event['requested'])).toEqual(crashes.map(() => false))
    expect({ flapping, gave_up }).toEqual({ flapping: true, gave_up: false })
    expect(await failures('upheld')).toEqual({ 'exit-code': { unrequested: crashes.length, requested: 0 } })
    const [flap] = await on.events('upheld', 'flapping')
    expect(flap).toMatchObject({ flapping: true, crashes_in_window: 5 })
  })

  test.each([
    { unit: 'crashed', action: 'start', event: 'crash', exitCode: 3 },
    { unit: 'failed', action: 'restart', event: 'crash', exitCode: 3 },
    { unit: 'finished', action: 'start', event: 'stop', exitCode: 0 },
  ])('is false if ExecStopPost= of the $event of $unit runs during its $action', async (row) => {
    const { unit, action, event, exitCode } = row
    const { systemd } = on
    await systemd.start(unit)
    await on.subState(unit, 'stop-post')
    await systemd.systemctl(action, '--no-block', unit)
    const job = async () => (await systemd.show(unit, 'Job'))['Job']
    await until(job, { what: 'the job', is: (id) => id !== undefined && id !== '0' })
    await systemd.exec('touch', `/run/${unit}.gone`)
    await on.event(unit, event, 2)
    const ends = (await on.events(unit, event)).map((end) => [end['requested'], end['exit_code']])
    expect(ends).toEqual([
      [false, exitCode],
      [false, exitCode],
    ])
    // The second run is a restart only under a restart job.
    expect(await on.events(unit, 'restart')).toHaveLength(action === 'restart' ? 1 : 0)
  })

  test('a start job that waits for another unit starts a unit that was killed meanwhile, and does not restart it', async () => {
    const { systemd } = on
    await systemd.start('waits')
    await systemd.systemctl('start', '--no-block', 'first')
    await systemd.systemctl('start', '--no-block', 'waits')
    await until(() => systemd.show('waits', 'Job'), {
      what: 'the job',
      is: ({ Job }) => Job !== undefined && Job !== '0',
    })
    await systemd.kill('waits')
    await on.event('waits', 'crash')
    await systemd.exec('touch', '/run/first.up')
    await on.event('waits', 'start', 2)
    expect(await on.events('waits', 'restart')).toEqual([])
  })

  test.each([
    { unit: 'stopped', action: 'stop', end: { result: 'exit-code', exit_code: 1 } },
    { unit: 'stubborn', action: 'stop', end: { result: 'timeout', signal: 'SIGKILL' } },
    { unit: 'activating', action: 'stop', end: { result: 'signal', signal: 'SIGTERM' } },
    { unit: 'restarted', action: 'restart', end: { result: 'exit-code', exit_code: 1 } },
    { unit: 'remains', action: 'stop', end: { result: 'exit-code' } },
  ])('is true for $unit, which fails on $action', async ({ unit, action, end }) => {
    const { systemd } = on
    await systemd.systemctl('start', ...(unit === 'activating' ? ['--no-block'] : []), unit)
    await running(unit)
    await systemd.systemctl(action, unit)
    const crash: Json = await on.event(unit, 'crash')
    expect(crash).toMatchObject({ ...end, requested: true })
    expect(await failures(unit)).toEqual({ [end.result]: { unrequested: 0, requested: 1 } })
    if (action === 'restart') await on.event(unit, 'restart')
    expect(await on.events(unit, 'gave_up')).toEqual([])
  })
})
