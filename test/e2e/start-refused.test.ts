// Starts that never became a run: each is an event with its reason, and is counted by reason, also after a restart of the agent.
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gatewatch, startGatewatch } from '../rig/gatewatch.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type AgentOnSystemd, startAgentOnSystemd } from './agent-on-systemd.ts'

const RUNS = '[Service]\nExecStart=/bin/sleep 1000\n'
const FAMILY = 'gatewatch_unit_start_jobs_failed_total'
/** After this time without a job that took over, a canceled job is reported (250 ms). The absence of an event has no other sign. */
const NO_EVENT_AFTER_MS = 500
const waiting = (more = '') => `[Unit]\nRequires=slow.service\nAfter=slow.service\n${more}${RUNS}`
const UNITS = {
  'no-device': `[Unit]\nBindsTo=dev-none.device\nAfter=dev-none.device\n${RUNS}`,
  'needs-failing': `[Unit]\nRequires=failing.service\nAfter=failing.service\n${RUNS}`,
  asserts: `[Unit]\nAssertPathExists=/nowhere\n${RUNS}`,
  unmet: `[Unit]\nConditionPathExists=/nowhere\n${RUNS}`,
  limited: '[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n[Service]\nType=oneshot\nExecStart=/bin/false\n',
  'waits-long': waiting('JobTimeoutSec=300ms\n'),
  stopped: waiting(),
  canceled: waiting(),
  runs: RUNS,
}
const OTHERS = {
  failing: '[Service]\nType=oneshot\nExecStart=/bin/false\n',
  slow: '[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n',
}

describeUnless(noSystemd(), 'a start that never became a run', () => {
  let on: AgentOnSystemd
  beforeAll(async () => {
    on = await startAgentOnSystemd({ ...UNITS, ...OTHERS }, [...Object.keys(UNITS), 'alias'])
  })
  afterAll(() => on?.end())

  const start = (...units: string[]) => on.systemd.systemctl('start', ...units)
  const counted = async (unit: string, agent: Gatewatch = on.agent) => {
    const start = `${FAMILY}{service="${unit}.service",result="`
    const lines = (await agent.get('/metrics')).body.split('\n').filter((line) => line.startsWith(start))
    return Object.fromEntries(lines.map((line) => line.slice(start.length).split('"} ')))
  }
  /** The metrics show what is on flash, which is written a little later. */
  const becomesCounted = (unit: string, expected: Record<string, string>, agent?: Gatewatch) =>
    until(() => counted(unit, agent), {
      what: `the failed start jobs of ${unit} to be ${JSON.stringify(expected)}`,
      is: (counts) => isDeepStrictEqual(counts, expected),
      everyMs: 100,
    })
  const NONE = { dependency: '0' }
  const noRuns = { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 }

  test.each([
    { unit: 'needs-failing', result: 'dependency' },
    { unit: 'asserts', result: 'assert' },
  ])('because of a failed $result is counted each time', async ({ unit, result }) => {
    expect(await counted(unit)).toEqual(NONE)
    expect((await start(unit)).code).not.toBe(0)
    expect(await on.event(unit, 'start_refused')).toMatchObject({ result, counters: noRuns })
    await start(unit)
    await on.event(unit, 'start_refused', 2)
    await becomesCounted(unit, { ...NONE, [result]: '2' })
    expect(await on.unit(unit)).toMatchObject({ counters: noRuns, start_jobs_failed: { [result]: 2 }, running: false })
  })

  test('is also counted for a watched alias of the unit', async () => {
    await on.systemd.exec('ln', '-s', 'asserts.service', '/etc/systemd/system/alias.service')
    await on.systemd.daemonReload()
    const isLoaded = async () => (await on.unit('alias'))['load_state'] === 'loaded'
    await until(isLoaded, { what: 'the alias to be read' })
    await start('alias')
    expect(await on.event('alias', 'start_refused')).toMatchObject({ result: 'assert' })
    await becomesCounted('alias', { ...NONE, assert: '1' })
  })

  test('because a device is absent is counted', async () => {
    expect((await start('no-device')).code).not.toBe(0)
    expect(await on.event('no-device', 'start_refused')).toMatchObject({ result: 'dependency' })
    await becomesCounted('no-device', { dependency: '1' })
  })

  test('because of the start limit is counted as start-limit-hit; the runs before it are runs', async () => {
    for (let i = 0; i < 3; i++) await start('limited')
    expect(await on.event('limited', 'start_refused')).toMatchObject({ result: 'start-limit-hit' })
    await becomesCounted('limited', { ...NONE, 'start-limit-hit': '1' })
    expect((await on.unit('limited'))['counters']).toEqual({ ...noRuns, starts: 2, crashes: 2 })
  })

  test('because its job timed out while a dependency started is counted', async () => {
    await start('waits-long')
    expect(await on.event('waits-long', 'start_refused')).toMatchObject({ result: 'timeout' })
    await becomesCounted('waits-long', { ...NONE, timeout: '1' })
  })

  test('because its job was canceled is an event, and is not counted', async () => {
    const { systemd } = on
    await start('--no-block', 'canceled')
    await systemd.systemctl('cancel', await jobOf('canceled'))
    expect(await on.event('canceled', 'start_refused')).toMatchObject({ result: 'canceled' })
    expect((await on.unit('canceled'))['start_jobs_failed']).toEqual({})
  })

  test('because it was stopped, or because its condition is not met, is neither; nor is a run', async () => {
    const { systemd } = on
    await start('--no-block', 'stopped')
    await jobOf('stopped')
    await systemd.stop('stopped')
    await start('unmet', 'runs')
    await on.event('runs', 'start')
    await systemd.stop('runs')
    await on.event('runs', 'stop')
    await new Promise((resolve) => setTimeout(resolve, NO_EVENT_AFTER_MS))
    for (const unit of ['stopped', 'unmet', 'runs']) {
      expect(await on.events(unit, 'start_refused')).toEqual([])
      expect((await on.unit(unit))['start_jobs_failed']).toEqual({})
    }
  })

  test('stays counted after a restart of the agent', async () => {
    expect(await on.agent.end('SIGKILL')).toBe(128 + 9)
    const { busAddress } = on.systemd
    const { directory } = on.agent
    const agent = await startGatewatch({ busAddress, services: Object.keys(UNITS), directory })
    try {
      await becomesCounted('needs-failing', { dependency: '2' }, agent)
      await becomesCounted('limited', { ...NONE, 'start-limit-hit': '1' }, agent)
      await start('needs-failing')
      await becomesCounted('needs-failing', { dependency: '3' }, agent)
    } finally {
      await agent.end('SIGKILL')
    }
  })

  /** The id of the unit's job, which waits for another one. */
  const jobOf = async (unit: string) => {
    const job = async () => (await on.systemd.show(unit, 'Job'))['Job'] ?? '0'
    return until(job, { what: `the job of ${unit}`, is: (id) => id !== '0' })
  }
})
