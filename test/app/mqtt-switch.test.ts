// A reload of the MQTT configuration: the new sink continues what the agent had begun.
import { expect, it } from 'vitest'
import { createMqttSwitch, type MqttSwitchOptions } from '../../src/app/mqtt-switch.ts'
import type { Event } from '../../src/core/event.ts'
import { newState } from '../../src/core/state.ts'
import { loadText } from '../config/load-text.ts'
import { at } from '../core/step-driver.ts'
import { crashed } from '../mqtt/event.ts'
import { BUS_CONNECTED, FLASH, IDENTITY, STREAM } from '../mqtt/gateway.ts'
import { startLink } from '../mqtt/link.ts'
import { seqsOf } from '../mqtt/received.ts'
import { SETTLE_SECONDS, settleClock } from '../mqtt/settle-clock.ts'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const configOf = async (url: string, settle: number) =>
  (await loadText(JSON.stringify({ mqtt: { enabled: true, url, settle } }))).config.mqtt

describeUnless(missingPrograms(...MOSQUITTO), 'a reload of the MQTT configuration', () => {
  it('applies mqtt.settle, and the first connection of the new sink is not the first one of the agent', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/gw-7/event/+')
    await using link = await startLink(broker.port)
    const { clock, pass, holds } = settleClock()
    const state = newState(STREAM)
    const history: Event[] = []
    let acknowledged = 0
    const store = {
      acknowledged: () => acknowledged,
      acknowledge: (seq: number) => {
        acknowledged = seq
      },
      commitForReader: () => {},
      health: () => FLASH,
    }
    const mqtt = createMqttSwitch({
      enabled: () => true,
      history: () => history,
      store: store as unknown as MqttSwitchOptions['store'],
      identity: IDENTITY,
      version: '0.1.0',
      startedAtMs: () => 0,
      state: () => state,
      bus: () => BUS_CONNECTED,
      commands: { refusal: () => null, run: () => Promise.reject(new Error('none')) },
      statsEveryMs: () => 60_000,
      clock,
      log: () => {},
    })
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
})
