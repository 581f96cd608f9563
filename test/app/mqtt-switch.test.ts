// A reload of the MQTT configuration: the new sink continues what the agent had begun.
import { expect, it } from 'vitest'
import { createMqttSwitch, type MqttSwitchOptions } from '../../src/app/mqtt-switch.ts'
import type { Event } from '../../src/core/event.ts'
import { newState } from '../../src/core/state.ts'
import { loadText } from '../config/load-text.ts'
import { at } from '../core/step-driver.ts'
import { crashed } from '../mqtt/event.ts'
import { BUS_CONNECTED, clockOf, FLASH, IDENTITY, STREAM } from '../mqtt/gateway.ts'
import { startLink } from '../mqtt/link.ts'
import { seqsOf } from '../mqtt/received.ts'
import { SETTLE_SECONDS, settleClock } from '../mqtt/settle-clock.ts'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const configOf = async (url: string, settle: number) =>
  (await loadText(JSON.stringify({ mqtt: { enabled: true, url, settle } }))).config.mqtt

const state = newState(STREAM)

function options(
  rest: Pick<MqttSwitchOptions, 'clock'> & Partial<MqttSwitchOptions>,
  store: Pick<MqttSwitchOptions['store'], 'acknowledged' | 'acknowledge'> = {
    acknowledged: () => 0,
    acknowledge: () => {},
  },
): MqttSwitchOptions {
  const names = { published: () => [], publishAs: () => Promise.resolve(true) }
  const others = { commitForReader: () => {}, health: () => FLASH }
  return {
    enabled: () => true,
    history: () => [],
    store: { ...store, ...names, ...others } as unknown as MqttSwitchOptions['store'],
    identity: IDENTITY,
    version: '0.1.0',
    startedAtMs: () => 0,
    state: () => state,
    bus: () => BUS_CONNECTED,
    commands: { refusal: () => null, run: () => Promise.reject(new Error('none')) },
    pageUrl: () => null,
    statsEveryMs: () => 60_000,
    log: () => {},
    ...rest,
  }
}

describeUnless(missingPrograms(...MOSQUITTO), 'a reload of the MQTT configuration', () => {
  it('applies mqtt.settle, and the first connection of the new sink is not the first one of the agent', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/gw-7/event/+')
    await using link = await startLink(broker.port)
    const { clock, pass, holds } = settleClock()
    const history: Event[] = []
    let acknowledged = 0
    const store = {
      acknowledged: () => acknowledged,
      acknowledge: (seq: number) => {
        acknowledged = seq
      },
    }
    const mqtt = createMqttSwitch({ ...options({ clock }, store), history: () => history })
    const happen = (seq: number) => {
      history.push(crashed(seq))
      mqtt.accept({ before: state, after: state, events: [crashed(seq)], at: at(seq) })
    }
    const isConnected = () => mqtt.health()?.connected === true
    const arrived = (seqs: readonly number[]) =>
      until(() => seqsOf(subscriber), { what: `events ${seqs}`, is: (found) => `${found}` === `${seqs}` })

    await mqtt.use(await configOf(link.url, 0))
    await until(isConnected, { what: 'the connection' })
    await link.close()
    await mqtt.use(await configOf(link.url, SETTLE_SECONDS))
    happen(1)
    await link.open()
    await until(isConnected, { what: 'the second connection' })
    expect(holds()).toBe(1)
    expect(seqsOf(subscriber)).toEqual([])
    pass()
    await arrived([1])
    await until(() => acknowledged === 1, { what: 'the acknowledgement' })

    await link.close()
    await until(() => !isConnected(), { what: 'the loss' })
    happen(2)
    await mqtt.use(await configOf(link.url, 0))
    await link.open()
    await arrived([1, 2])
    expect(holds()).toBe(0)
    await mqtt.stop()
  })

  it('that changes nothing else brings Home Assistant up to date, on the same connection', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('homeassistant/#')
    let page = 'http://gw-7:9100/'
    const mqtt = createMqttSwitch(options({ clock: clockOf(20), pageUrl: () => page }))
    const { config } = await loadText(JSON.stringify({ mqtt: { enabled: true, url: broker.url, homeassistant: true } }))
    const latest = () => subscriber.received.at(-1)?.payload ?? ''
    const shown = async () => {
      await until(latest, { what: page, is: (payload) => payload.includes(`"cu":"${page}"`) })
    }
    await mqtt.use(config.mqtt)
    await shown()
    page = 'https://gw-7:9100/'
    await mqtt.use(config.mqtt)
    await shown()
    expect(mqtt.health()?.reconnects).toBe(0)
    await mqtt.stop()
  })
})
