// `gave_up` is reported only if systemd has given up: not by settings from before a reload, not while something active starts the unit again.
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BINARY } from '../rig/gatewatch.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { type AgentOnSystemd, startAgentOnSystemd } from './agent-on-systemd.ts'

const SLEEPS = '[Service]\nExecStart=/bin/sleep 1000\n'
const FAILS = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/false\n'
const ALWAYS = '[Service]\nRestart=always\nRestartSec=100ms\n'
const UNITS = {
  reloaded: SLEEPS,
  'loaded-again': SLEEPS,
  unwatched: FAILS,
  backup: FAILS,
  once: FAILS,
  'on-path': FAILS,
  'on-socket': FAILS,
  held: FAILS,
  late: FAILS,
  later: FAILS,
}
const TRIGGERS = {
  'backup.timer': '[Timer]\nOnActiveSec=1\nOnUnitInactiveSec=30min\nAccuracySec=1us\n',
  'once.timer': '[Timer]\nOnActiveSec=0\nAccuracySec=1us\n',
  'on-path.path': '[Path]\nPathChanged=/run/changed\n',
  'on-socket.socket': '[Socket]\nListenStream=/run/on-socket.sock\nTriggerLimitBurst=3\nTriggerLimitIntervalSec=1h\n',
  'late.timer': '[Timer]\nOnActiveSec=0\nOnUnitInactiveSec=1h\nAccuracySec=1us\n',
  'other-name.timer': '[Timer]\nOnActiveSec=300ms\nOnUnitInactiveSec=1h\nAccuracySec=1us\nUnit=later.service\n',
  'held.target': '[Unit]\nUpholds=held.service\n',
}

describeUnless(noSystemd(), 'gave_up', () => {
  let on: AgentOnSystemd
  beforeAll(async () => {
    on = await startAgentOnSystemd({ ...UNITS, ...TRIGGERS }, Object.keys(UNITS), { bind: [dirname(BINARY)] })
  })
  afterAll(() => on?.end())

  /** Runs `gatewatch show` beside the systemd under test, where systemctl reaches it. */
  const show = (...args: string[]) => on.systemd.exec(process.execPath, BINARY, 'show', ...args)
  const metric = (unit: string) => on.agent.metric(`gatewatch_unit_gave_up{service="${unit}.service"}`)

  test('is reported for a unit that nothing starts again, and is not for its next run', async () => {
    await on.systemd.systemctl('start', 'unwatched')
    await on.event('unwatched', 'gave_up')
    expect(await metric('unwatched')).toBe(1)
    expect((await on.events('unwatched')).map((event) => event['event'])).toEqual(['start', 'crash', 'gave_up'])
  })

  describe('with settings that changed', () => {
    test('just before, by a drop-in and a daemon-reload, is not reported; the restart follows', async () => {
      const { systemd } = on
      await systemd.start('reloaded')
      systemd.writeUnit('reloaded.service.d/always.conf', ALWAYS)
      await systemd.daemonReload()
      await systemd.kill('reloaded')
      const crash = await on.event('reloaded', 'crash')
      await on.event('reloaded', 'restart')
      expect(crash['will_restart']).not.toBe(false)
      expect(await on.events('reloaded', 'gave_up')).toEqual([])
      // Once the settings are read, they decide again.
      await on.agent.getJson('/api/v1/status')
      systemd.writeUnit('reloaded.service.d/always.conf', '[Service]\nRestart=no\n')
      await systemd.daemonReload()
      await systemd.kill('reloaded')
      await on.event('reloaded', 'gave_up')
    })

    test('while systemd had unloaded the unit, without a daemon-reload, is not reported', async () => {
      const { systemd } = on
      await systemd.start('loaded-again')
      await systemd.stop('loaded-again')
      systemd.writeUnit('loaded-again.service.d/always.conf', ALWAYS)
      await systemd.start('loaded-again')
      expect(await systemd.show('loaded-again', 'Restart', 'NeedDaemonReload')).toEqual({
        Restart: 'always',
        NeedDaemonReload: 'no',
      })
      await systemd.kill('loaded-again')
      await on.event('loaded-again', 'restart')
      expect(await on.events('loaded-again', 'gave_up')).toEqual([])
    })
  })

  describe('of a unit that something starts', () => {
    /** The unit crashes `crashes` times while its trigger is active, and gave up once the trigger is not active any more. */
    const crashesThenGivesUp = async (unit: string, crashes: number, end: () => Promise<unknown>, before = 0) => {
      await on.event(unit, 'crash', crashes)
      // Longer than systemd's announcement of a restart is awaited (250 ms): the absence of an event has no other sign.
      await new Promise((resolve) => setTimeout(resolve, 400))
      expect(await on.events(unit, 'gave_up')).toHaveLength(before)
      expect(await metric(unit)).toBe(0)
      await end()
      await on.event(unit, 'gave_up', before + 1)
      expect((await on.unit(unit))['counters']).toMatchObject({ stops: 0, lost: 0 })
    }

    test('by a timer, is reported once the timer was stopped; show names what starts it and when', async () => {
      await on.systemd.start('backup.timer')
      await on.event('backup', 'crash')
      for (const backend of ['dbus', 'command']) {
        expect((await show('backup', '--backend', backend)).stdout).toMatch(
          /^ {2}Started by {4}backup\.timer \(active\), next in (29|30)m$/m,
        )
        const { triggered_by: triggers } = JSON.parse((await show('backup', '--backend', backend, '--json')).stdout)
        expect(triggers).toMatchObject([{ unit: 'backup.timer', active_state: 'active' }])
        expect((Date.parse(triggers[0].next) - Date.now()) / 60_000).toBeCloseTo(30, 0)
      }
      await crashesThenGivesUp('backup', 1, () => on.systemd.stop('backup.timer'))
      expect((await show('backup')).stdout).not.toContain('next in')
    })

    test('by a timer that has elapsed for good, is reported', async () => {
      await on.systemd.start('once.timer')
      await on.event('once', 'gave_up')
      expect(await on.systemd.show('once.timer', 'ActiveState', 'SubState')).toEqual({
        ActiveState: 'active',
        SubState: 'elapsed',
      })
    })

    test.each([
      { unit: 'late', timer: 'late.timer' },
      { unit: 'later', timer: 'other-name.timer' },
    ])(
      'by $timer, which was loaded after $unit had failed, is reported once the timer was stopped',
      async ({ unit, timer }) => {
        await on.systemd.systemctl('start', unit)
        await on.event(unit, 'gave_up')
        await on.systemd.start(timer)
        await crashesThenGivesUp(unit, 2, () => on.systemd.stop(timer), 1)
      },
    )

    test('by a path, is reported once the path was stopped', async () => {
      const { systemd } = on
      await systemd.start('on-path.path')
      const change = () => systemd.exec('touch', '/run/changed')
      await change()
      await on.event('on-path', 'crash')
      await change()
      await crashesThenGivesUp('on-path', 2, () => systemd.stop('on-path.path'))
    })

    test('by a socket, is reported once the socket failed by its own trigger limit', async () => {
      const { systemd } = on
      await systemd.start('on-socket.socket')
      const connect = () =>
        systemd.exec('python3', '-c', "import socket; socket.socket(socket.AF_UNIX).connect('/run/on-socket.sock')")
      await connect()
      await on.event('on-socket', 'crash')
      await on.event('on-socket', 'gave_up')
      expect((await systemd.show('on-socket.socket', 'Result'))['Result']).toBe('trigger-limit-hit')
    })

    test('by a target that upholds it, is reported once the target was stopped, also after systemd was executed again', async () => {
      const { systemd } = on
      await systemd.start('held.target')
      await on.event('held', 'crash', 3)
      await systemd.systemctl('daemon-reexec')
      await on.event('held', 'crash', 6)
      expect(await on.events('held', 'gave_up')).toEqual([])
      await systemd.stop('held.target')
      await on.event('held', 'gave_up')
    })
  })
})
