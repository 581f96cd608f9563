// A crash remains a crash with its cause, whatever systemd resets while the run lasts: reset-failed, daemon-reload, daemon-reexec.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type AgentOnSystemd, startAgentOnSystemd } from './agent-on-systemd.ts'

/**
 * What each of these resets in mid-run, of all properties of a service, measured on systemd 252 while the main process
 * runs and while ExecStopPost= of a crash runs. The agent uses only Result and NRestarts of them.
 *
 * - reset-failed: Result (to success) and NRestarts (to 0), and the count of starts for the start limit.
 * - daemon-reload: pid, times and status inside ExecStart, ExecStopPost, ... (not ExecMain*), and the order of
 *   dependencies. For a unit that never ran, StateChangeTimestamp is set.
 * - daemon-reexec: the order of dependencies; systemd leaves the bus for a moment and joins it under another name.
 */
const RESETS = ['reset-failed', 'daemon-reload', 'daemon-reexec']

/** Runs until `touch /run/NAME.end`; ExecStopPost= runs until `touch /run/NAME.gone`. */
const CRASHER = `[Service]
ExecStart=/bin/sh -c 'until [ -e /run/%N.end ]; do sleep 0.02; done; exit 7'
ExecStopPost=/bin/sh -c 'until [ -e /run/%N.gone ]; do sleep 0.02; done'
`
const UNITS = ['running', 'stop-post'].flatMap((when) =>
  RESETS.map((reset) => ({ when, reset, unit: `${when}-${reset}` })),
)

describeUnless(noSystemd(), 'the Result of a run', () => {
  let on: AgentOnSystemd
  beforeAll(async () => {
    on = await startAgentOnSystemd({
      ...Object.fromEntries(UNITS.map(({ unit }) => [unit, CRASHER])),
      read: CRASHER,
      'no-main': CRASHER.replace('[Service]', '[Service]\nExecStartPre=/bin/false'),
    })
  })
  afterAll(() => on?.end())

  test.each(UNITS)('is that of the crash after $reset while the unit is $when', async ({ unit, when, reset }) => {
    const { systemd, agent } = on
    await systemd.start(unit)
    if (when === 'stop-post') {
      await systemd.exec('touch', `/run/${unit}.end`)
      await on.subState(unit, 'stop-post')
    }
    expect((await systemd.systemctl(reset)).code).toBe(0)
    if (reset === 'daemon-reexec') {
      const connected = async () => ((await agent.getJson('/api/v1/status'))['bus'] as { connected: boolean }).connected
      await until(connected, { what: 'the connection to systemd' })
    }
    await systemd.exec('touch', `/run/${unit}.end`, `/run/${unit}.gone`)
    const crash = await on.event(unit, 'crash')
    expect(crash).toMatchObject({ result: 'exit-code', exit_code: 7, requested: false })
    expect(await on.unit(unit)).toMatchObject({
      counters: { starts: 1, stops: 0, crashes: 1, restarts: 0, lost: 0 },
      failures: { 'exit-code': { unrequested: 1, requested: 0 } },
    })
  })

  test('is that of the crash if the agent reads the unit between reset-failed and its end', async () => {
    const { systemd } = on
    await systemd.start('read')
    await systemd.exec('touch', '/run/read.end')
    await on.subState('read', 'stop-post')
    expect((await systemd.systemctl('reset-failed')).code).toBe(0)
    await on.readAgain()
    await systemd.exec('touch', '/run/read.gone')
    expect(await on.event('read', 'crash')).toMatchObject({ result: 'exit-code', exit_code: 7, requested: false })
  })

  test('is that of a failed ExecStartPre=, which has no exit code, after reset-failed during ExecStopPost=', async () => {
    const { systemd } = on
    await systemd.systemctl('start', '--no-block', 'no-main')
    await on.subState('no-main', 'stop-post')
    expect((await systemd.systemctl('reset-failed')).code).toBe(0)
    await systemd.exec('touch', '/run/no-main.gone')
    const crash = await on.event('no-main', 'crash')
    expect(crash).toMatchObject({ result: 'exit-code', exit_code: null, signal: null, requested: false })
  })
})
