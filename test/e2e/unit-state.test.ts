// The state of a unit is what systemd reports: of an instance found while it starts, of a masked unit, of one that never ran, of a frozen one.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { gatewatch } from '../rig/gatewatch.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type AgentOnSystemd, startAgentOnSystemd } from './agent-on-systemd.ts'

const SLEEPS = '[Service]\nExecStart=/bin/sleep 1000\n'
const UNITS = {
  'plain@': SLEEPS,
  hidden: SLEEPS,
  broken: SLEEPS,
  ice: SLEEPS,
  // Both are loaded at boot. The condition of the first one is not met, the second one runs once.
  unmet: `[Unit]\nConditionPathExists=/nowhere\n${SLEEPS}[Install]\nWantedBy=rig.target\n`,
  done: '[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=rig.target\n',
}

describeUnless(noSystemd(), 'the state', () => {
  let on: AgentOnSystemd
  beforeAll(async () => {
    const services = ['plain@*', 'hidden', 'broken', 'ice', 'unmet', 'done']
    on = await startAgentOnSystemd(UNITS, services, { cgroup: 'unified' }) // systemctl freeze needs control groups v2
  })
  afterAll(() => on?.end())

  /** All series of the unit that depend on its state. */
  const series = async (unit: string) => {
    const wanted =
      /^(systemd_service_state|gatewatch_unit_(?:running|loaded|missing|frozen))\{service="([^"]*)".*\} (.*)$/
    const lines = (await on.agent.get('/metrics')).body.split('\n').flatMap((line) => {
      const [, family, service, value] = wanted.exec(line) ?? []
      return service === `${unit}.service` ? [[family, Number(value)]] : []
    })
    return Object.fromEntries(lines) as Record<string, number>
  }
  const RUNS = { systemd_service_state: 1, gatewatch_unit_running: 1, gatewatch_unit_loaded: 1 }
  const becomes = (unit: string, expected: Json, timeoutMs = 10_000) =>
    until(() => on.unit(unit), {
      what: `${unit} to be ${JSON.stringify(expected)}`,
      is: (json) => Object.entries(expected).every(([key, value]) => json[key] === value),
      timeoutMs,
    })

  test.each([
    { name: 'plain@a', query: 'systemctl is-active plain@a || systemctl start plain@a' },
    { name: 'plain@b', query: 'systemctl status plain@b; sleep 2; systemctl start plain@b' },
  ])(
    'of $name, which was queried before its start, is shown long before the next resync: $query',
    async ({ name, query }) => {
      await on.systemd.exec('sh', '-c', query)
      const shown = await becomes(name, { active_state: 'active', load_state: 'loaded' })
      expect(shown).toMatchObject({ sub_state: 'running', running: true, missing: null })
      expect(await series(name)).toEqual(RUNS)
      expect((await on.events(name)).map((event) => event['event'])).toEqual(['start', 'unit_appeared'])
    },
  )

  test('of a running unit that was masked is active; it is unloaded once it was stopped', async () => {
    const { systemd } = on
    await systemd.start('hidden')
    await systemd.exec('sh', '-c', `rm /etc/systemd/system/hidden.service; systemctl mask hidden`)
    const shown = await becomes('hidden', { load_state: 'masked' })
    expect(shown).toMatchObject({ active_state: 'active', sub_state: 'running', running: true, missing: null })
    expect(await series('hidden')).toEqual({ ...RUNS, gatewatch_unit_loaded: 0 })
    await systemd.stop('hidden')
    await becomes('hidden', { active_state: 'unloaded', load_state: 'masked', running: false, missing: 'masked' })
    expect(await series('hidden')).toMatchObject({ systemd_service_state: -2, gatewatch_unit_missing: 1 })
  })

  test('of a running unit whose file became invalid is active', async () => {
    const { systemd } = on
    await systemd.start('broken')
    systemd.writeUnit('broken.service', '[Service]\nType=simple\n')
    await systemd.daemonReload()
    const shown = await becomes('broken', { load_state: 'bad-setting' })
    expect(shown).toMatchObject({ active_state: 'active', running: true, missing: null })
    expect(await series('broken')).toEqual({ ...RUNS, gatewatch_unit_loaded: 0 })
  })

  test('of an enabled unit that never ran is never-started after two daemon-reloads, and not that of a unit that ran', async () => {
    const { systemd, agent } = on
    await systemd.systemctl('enable', 'unmet', 'done')
    await systemd.systemctl('start', 'unmet', 'done')
    await on.event('done', 'stop')
    await systemd.daemonReload()
    await systemd.daemonReload()
    // A unit that systemd keeps loaded has this time after a reload, although its state never changed.
    const times = await systemd.show('unmet', 'StateChangeTimestampMonotonic', 'InactiveExitTimestampMonotonic')
    expect(Number(times['StateChangeTimestampMonotonic'])).toBeGreaterThan(0)
    expect(times['InactiveExitTimestampMonotonic']).toBe('0')
    await on.readAgain()
    expect(await on.unit('unmet')).toMatchObject({ active_state: 'inactive', missing: 'never-started' })
    expect(await on.unit('done')).toMatchObject({ active_state: 'inactive', missing: null })
    expect((await series('unmet'))['gatewatch_unit_missing']).toBe(1)
    expect(gatewatch('status', '--socket', agent.socket).stdout).toMatch(/^ *unmet +never-started/m)
  })

  test('of a frozen unit is shown until it is thawed', async () => {
    const { systemd, agent } = on
    await systemd.start('ice')
    await becomes('ice', { active_state: 'active', frozen: false })
    expect((await series('ice'))['gatewatch_unit_frozen']).toBeUndefined()
    expect((await systemd.systemctl('freeze', 'ice')).stderr).toBe('')
    await becomes('ice', { active_state: 'active', frozen: true }, 45_000) // systemd 252 sends no signal
    expect(await series('ice')).toEqual({ ...RUNS, gatewatch_unit_frozen: 1 })
    const show = ['show', 'ice', '--bus', systemd.busAddress, '--backend', 'dbus', '--socket', agent.socket]
    expect(gatewatch(...show).stdout).toMatch(/^ {2}Frozen {8}yes/m)
    expect(gatewatch('status', '--socket', agent.socket).stdout).toContain('frozen')
    await systemd.systemctl('thaw', 'ice')
    await becomes('ice', { active_state: 'active', frozen: false }, 45_000)
    expect(await series('ice')).toEqual(RUNS)
    expect(gatewatch(...show).stdout).not.toContain('Frozen')
  }, 120_000) // two checks of the freezer, 30 s apart, and what came before
})
