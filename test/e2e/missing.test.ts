// Units that should run but are missing, and patterns that match none: each is shown with its reason.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

  test('and a pattern that matches none is in the log, in status and in check-config', async () => {
    await using systemd = await startSystemd()
    systemd.writeUnit('real.service', '[Service]\nExecStart=/bin/true\n[Install]\nAlias=alias-1.service\n')
    await systemd.daemonReload()
    await systemd.systemctl('enable', 'real.service')
    const services = ['real*', 'alias-*', 'no-such-*']
    const agent = await startGatewatch({ busAddress: systemd.busAddress, services })
    try {
      const unmatched = [
        { pattern: 'alias-*.service', reason: 'matches only aliases' },
        { pattern: 'no-such-*.service', reason: 'matches nothing' },
      ]
      expect(await agent.getJson('/api/v1/status')).toMatchObject({ unmatched_patterns: unmatched })
      const remarks = unmatched.map(({ pattern, reason }) => `${pattern}: ${reason}\n`)
      const { stdout } = gatewatch('status', '--socket', agent.socket)
      for (const remark of remarks) expect(stdout).toContain(remark)
      expect(agent.stderr().match(/.*watches no unit.*/g)).toHaveLength(2)

      const file = join(agent.directory, 'config.json')
      writeFileSync(file, '{}')
      const check = (bus: string) => gatewatch('check-config', file, '--bus', bus, '--services', ...services)
      const checked = check(systemd.busAddress)
      for (const remark of remarks) expect(checked.stderr).toContain(`warning: monitored_services: ${remark}`)
      const unchecked = check(`unix:path=${agent.directory}/no-bus`)
      expect(unchecked.stderr).not.toContain('warning')
      expect([checked.code, unchecked.code]).toEqual([0, 0])
    } finally {
      await agent.end('SIGKILL')
      removeDirectory(agent.directory)
    }
  })
})
