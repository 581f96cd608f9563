// Whatever arrives on our topics is taken in: it never throws, and nothing but a command of three words is obeyed.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { UnitCommand } from '../../src/core/command.ts'
import { createMqttCommands } from '../../src/mqtt/commands.ts'
import type { Connection } from '../../src/mqtt/connection/connection.ts'
import { createDiscovery } from '../../src/mqtt/homeassistant/discovery.ts'
import { configTopic } from '../../src/mqtt/homeassistant/payload.ts'
import { topicsOf } from '../../src/mqtt/topics.ts'
import { testClock } from '../rig/clock.ts'
import { IDENTITY } from './gateway.ts'

const topics = topicsOf('gatewatch', 'gw-7')
const silent = { pump: () => {}, refused: () => {}, log: () => {} }
const connection = { subscribe: () => {}, unsubscribe: () => {} } as unknown as Connection

const topic = fc.oneof(
  fc.constantFrom(configTopic('gw-7'), 'homeassistant/status', 'gatewatch/gw-7/unit/a.service/set'),
  fc.string().map((unit) => `gatewatch/gw-7/unit/${unit}/set`),
  fc.string(),
)
const payload = fc.oneof(fc.constantFrom('start', 'stop', 'restart', ''), fc.string(), fc.json())

it('takes in any message', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ topic, payload, retained: fc.boolean() })), (messages) => {
      const orders: UnitCommand[] = []
      const clock = testClock()
      const heard = createMqttCommands({
        ...{ ...silent, enabled: true, topics, identity: IDENTITY, clock },
        commands: { refusal: () => null, run: (order) => Promise.reject(new Error(`no ${orders.push(order)}`)) },
      })
      const discovery = createDiscovery({
        ...{ ...silent, enabled: true, gatewayId: 'gw-7', version: '0', topics, clock },
        units: () => ['a.service'],
      })
      discovery.up(connection, Infinity)
      for (const message of messages) {
        clock.skip(60_000)
        discovery.message(message.topic, message.payload, message.retained)
        heard.message(message.topic, message.payload, message.retained)
      }
      const obeyed = messages.filter(
        (m) => !m.retained && topics.unitSetOf(m.topic) !== null && /^(start|stop|restart)$/.test(m.payload),
      )
      expect(orders.length).toBeLessThanOrEqual(obeyed.length)
      expect(orders.every(({ via }) => via === 'mqtt')).toBe(true)
      for (let sending = discovery.next(); sending !== null; sending = discovery.next()) {
        JSON.parse(sending.payload)
        sending.settled(null)
      }
      for (let sending = heard.next(); sending !== null; sending = heard.next()) {
        expect(JSON.parse(sending.payload)).toMatchObject({ schema: 1, gateway_id: 'gw-7' })
        sending.settled(null)
      }
    }),
  )
})

it('answers again what was in flight when the connection ended', () => {
  const clock = testClock()
  const refuses = { refusal: () => 'no', run: () => Promise.reject(new Error('no')) }
  const orders = createMqttCommands({ ...silent, enabled: true, topics, identity: IDENTITY, clock, commands: refuses })
  orders.message(topics.unitSets.replace('+', 'a.service'), 'stop', false)
  const first = orders.next()
  expect(orders.next()).toBeNull()
  orders.down()
  expect(orders.next()?.payload).toBe(first?.payload)
})

it('leaves alone what no unit can be called', () => {
  const logged: string[] = []
  const clock = testClock()
  const refuses = { refusal: () => 'no', run: () => Promise.reject(new Error('no')) }
  const log = (_: string, text: string) => void logged.push(text)
  const orders = createMqttCommands({
    ...silent,
    log,
    enabled: true,
    topics,
    identity: IDENTITY,
    clock,
    commands: refuses,
  })
  for (const name of ['a.service\n[ERROR] forged', 'x'.repeat(256), '%2f', 'a b'])
    expect(orders.message(topics.unitSets.replace('+', name), 'stop', false)).toBe(true)
  expect([orders.next(), logged]).toEqual([null, []])
  orders.message(topics.unitSets.replace('+', 'a\\x2db@1.service'), 'stop', false)
  expect(logged).toEqual(['mqtt: command for a\\x2db@1.service refused: no'])
})
