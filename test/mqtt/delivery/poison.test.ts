// The search for a message that makes the broker end the connection: what is proof, what is not, and what it may cost.
import { expect, test } from 'vitest'
import type { MessageToSend } from '../../../src/mqtt/delivery/message-limits.ts'
import { createPoison, type Poison } from '../../../src/mqtt/delivery/poison.ts'

const CRASH = 'gatewatch/gw-7/event/crash'
const STATE = 'gatewatch/gw-7/unit/a.service/state'

function message(bytes: number, topic = CRASH, canShorten = false): MessageToSend {
  return { topic, payload: 'x'.repeat(bytes), retain: false, canShorten }
}

/** A broker for the search: it acknowledges every message, except that `isPoison` ones end the connection. */
function simulation(isPoison: (message: MessageToSend) => boolean) {
  const logged: string[] = []
  let nowMs = 0
  let run = 'first'
  let connections = 0
  const poison = createPoison({
    maxMessageBytes: null,
    settleMs: 0,
    brokerRun: () => run,
    log: (_, text) => void logged.push(text),
  })
  const connect = () => {
    nowMs += 1000
    connections += 1
    poison.connected(Infinity, nowMs)
  }
  connect()
  return {
    poison,
    logged,
    connections: () => connections,
    restartBroker: () => {
      run = `${run} again`
    },
    /** The broker is away for a while, so that an attempt to connect fails. */
    outage: () => poison.unreachable(),
    wait: (ms: number) => {
      nowMs += ms
    },
    connect,
    /** Publishes the messages until the connection ends or all are done; returns what was not published, and why. */
    publish(messages: readonly MessageToSend[], endsAfterMs = 5): readonly (string | null)[] | 'ended' {
      const results: (string | null)[] = []
      const searching = poison.searching(nowMs)
      for (const [i, one] of messages.entries()) {
        const refusal = poison.refusal(one)
        results.push(refusal?.why ?? null)
        if (refusal !== null) continue
        if (isPoison(one)) {
          nowMs += endsAfterMs
          // without a search, up to 16 messages are in flight, and perhaps none is acknowledged
          poison.ended(searching ? one : messages[Math.max(0, i - 3)], endsAfterMs, nowMs, true)
          return 'ended'
        }
        poison.settled(one, null)
      }
      return results
    },
  }
}

type Simulation = ReturnType<typeof simulation>

/** Connects and publishes until one connection does not end. */
function publishUntilDone(broker: Simulation, messages: readonly MessageToSend[]) {
  for (let tries = 0; tries < 50; tries++) {
    const results = broker.publish(messages)
    if (results !== 'ended') return results
    broker.connect()
  }
  throw new Error('the broker ended 50 connections')
}

const tooLarge = ({ payload }: MessageToSend) => payload.length > 4096

test('a message that ends two connections, and three alone, is not published again', () => {
  const broker = simulation(tooLarge)
  const results = publishUntilDone(broker, [message(600, STATE), message(7000), message(700)])
  expect(results).toEqual([null, 'the message is larger than it accepts', null])
  expect(broker.connections()).toBe(6)
  expect(broker.logged).toHaveLength(1)
})

test('the next message of that size costs no connection, and neither does a smaller one that can be shortened', () => {
  const broker = simulation(tooLarge)
  publishUntilDone(broker, [message(600), message(7000)])
  const before = broker.connections()
  expect(publishUntilDone(broker, [message(7000), message(9000, STATE), message(5000, CRASH, true)])).toEqual(
    Array(3).fill('the message is larger than it accepts'),
  )
  expect(broker.connections()).toBe(before)
  expect(broker.poison.refusal(message(600, CRASH, true))).toBeNull()
})

test('a connection that ends more than 2 s after the message was sent proves nothing', () => {
  const broker = simulation(tooLarge)
  for (let i = 0; i < 20; i++) {
    expect(broker.publish([message(7000)], 2001)).toBe('ended')
    broker.connect()
  }
  expect(broker.poison.refusal(message(7000))).toBeNull()
})

test('a connection that ends while the broker was down, or was restarted, proves nothing', () => {
  for (const between of ['outage', 'restartBroker'] as const) {
    const broker = simulation(tooLarge)
    for (let i = 0; i < 20; i++) {
      expect(broker.publish([message(7000)])).toBe('ended')
      broker[between]()
      broker.connect()
    }
    expect(broker.poison.refusal(message(7000))).toBeNull()
  }
})

test('a message that is acknowledged in between is not the reason', () => {
  const broker = simulation(tooLarge)
  for (let i = 0; i < 4; i++) {
    broker.publish([message(7000)])
    broker.connect()
  }
  expect(broker.poison.searching(0)).toBe(true)
  broker.poison.settled(message(7000), null)
  broker.publish([message(7000)])
  broker.connect()
  expect(broker.poison.refusal(message(7000))).toBeNull()
})

test('ends that have a reason, or without a message in flight, prove nothing', () => {
  const { poison } = simulation(tooLarge)
  for (let i = 0; i < 10; i++) {
    poison.ended(message(7000), 5, 0, false)
    poison.connected(Infinity, 0)
    poison.ended(undefined, 5, 0, true)
    poison.connected(Infinity, 0)
  }
  expect(poison.searching(0)).toBe(false)
  expect(poison.refusal(message(7000))).toBeNull()
})

test('a search ends when the connection lasts a minute', () => {
  const { poison } = simulation(tooLarge)
  for (let i = 0; i < 2; i++) {
    poison.ended(message(7000), 5, 1000, true)
    poison.connected(Infinity, 1000)
  }
  expect([poison.searching(60_999), poison.searching(61_000), poison.searching(1000)]).toEqual([true, false, false])
})

test('a small message that ends the connection is refused by its topic: others of its size are published', () => {
  const broker = simulation(({ topic }) => topic === STATE)
  expect(publishUntilDone(broker, [message(600, STATE), message(700), message(7000)])).toEqual([
    'it ends the connection each time',
    null,
    null,
  ])
})

test('however many messages the broker does not accept, they cost a dozen connections in all', () => {
  const topics = Array.from({ length: 30 }, (_, i) => `gatewatch/gw-7/unit/u${i}.service/state`)
  const broker = simulation(({ topic }) => topic.includes('/unit/'))
  const messages = [
    message(6, 'gatewatch/gw-7/availability'),
    ...topics.map((topic) => message(600, topic)),
    message(600),
  ]
  const results = publishUntilDone(broker, messages)
  expect(results.slice(1, -1).every((why) => why !== null)).toBe(true)
  expect(broker.connections()).toBeLessThanOrEqual(13)
  expect(broker.logged.at(-1)).toContain('only messages like those that it has acknowledged are published')
  expect(results[0]).toBeNull()
})

test('a broker that accepts nothing at all costs a dozen connections, too', () => {
  const broker = simulation(() => true)
  const states = Array.from({ length: 5 }, (_, i) => message(600, `gatewatch/gw-7/unit/u${i}.service/state`))
  const results = publishUntilDone(broker, [...states, message(6, 'gatewatch/gw-7/availability')])
  expect(results.every((why) => why !== null)).toBe(true)
  expect(broker.connections()).toBeLessThanOrEqual(13)
})

test('ever smaller messages that are too large cost a dozen connections in all', () => {
  const broker = simulation(tooLarge)
  publishUntilDone(broker, [message(600), message(600, STATE)])
  for (let bytes = 9000; bytes > 4096; bytes -= 100) publishUntilDone(broker, [message(600), message(bytes, STATE)])
  expect(broker.connections()).toBeLessThanOrEqual(13)
  expect(publishUntilDone(broker, [message(600), message(600, STATE)])).toEqual([null, null])
})

function limitsOf(maxMessageBytes: number | null, packetBytes = Infinity): Poison {
  const poison = createPoison({ maxMessageBytes, settleMs: 0, brokerRun: () => '', log: () => {} })
  poison.connected(packetBytes, 0)
  return poison
}

test('mqtt.max_message_bytes is the largest payload', () => {
  const poison = limitsOf(4096)
  expect(poison.refusal(message(4096))).toBeNull()
  expect(poison.refusal(message(4097))).toEqual({
    why: 'the message is larger than mqtt.max_message_bytes',
    tooLarge: true,
  })
})

test('the limit that the broker states counts the whole packet', () => {
  const properties = { session: '0123456789abcdef' }
  const sent = { ...message(400, 'a/b'), expirySeconds: 60, properties }
  // fixed header 3, topic 5, packet id 2, length of the properties 1, expiry 5, user property 28, payload
  const bytes = 3 + 5 + 2 + 1 + 5 + 28 + 400
  expect(limitsOf(null, bytes).refusal(sent)).toBeNull()
  expect(limitsOf(null, bytes - 1).refusal(sent)).toEqual({
    why: 'the message is larger than it accepts',
    tooLarge: true,
  })
})

test('a size that the broker refused is not published again', () => {
  const poison = limitsOf(null)
  poison.settled(message(5000), { why: 'Packet too large', tooLarge: true })
  poison.settled(message(300), { why: 'Not authorized', tooLarge: false })
  expect([4999, 5000, 5001].map((bytes) => poison.refusal(message(bytes, STATE)) === null)).toEqual([
    true,
    false,
    false,
  ])
})
