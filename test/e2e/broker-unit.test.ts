// The broker as a watched unit: its own crash reaches its subscribers, and it transports commands for units.
import { expect, test } from 'vitest'
import { subscribeQuickly } from '../mqtt/quick-subscriber.ts'
import { MOSQUITTO } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type BrokerUnit, killBrokerUnit, startBrokerUnit, UNIT } from './broker-unit.ts'

const lastCommit = async ({ agent }: BrokerUnit) =>
  String(((await agent.getJson('/api/v1/status')) as { state: { last_commit: string } }).state.last_commit)

describeUnless(noSystemd() ?? missingPrograms(...MOSQUITTO), 'the broker as a watched unit', () => {
  test('its crash is on flash before it restarts, and is then published with cause and time, when ordinary subscribers are back', async () => {
    await using gateway = await startBrokerUnit(3, { GATEWATCH_MQTT_SETTLE: '8' })
    await using ordinary = await subscribeQuickly(gateway.url, 'gatewatch/gw-7/event/crash', undefined, 1000)
    const committed = await lastCommit(gateway)
    const { crash, backAtMs } = await killBrokerUnit(gateway)
    expect(crash).toMatchObject({ service: UNIT, signal: 'SIGKILL', result: 'signal', replayed: true })
    expect(Date.parse(crash.timestamp)).toBeLessThan(backAtMs)
    expect(await lastCommit(gateway)).not.toBe(committed)
    expect(Date.parse(await lastCommit(gateway))).toBeLessThan(backAtMs)
    await until(() => ordinary.received.length, { what: 'the crash at a subscriber without a session' })
    expect(JSON.parse(ordinary.received[0]?.payload ?? '{}').id).toBe(crash.id)
    expect(gateway.agent.stderr()).toMatch(/mqtt: connection lost .*\n[\s\S]*mqtt: reconnected after \d+ s/)
  })

  test('a command over MQTT restarts a unit, and is an event; a stop of the broker itself is refused', async () => {
    const env = {
      GATEWATCH_MQTT_COMMANDS: 'true',
      GATEWATCH_CONTROL_ENABLED: 'true',
      GATEWATCH_CONTROL_UNITS: `a.service,${UNIT}`,
      GATEWATCH_MQTT_HOMEASSISTANT: 'true',
      GATEWATCH_MQTT_DISCOVERY_PREFIX: 'gatewatch/home', // which the subscriber receives
    }
    await using gateway = await startBrokerUnit(3, env)
    const { subscriber } = gateway
    const received = (end: string) =>
      subscriber.received.filter(({ topic }) => topic.endsWith(end)).map(({ payload }) => JSON.parse(payload))
    await subscriber.publish('gatewatch/gw-7/unit/a.service/set', 'restart')
    await until(() => received('/result').length, { what: 'the result', timeoutMs: 30_000 })
    await until(() => received('/event/command').length, { what: 'the event' })
    expect(received('/result')).toMatchObject([
      { service: 'a.service', command: 'restart', outcome: 'done', reason: null },
    ])
    expect(received('/event/command')).toMatchObject([
      { service: 'a.service', action: 'restart', outcome: 'done', via: 'mqtt', who: null },
    ])
    await until(() => received('/event/restart').length, { what: 'the restart' })
    expect(received('/event/stop')).toMatchObject([{ service: 'a.service', requested: true }])

    await subscriber.publish(`gatewatch/gw-7/unit/${UNIT}/set`, 'stop')
    await until(() => received('/result').length === 2, { what: 'the refusal' })
    expect(received('/result')[1]).toMatchObject({
      ...{ service: UNIT, command: 'stop', outcome: 'denied' },
      reason: expect.stringMatching(/^mosquitto.service runs the broker/),
    })
    expect((await gateway.systemd.show(UNIT, 'ActiveState'))['ActiveState']).toBe('active')

    await until(() => received('/config').length, { what: "Home Assistant's device" })
    const buttons = Object.keys(received('/config')[0].cmps).filter((id) => /_(start|stop|restart)$/.test(id))
    expect(buttons.toSorted()).toEqual([
      ...['a.service_restart', 'a.service_start', 'a.service_stop'],
      ...[`${UNIT}_restart`, `${UNIT}_start`],
    ])
  })
})
