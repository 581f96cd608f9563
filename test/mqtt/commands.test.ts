// Commands at a real mosquitto: which are obeyed, which are refused and with which reason, and where the answer goes.
import { expect, it } from 'vitest'
import { ControlError, type UnitCommand } from '../../src/core/command.ts'
import type { UnitCommands } from '../../src/ports.ts'
import { MOSQUITTO, type Mosquitto, type Subscriber, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'
import { connected, json } from './heard.ts'

const UNIT = 'a.service'
const set = (unit: string) => `gatewatch/gw-7/unit/${unit}/set`

/** Carries out what it is told, a stop when it is let, and may control units of one letter only. */
function operator() {
  const orders: UnitCommand[] = []
  let let_ = () => {}
  const commands: UnitCommands = {
    refusal: (unit) => (/^[a-z]\.service$/.test(unit) ? null : `${unit} may not be controlled`),
    async run(order) {
      orders.push(order)
      if (order.action === 'stop') await new Promise<void>((resolve) => (let_ = resolve))
      if (order.unit === 'b.service') throw new ControlError('masked', 'b.service is masked')
      return { outcome: 'done', cause: null }
    },
  }
  return { orders, commands, finish: () => let_() }
}

async function answers(subscriber: Subscriber, count: number): Promise<unknown[]> {
  await until(() => subscriber.received.length >= count, { what: `${count} answers` })
  return subscriber.received.map((heard) => {
    const { service, command, outcome, reason } = json(heard)
    expect(heard).toMatchObject({ topic: `gatewatch/gw-7/unit/${service}/result`, retain: false })
    return [service, command, outcome, reason]
  })
}

/** A gateway that listens, and a subscriber to its answers. */
async function start(broker: Mosquitto, given: ReturnType<typeof operator>, commands = true) {
  const subscriber = await broker.subscribe('gatewatch/gw-7/unit/+/result')
  const gateway = startGateway({
    config: { url: broker.url, commands },
    units: [UNIT],
    commands: given.commands,
    speed: 0.01, // no new command may come by waiting
  })
  await connected(gateway)
  if (commands) await until(() => broker.log().includes('unit/+/set (QoS 0)'), { what: 'it to listen' })
  return { subscriber, gateway }
}

describeUnless(missingPrograms(...MOSQUITTO), 'MQTT commands', () => {
  it('are carried out, and answered with what became of them', async () => {
    await using broker = await startMosquitto()
    const given = operator()
    const { subscriber, gateway } = await start(broker, given)
    broker.publish(set(UNIT), 'restart')
    broker.publish(set('b.service'), 'start')
    expect(await answers(subscriber, 2)).toEqual([
      [UNIT, 'restart', 'done', null],
      ['b.service', 'start', 'masked', 'b.service is masked'],
    ])
    expect(given.orders[0]).toEqual({ action: 'restart', unit: UNIT, via: 'mqtt', who: null })
    expect(json(subscriber.received[0])).toMatchObject({ schema: 1, gateway_id: 'gw-7' })
    await gateway.stop()
  })

  it('are refused with a reason when retained, malformed, too large, for another unit, or one is under way', async () => {
    await using broker = await startMosquitto()
    broker.publish(set(UNIT), 'stop', '-r')
    const given = operator()
    const { subscriber, gateway } = await start(broker, given)
    await answers(subscriber, 1)
    broker.publish(set(UNIT), '', '-r') // clears it, and is no command
    broker.publish(set(UNIT), 'Stop')
    broker.publish(set(UNIT), 'x'.repeat(65))
    broker.publish(set('ssh.service'), 'stop')
    broker.publish(set(UNIT), 'stop')
    broker.publish(set(UNIT), 'start')
    expect(await answers(subscriber, 5)).toEqual([
      [UNIT, 'stop', 'retained', 'retained messages are ignored; publish the command without retain'],
      [UNIT, null, 'malformed', 'the payload is not one of start, stop, restart'],
      [UNIT, null, 'too_large', 'the payload is longer than 64 characters'],
      ['ssh.service', 'stop', 'denied', 'ssh.service may not be controlled'],
      [UNIT, 'start', 'busy', 'the previous command is still being carried out'],
    ])
    expect(gateway.logged).toContain(
      'warning: mqtt: command for ssh.service refused: ssh.service may not be controlled',
    )
    given.finish()
    await answers(subscriber, 6)
    expect(given.orders.map(({ action }) => action)).toEqual(['stop'])
    await gateway.stop()
  })

  it('are refused when they come too often, with one answer for all of them', async () => {
    await using broker = await startMosquitto()
    const given = operator()
    const { subscriber, gateway } = await start(broker, given)
    for (const letter of 'cdefghijklmnop') broker.publish(set(`${letter}.service`), 'restart')
    const told = await answers(subscriber, 11)
    broker.publish('gatewatch/gw-7/unit/x/result', '{"service":"x"}')
    await until(() => json(subscriber.received.at(-1))['service'] === 'x', { what: 'the end' })
    expect(subscriber.received).toHaveLength(12)
    expect(told).toContainEqual(['m.service', 'restart', 'too_frequent', 'more than 10 commands at once'])
    expect(given.orders.map(({ unit }) => unit[0]).join('')).toBe('cdefghijkl')
    await gateway.stop()
  })

  it('are answered after its return where the broker is what they ended', async () => {
    await using broker = await startMosquitto()
    const given = operator()
    const { subscriber, gateway } = await start(broker, given)
    broker.publish(set(UNIT), 'stop')
    await until(() => given.orders.length === 1, { what: 'the order' })
    await broker.kill()
    await until(() => !gateway.sink.health().connected, { what: 'the loss' })
    given.finish()
    await broker.start()
    await until(() => subscriber.subscriptions() === 2, { what: 'the subscriber to be back' })
    gateway.sink.brokerIsUp()
    expect(await answers(subscriber, 1)).toEqual([[UNIT, 'stop', 'done', null]])
    await gateway.stop()
  })

  it('are not heard unless switched on', async () => {
    await using broker = await startMosquitto()
    const given = operator()
    const { gateway } = await start(broker, given, false)
    broker.publish(set(UNIT), 'restart')
    gateway.start(UNIT)
    await until(() => gateway.sink.health().eventsPublished === 1, { what: 'what comes after it' })
    expect(broker.log()).not.toContain('/set (QoS')
    expect(given.orders).toEqual([])
    await gateway.stop()
  })
})
