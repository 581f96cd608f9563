// Any message on the subscribed topics is accepted without an exception, and only the three commands are carried out.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { UnitCommand } from '../../src/core/command.ts'
import { createMqttCommands } from '../../src/mqtt/commands.ts'
import type { Connection } from '../../src/mqtt/connection/connection.ts'
import { createDiscovery } from '../../src/mqtt/homeassistant/discovery.ts'
import { configTopics } from '../../src/mqtt/homeassistant/message.ts'
import { topicsOf } from '../../src/mqtt/topics.ts'
import { testClock } from '../rig/clock.ts'
import { IDENTITY } from './gateway.ts'

const topics = topicsOf('gatewatch', 'gw-7')
const silent = { pump: () => {}, log: () => {}, brokerUnits: [] }
const nothing = {
  linkTopic: null,
  pageUrl: () => null,
  payloadAtMost: () => Infinity,
  started: () => {},
  buttons: () => [],
  random: () => 0,
}
const connection = { version: 5, subscribe: () => {}, unsubscribe: () => {} } as unknown as Connection

const topic = fc.oneof(
  fc.constantFrom(
    configTopics('homeassistant', 'gw-7').first,
    'homeassistant/status',
    'gatewatch/gw-7/unit/a.service/set',
  ),
  fc.string().map((unit) => `gatewatch/gw-7/unit/${unit}/set`),
  fc.string(),
)
const payload = fc.oneof(fc.constantFrom('start', 'stop', 'restart', ''), fc.string(), fc.json())

it('accepts any message', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ topic, payload, retained: fc.boolean() })), (messages) => {
      const carriedOut: UnitCommand[] = []
      const clock = testClock()
      const commands = createMqttCommands({
        ...{ ...silent, accept: true, topics, identity: IDENTITY, clock },
        commands: {
          refusal: () => null,
          run: (command) => Promise.reject(new Error(`no ${carriedOut.push(command)}`)),
        },
      })
      const discovery = createDiscovery({
        ...{
          ...silent,
          ...nothing,
          enabled: true,
          prefix: 'homeassistant',
          ...IDENTITY,
          version: '0',
          topics,
          clock,
        },
        units: () => ['a.service'],
      })
      discovery.up(connection)
      commands.up(connection)
      for (const message of messages) {
        clock.skip(60_000)
        discovery.message(message.topic, message.payload, message.retained)
        commands.message(message.topic, message.payload, message.retained)
      }
      const accepted = messages.filter(
        (m) => !m.retained && topics.unitSetOf(m.topic) !== null && /^(start|stop|restart)$/.test(m.payload),
      )
      expect(carriedOut.length).toBeLessThanOrEqual(accepted.length)
      expect(carriedOut.every(({ via }) => via === 'mqtt')).toBe(true)
      for (let outgoing = discovery.next(); outgoing !== null; outgoing = discovery.next()) {
        JSON.parse(outgoing.payload)
        outgoing.settled(null)
      }
      for (let outgoing = commands.next(); outgoing !== null; outgoing = commands.next()) {
        expect(JSON.parse(outgoing.payload)).toMatchObject({ schema: 1, gateway_id: 'gw-7' })
        outgoing.settled(null)
      }
    }),
  )
})

it('publishes a result again that was in flight when the connection ended', () => {
  const clock = testClock()
  const refuses = { refusal: () => 'no', run: () => Promise.reject(new Error('no')) }
  const commands = createMqttCommands({
    ...silent,
    accept: true,
    topics,
    identity: IDENTITY,
    clock,
    commands: refuses,
  })
  commands.up(connection)
  commands.message(topics.unitSets.replace('+', 'a.service'), 'stop', false)
  const first = commands.next()
  expect(commands.next()).toBeNull()
  commands.down()
  expect(commands.next()?.payload).toBe(first?.payload)
})

it('ignores names that no unit can have', () => {
  const logged: string[] = []
  const clock = testClock()
  const refuses = { refusal: () => 'no', run: () => Promise.reject(new Error('no')) }
  const log = (_: string, text: string) => void logged.push(text)
  const commands = createMqttCommands({
    ...silent,
    log,
    accept: true,
    topics,
    identity: IDENTITY,
    clock,
    commands: refuses,
  })
  commands.up(connection)
  for (const name of ['a.service\n[ERROR] forged', 'x'.repeat(256), '%2f', 'a b'])
    expect(commands.message(topics.unitSets.replace('+', name), 'stop', false)).toBe(true)
  expect([commands.next(), logged]).toEqual([null, []])
  commands.message(topics.unitSets.replace('+', 'a\\x2db@1.service'), 'stop', false)
  expect(logged).toEqual(['mqtt: command for a\\x2db@1.service refused: no'])
})

it.each([
  [false, 5],
  [true, 4],
] as const)('ignores commands that a broker sends although they are not accepted (%s, MQTT %i)', (accept, version) => {
  const carriedOut: UnitCommand[] = []
  const run = (command: UnitCommand) => Promise.reject(new Error(`no ${carriedOut.push(command)}`))
  const commands = createMqttCommands({
    ...silent,
    accept,
    topics,
    identity: IDENTITY,
    clock: testClock(),
    commands: { refusal: () => null, run },
  })
  commands.up({ ...connection, version })
  expect(commands.message(topics.unitSets.replace('+', 'a.service'), 'stop', false)).toBe(true)
  expect([carriedOut, commands.next()]).toEqual([[], null])
})
