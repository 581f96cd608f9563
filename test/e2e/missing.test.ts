// Units that should run but are missing: the metrics and `gatewatch status` show each with its reason.
import { expect, test } from 'vitest'
import { gatewatch, removeDirectory, startGatewatch } from '../rig/gatewatch.ts'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

describeUnless(noSystemd(), 'a missing unit', () => {
  test('is shown with its reason: no file, masked, a bad file, or enabled but never started', async () => {
    await using systemd = await startSystemd()
    const install = '[Install]\nWantedBy=multi-user.target\n'
    systemd.writeUnit('bad.service', '[Service]\nType=simple\n')
    systemd.writeUnit('idle.service', '[Service]\nExecStart=/bin/true\n')
    systemd.writeUnit(
      'late.service',
      `[Unit]\nConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/true\n${install}`,
    )
    await systemd.daemonReload()
    await systemd.systemctl('mask', 'hidden.service')
    await systemd.systemctl('enable', 'late.service')
    await systemd.systemctl('start', 'late.service') // its condition is not met, so there is no run
    const services = ['gone', 'hidden', 'bad', 'late', 'idle']
    const agent = await startGatewatch({ busAddress: systemd.busAddress, services })
    try {
      const missing = async () =>
        (await agent.get('/metrics')).body.split('\n').filter((line) => line.startsWith('gatewatch_unit_missing{'))
      const series = (service: string, reason: string) =>
        `gatewatch_unit_missing{service="${service}.service",reason="${reason}"} 1`
      expect(await missing()).toEqual([
        series('gone', 'not-found'),
        series('hidden', 'masked'),
        series('bad', 'bad-setting'),
        series('late', 'never-started'),
      ])
      const { stdout } = gatewatch('status', '--socket', agent.socket)
      const states = stdout.split('\n').flatMap((line) => {
        const [unit = '', state = ''] = line.trim().split(/\s+/)
        return services.includes(unit) ? [`${unit} ${state}`] : []
      })
      expect(states).toEqual([
        'gone not-found',
        'hidden masked',
        'bad bad-setting',
        'late never-started',
        'idle inactive',
      ])
      expect(stdout).toContain("late: enabled, but not started since boot; see 'systemctl status late'")

      systemd.writeUnit('late.service', `[Service]\nExecStart=/bin/true\n${install}`)
      systemd.writeUnit('bad.service', '[Service]\nExecStart=/bin/true\n')
      await systemd.daemonReload()
      await systemd.start('late.service')
      await until(missing, { what: 'two of them to be available', is: (lines) => lines.length === 2 })
    } finally {
      await agent.end('SIGKILL')
      removeDirectory(agent.directory)
    }
  })
})
