// What is shown about messages and subscriptions that the broker refuses, and for how long.
import { type AddressInfo, createServer } from 'node:net'
import { Aedes } from 'aedes'
import { expect, onTestFinished, test } from 'vitest'
import type { Connection } from '../../src/mqtt/connection/connection.ts'
import { createRefusedTopics } from '../../src/mqtt/refused-topics.ts'
import { topicsOf } from '../../src/mqtt/topics.ts'
import { testClock } from '../rig/clock.ts'
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'
import { drained } from './received.ts'

const TOPICS = topicsOf('gatewatch', 'gw-7')
const STATE = TOPICS.unitState('a.service')
const CRASH = TOPICS.event('crash')

function create() {
  const clock = testClock()
  const logged: string[] = []
  return {
    clock,
    logged,
    refused: createRefusedTopics(TOPICS, ['thinedge'], clock, (_, text) => void logged.push(text)),
  }
}

test.each([
  [STATE, 'state'],
  [CRASH, 'event'],
  [TOPICS.unitResult('a.service'), 'event'],
  [TOPICS.agent, 'agent'],
  [TOPICS.availability, 'agent'],
  ['homeassistant/device/gatewatch-gw-7/config', 'discovery'],
  ['te/device/main/service/a/status/health', 'thinedge'],
] as const)('a message on %s is of the kind %s', (topic, kind) => {
  expect(TOPICS.kindOf(topic)).toBe(kind)
})

test('refusals are counted by kind, and each kind is logged once', () => {
  const { refused, logged } = create()
  for (let i = 0; i < 3; i++) refused.note(STATE, 'Not authorized')
  refused.note(CRASH, 'Not authorized')
  expect(refused.counts()).toEqual({ state: 3, event: 1, agent: 0, discovery: 0, thinedge: 0, subscribe: 0 })
  expect(refused.problem()).toBe(`the broker refuses ${STATE}: Not authorized; it also refuses: event`)
  expect([...refused.kinds()]).toEqual(['state', 'event'])
  expect(logged).toEqual([
    `mqtt: the broker refuses ${STATE}: Not authorized`,
    `mqtt: the broker refuses ${CRASH}: Not authorized`,
  ])
})

test('a refusal is shown for 20 minutes, or until a message on its topic is acknowledged', () => {
  const { refused, clock } = create()
  refused.note(STATE, 'Not authorized')
  refused.note(CRASH, 'Not authorized')
  refused.accepted(TOPICS.agent)
  refused.accepted(STATE)
  expect(refused.problem()).toBe(`the broker refuses ${CRASH}: Not authorized`)
  clock.advance(20 * 60_000 - 1)
  expect(refused.problem()).not.toBeNull()
  clock.advance(1)
  expect(refused.problem()).toBeNull()
  expect(refused.counts()).toMatchObject({ state: 1, event: 1 })
})

test('a refused subscription is shown until the next connection, whatever is published on the topic', () => {
  const { refused, clock } = create()
  const granted: boolean[] = []
  const subscribe: Connection['subscribe'] = (filter, done) => done(filter !== CRASH)
  const connection = refused.watchSubscriptions({ subscribe } as Connection)
  for (const filter of [STATE, CRASH]) connection.subscribe(filter, (isGranted) => void granted.push(isGranted))
  expect(granted).toEqual([true, false])
  refused.accepted(CRASH)
  clock.advance(86_400_000)
  expect(refused.problem()).toBe(`the broker refuses ${CRASH}: subscription denied`)
  expect(refused.counts()).toMatchObject({ subscribe: 1, event: 0 })
  refused.clear()
  expect(refused.problem()).toBeNull()
})

test('a refused subscription of a feature that is off is not shown', () => {
  const { refused, logged } = create()
  const connection = refused.watchSubscriptions({ subscribe: (_, done) => done(false) } as Connection)
  connection.subscribe('te/device/main/service/+/status/health', () => {})
  expect([refused.problem(), refused.counts().subscribe, logged]).toEqual([null, 0, []])
  connection.subscribe('homeassistant/device/gatewatch-gw-7/config', () => {})
  expect(refused.counts().subscribe).toBe(1)
})

test('a message that is published in a shorter form is counted and logged once, but is not a problem', () => {
  const { refused, logged } = create()
  for (let i = 0; i < 2; i++) refused.shortened(CRASH, 'Packet too large')
  expect(refused.problem()).toBeNull()
  expect(refused.counts().event).toBe(2)
  expect(logged).toEqual([`mqtt: ${CRASH}: Packet too large; it is published without journal lines`])
})

test('the number of remembered topics is limited; each refusal is counted', () => {
  const { refused } = create()
  for (let i = 0; i < 1000; i++) refused.note(TOPICS.unitState(`u${i}.service`), 'Not authorized')
  for (let i = 0; i < 200; i++) refused.accepted(TOPICS.unitState(`u${i}.service`))
  expect([refused.problem(), refused.counts().state]).toEqual([null, 1000])
})

test('a broker that denies the topics of Home Assistant and thin-edge.io is not a problem for an agent that does not use them', async () => {
  const denied: string[] = []
  const broker = await Aedes.createBroker({
    authorizeSubscribe(_client, subscription, done) {
      const isOurs = subscription.topic.startsWith('gatewatch/')
      if (!isOurs) denied.push(subscription.topic)
      done(null, isOurs ? subscription : null)
    },
  })
  const server = createServer(broker.handle)
  onTestFinished(() => {
    server.close()
    broker.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`
  const start = (thinedge: boolean) => startGateway({ config: { url, thinedge }, units: ['a.service'] })
  const isDenied = () => ['homeassistant/', 'te/'].every((root) => denied.some((topic) => topic.startsWith(root)))
  const without = start(false)
  await until(isDenied, { what: 'the denied subscriptions' })
  await drained(without)
  expect(without.sink.health()).toMatchObject({ problem: null, refused: { subscribe: 0 } })
  await without.stop()
  await using user = start(true)
  await until(() => user.sink.health().refused.subscribe, { what: 'three filters', is: (count) => count === 3 })
})
