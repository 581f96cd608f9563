// Commands over a real mosquitto: which are carried out, which are refused and why, and where the result is published.
import { expect, it } from 'vitest'
import { ControlError, type UnitCommand } from '../../src/core/command.ts'
import type { UnitCommands } from '../../src/ports.ts'
import { MOSQUITTO, type Mosquitto, type Subscriber, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'
import { startLink } from './link.ts'
import { connected, json } from './received.ts'

const UNIT = 'a.service'
const set = (unit: string) => `gatewatch/gw-7/unit/${unit}/set`

/** Carries out commands, a stop only after `finish`; only units with a name of one letter may be controlled. */
function createOperator() {
  const carriedOut: UnitCommand[] = []
  let finish = () => {}
  const commands: UnitCommands = {
    refusal: (unit) => (/^[a-z]\.service$/.test(unit) ? null : `${unit} may not be controlled`),
    async run(command) {
      carriedOut.push(command)
      if (command.action === 'stop') await new Promise<void>((resolve) => (finish = resolve))
      if (command.unit === 'b.service') throw new ControlError('masked', 'b.service is masked')
      return { outcome: 'done', cause: null }
    },
  }
  return { carriedOut, commands, finish: () => finish() }
}

/** CONNACK for an attempt with MQTT 5: unacceptable protocol version. */
const withoutMqtt5 = (first: Buffer) => (first[8] === 5 ? Buffer.from([0x20, 2, 0, 1]) : null)

async function results(subscriber: Subscriber, count: number): Promise<unknown[][]> {
  await until(() => subscriber.received.length >= count, { what: `${count} results` })
  return subscriber.received.map((message) => {
    const { service, command, outcome, reason } = json(message)
    expect(message).toMatchObject({ topic: `gatewatch/gw-7/unit/${service}/result`, retain: false })
    return [service, command, outcome, reason]
  })
}

/** A gateway that accepts commands, and a subscriber to the results. */
async function start(
  broker: Mosquitto,
  operator: ReturnType<typeof createOperator>,
  commands: boolean | 'force' = true,
  url = broker.url,
  brokerUnits: readonly string[] = [],
) {
  const subscriber = await broker.subscribe('gatewatch/gw-7/unit/+/result')
  const gateway = startGateway({
    config: { url, commands },
    units: [UNIT],
    commands: operator.commands,
    brokerUnits,
    speed: 0.01, // the rate limit must not recover during the test
  })
  await connected(gateway)
  if (commands) await until(() => broker.log().includes('unit/+/set (QoS 0)'), { what: 'its subscription' })
  return { subscriber, gateway }
}

describeUnless(missingPrograms(...MOSQUITTO), 'MQTT commands', () => {
  it('are carried out, and the result is published', async () => {
    await using broker = await startMosquitto()
    const operator = createOperator()
    const { subscriber, gateway } = await start(broker, operator)
    broker.publish(set(UNIT), 'restart')
    broker.publish(set('b.service'), 'start')
    expect(await results(subscriber, 2)).toEqual([
      [UNIT, 'restart', 'done', null],
      ['b.service', 'start', 'masked', 'b.service is masked'],
    ])
    expect(operator.carriedOut[0]).toEqual({ action: 'restart', unit: UNIT, via: 'mqtt', who: null })
    expect(json(subscriber.received[0])).toMatchObject({ schema: 1, gateway_id: 'gw-7' })
    await gateway.stop()
  })

  it('are refused with a reason when retained, malformed, too large, for another unit, or while another one is running', async () => {
    await using broker = await startMosquitto()
    broker.publish(set('b.service'), 'restart', '-r') // is not even received, because it is older than the subscription
    const operator = createOperator()
    const { subscriber, gateway } = await start(broker, operator)
    broker.publish(set(UNIT), 'stop', '-r')
    broker.publish(set(UNIT), '', '-r') // clears the retained message and is not a command
    broker.publish(set(UNIT), 'Stop')
    broker.publish(set(UNIT), 'x'.repeat(65))
    broker.publish(set('ssh.service'), 'stop')
    broker.publish(set(UNIT), 'stop')
    broker.publish(set(UNIT), 'start')
    expect(await results(subscriber, 5)).toEqual([
      [UNIT, 'stop', 'retained', 'retained messages are ignored; publish the command without retain'],
      [UNIT, null, 'malformed', 'the payload is not one of start, stop, restart'],
      [UNIT, null, 'too_large', 'the payload is longer than 64 characters'],
      ['ssh.service', 'stop', 'denied', 'ssh.service may not be controlled'],
      [UNIT, 'start', 'busy', 'the previous command is still being carried out'],
    ])
    expect(gateway.logged).toContain(
      'warning: mqtt: command for ssh.service refused: ssh.service may not be controlled',
    )
    operator.finish()
    await results(subscriber, 6)
    expect(operator.carriedOut.map(({ action }) => action)).toEqual(['stop'])
    await gateway.stop()
  })

  it('are refused if they would stop the broker itself, after which no command could arrive; a restart is carried out', async () => {
    await using broker = await startMosquitto()
    const operator = createOperator()
    const { subscriber, gateway } = await start(broker, operator, true, broker.url, ['m.service'])
    broker.publish(set('m.service'), 'stop')
    broker.publish(set('m.service'), 'restart')
    expect(await results(subscriber, 2)).toEqual([
      [
        'm.service',
        'stop',
        'denied',
        expect.stringMatching(/^m\.service runs the broker: after a stop, .*gatewatch stop/),
      ],
      ['m.service', 'restart', 'done', null],
    ])
    expect(operator.carriedOut.map(({ action }) => action)).toEqual(['restart'])
    await gateway.stop()
  })

  it('are refused when they come too often, with one result for all of them', async () => {
    await using broker = await startMosquitto()
    const operator = createOperator()
    const { subscriber, gateway } = await start(broker, operator)
    for (const letter of 'cdefghijklmnop') broker.publish(set(`${letter}.service`), 'restart')
    const published = await results(subscriber, 11)
    broker.publish('gatewatch/gw-7/unit/x/result', '{"service":"x"}')
    await until(() => json(subscriber.received.at(-1))['service'] === 'x', { what: 'the end' })
    expect(subscriber.received).toHaveLength(12)
    expect(published).toContainEqual([
      'm.service',
      'restart',
      'too_frequent',
      'command rate limit exceeded (at most 10 at once)',
    ])
    expect(operator.carriedOut.map(({ unit }) => unit[0]).join('')).toBe('cdefghijkl')
    await gateway.stop()
  })

  it('have their result published after a reconnection if they stopped the broker itself', async () => {
    await using broker = await startMosquitto()
    const operator = createOperator()
    const { subscriber, gateway } = await start(broker, operator)
    broker.publish(set(UNIT), 'stop')
    await until(() => operator.carriedOut.length === 1, { what: 'the command' })
    await broker.kill()
    await until(() => !gateway.sink.health().connected, { what: 'the loss' })
    operator.finish()
    await broker.start()
    await until(() => subscriber.subscriptions() === 2, { what: 'the subscriber to reconnect' })
    gateway.sink.brokerIsUp()
    expect(await results(subscriber, 1)).toEqual([[UNIT, 'stop', 'done', null]])
    await gateway.stop()
  })

  it('are not accepted over MQTT 3.1.1, which is shown', async () => {
    await using broker = await startMosquitto()
    await using link = await startLink(broker.port, withoutMqtt5)
    const operator = createOperator()
    await using gateway = startGateway({
      config: { url: link.url, commands: true },
      units: [UNIT],
      commands: operator.commands,
    })
    await connected(gateway)
    const { problem, note } = gateway.sink.health()
    expect(problem).toMatch(
      /^commands are not accepted: the broker does not support MQTT 5, and .*"force" accepts them$/,
    )
    expect(note).toBeNull()
    expect(gateway.logged).toContain(`warning: mqtt: ${problem}`)
    gateway.start(UNIT)
    await until(() => gateway.sink.health().eventsPublished === 1, { what: 'a later event' })
    expect(broker.log()).not.toContain('/set (QoS')
  })

  it('are accepted over MQTT 3.1.1 if forced, where only stored ones are known to be retained', async () => {
    await using broker = await startMosquitto()
    await using link = await startLink(broker.port, withoutMqtt5)
    broker.publish(set('b.service'), 'stop', '-r')
    const operator = createOperator()
    const { subscriber, gateway } = await start(broker, operator, 'force', link.url)
    broker.publish(set(UNIT), 'restart', '-r')
    expect((await results(subscriber, 2)).map(([unit, , outcome]) => [unit, outcome])).toEqual([
      ['b.service', 'retained'],
      [UNIT, 'done'],
    ])
    const { problem, note } = gateway.sink.health()
    expect(problem).toBeNull()
    expect(note).toMatch(/^commands are accepted, but over MQTT 3\.1\.1, a retained command .* and is run$/)
    await gateway.stop()
  })

  it('are ignored unless enabled', async () => {
    await using broker = await startMosquitto()
    const operator = createOperator()
    const { gateway } = await start(broker, operator, false)
    broker.publish(set(UNIT), 'restart')
    gateway.start(UNIT)
    await until(() => gateway.sink.health().eventsPublished === 1, { what: 'a later event' })
    expect(broker.log()).not.toContain('/set (QoS')
    expect(operator.carriedOut).toEqual([])
    await gateway.stop()
  })
})
