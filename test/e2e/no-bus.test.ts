// A bus that is away for more than 30 s: every view reports unknown states, not the last known ones, until it is back.
import { expect, test } from 'vitest'
import { gatewatch } from '../rig/gatewatch.ts'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { useRunningUnit } from './running-unit.ts'

const STATE_TOPIC = 'gatewatch/gw-7/unit/runs.service/state'
const AGENT_TOPIC = 'gatewatch/gw-7/agent'

describeUnless(noSystemd() ?? missingPrograms(...MOSQUITTO), 'a bus that is away', () => {
  const { systemd, start } = useRunningUnit()

  test('for more than 30 s makes every state unknown, without a write to flash or a log line per unit', async () => {
    await using broker = await startMosquitto()
    const args = ['--gateway-id', 'gw-7', '--mqtt', broker.url]
    const agent = await start({ args, env: { GATEWATCH_FLUSH_INTERVAL: '1' } })
    const retained = async (topic: string) => JSON.parse((await broker.retained(topic))[topic] ?? '{}')
    const views = async () => {
      const [unit, { bus }] = await Promise.all([retained(STATE_TOPIC), retained(AGENT_TOPIC)])
      const api = await agent.getJson('/api/v1/units/runs.service')
      return {
        metrics: {
          state: await agent.metric('systemd_service_state{service="runs.service"}'),
          running: await agent.metric('gatewatch_unit_running{service="runs.service"}'),
          loaded: await agent.metric('gatewatch_unit_loaded{service="runs.service"}'),
          starts: await agent.metric('systemd_service_starts_total{service="runs.service"}'),
        },
        api: [api['active_state'], api['running'], api['gave_up'], api['flapping'], api['load_state']],
        status: gatewatch('status', '--socket', agent.socket).stdout.match(/^runs +(\S+)/m)?.[1],
        mqtt: [unit.active_state, unit.running, unit.gave_up, unit.flapping, unit.load_state],
        bus: bus?.connected,
      }
    }
    const running = {
      metrics: { state: 1, running: 1, loaded: 1, starts: 1 },
      api: ['active', true, false, false, 'loaded'],
      status: 'active',
      mqtt: ['active', true, false, false, 'loaded'],
      bus: true,
    }
    const isRunning = (seen: object) => JSON.stringify(seen) === JSON.stringify(running)
    await until(views, { what: 'the running unit in every view', is: isRunning })

    await systemd().systemctl('stop', 'dbus.socket', 'dbus.service')
    const awayAtMs = performance.now()
    await until(() => retained(AGENT_TOPIC), {
      what: 'the loss of the bus in the status of the agent',
      is: ({ bus }) => bus.connected === false && typeof bus.problem === 'string',
    })
    const commits = await agent.metric('gatewatch_flash_commits_total')
    expect(await views()).toEqual({ ...running, bus: false })

    const unknown = ['unknown', null, null, null, null]
    await until(() => agent.metric('systemd_service_state{service="runs.service"}'), {
      what: '-99',
      is: (state) => state === -99,
      timeoutMs: 45_000,
    })
    expect(performance.now() - awayAtMs).toBeGreaterThan(29_000)
    await until(() => retained(STATE_TOPIC), { what: 'unknown over MQTT', is: (unit) => unit.running === null })
    expect(await views()).toEqual({
      metrics: { state: -99, running: undefined, loaded: undefined, starts: 1 },
      api: unknown,
      status: 'unknown',
      mqtt: unknown,
      bus: false,
    })
    expect(await broker.retained('gatewatch/gw-7/availability')).toEqual({ 'gatewatch/gw-7/availability': 'online' })
    expect(await agent.metric('gatewatch_flash_commits_total')).toBe(commits)
    expect(agent.stderr()).not.toContain('-> unknown')

    await systemd().systemctl('start', 'dbus.socket', 'dbus.service')
    await until(views, { what: 'the running unit in every view', is: isRunning, timeoutMs: 60_000 })
    expect(await agent.events()).toHaveLength(1)
  })
})
