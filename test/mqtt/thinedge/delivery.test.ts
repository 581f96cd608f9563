// thin-edge.io: the retained messages of a service are published once for each change, and a crash beside its event.
import { describe, expect, it } from 'vitest'
import type { Event } from '../../../src/core/event.ts'
import type { Observation } from '../../../src/core/observation.ts'
import type { State } from '../../../src/core/state.ts'
import { step } from '../../../src/core/step.ts'
import type { UnitSnapshot } from '../../../src/core/unit.ts'
import type { Connection } from '../../../src/mqtt/connection/connection.ts'
import { createOutbox } from '../../../src/mqtt/delivery/outbox.ts'
import { createSendOrder } from '../../../src/mqtt/delivery/send-order.ts'
import { createSnapshots } from '../../../src/mqtt/delivery/snapshots.ts'
import type { Channel } from '../../../src/mqtt/thinedge/payload.ts'
import { createServiceTopics, type Payloads } from '../../../src/mqtt/thinedge/service-topics.ts'
import { createThinEdge } from '../../../src/mqtt/thinedge/thinedge.ts'
import { topicsOf } from '../../../src/mqtt/topics.ts'
import { at, IDLE, watching } from '../../core/step-driver.ts'
import { crashed } from '../event.ts'
import { clockOf, IDENTITY } from '../gateway.ts'

const crash = crashed(7)

describe('the retained messages', () => {
  function topics() {
    const wanted: Record<string, Partial<Record<Channel, string | null>>> = {}
    const payloads = (service: string): Payloads | null => {
      const mine = wanted[service]
      return mine === undefined ? null : (channel) => mine[channel] ?? (channel.startsWith('/a/') ? '' : null)
    }
    const services = createServiceTopics(payloads)
    /** Everything that is due, as the broker gets it. */
    const publish = (refused = false) => {
      const published: string[] = []
      for (let message = services.next(); message !== null; message = services.next()) {
        published.push(`${message.service}${message.channel}=${message.payload}`)
        services.settle(message, refused)
      }
      return published
    }
    return { ...services, wanted, publish }
  }

  it('are published when they change, and only then', () => {
    const { wanted, due, publish } = topics()
    wanted['a'] = { '': 'R', '/status/health': 'up' }
    due('a')
    expect(publish()).toEqual(['a=R', 'a/status/health=up'])
    due('a')
    expect(publish()).toEqual([])
    wanted['a'] = { '': 'R', '/status/health': 'down', '/a/flapping': 'raised' }
    due('a')
    expect(publish()).toEqual(['a/status/health=down', 'a/a/flapping=raised'])
    wanted['a'] = { '': 'R', '/status/health': 'down', '/a/flapping': 'raised later' }
    due('a')
    expect(publish()).toEqual([])
    wanted['a'] = { '': 'R', '/status/health': 'down' }
    due('a')
    expect(publish()).toEqual(['a/a/flapping='])
  })

  it('are those of one service at a time, each with its newest state', () => {
    const { wanted, due, next, settle } = topics()
    wanted['a'] = { '/status/health': 'up' }
    wanted['b'] = { '/status/health': 'up' }
    due('a')
    due('b')
    const first = next()
    expect(first).toMatchObject({ service: 'a', payload: 'up' })
    expect(next()).toBeNull()
    wanted['b'] = { '/status/health': 'down' }
    if (first !== null) settle(first, false)
    expect(next()).toMatchObject({ service: 'b', payload: 'down' })
  })

  it('are all published again on a new connection, and an alarm that was cleared since is removed', () => {
    const { wanted, due, publish, connected } = topics()
    wanted['a'] = { '': 'R', '/status/health': 'up', '/a/gave_up': 'raised' }
    due('a')
    publish()
    wanted['a'] = { '': 'R', '/status/health': 'up' }
    connected()
    expect(publish()).toEqual(['a=R', 'a/status/health=up', 'a/a/gave_up='])
    connected()
    expect(publish()).toEqual(['a=R', 'a/status/health=up'])
  })

  it('are published again if the connection ended before they were acknowledged', () => {
    const { wanted, due, next, publish, connected } = topics()
    wanted['a'] = { '/status/health': 'up' }
    due('a')
    next()
    connected()
    expect(publish()).toEqual(['a/status/health=up'])
  })

  it('are removed with the service, the registration last, and only where there are any', () => {
    const { wanted, due, publish, found } = topics()
    wanted['a'] = { '': 'R', '/status/health': 'up', '/a/flapping': 'raised' }
    due('a')
    publish()
    delete wanted['a']
    due('a')
    expect(publish()).toEqual(['a/a/flapping=', 'a/status/health=', 'a='])
    due('a')
    expect(publish()).toEqual([])
    found('earlier', '/status/health')
    expect(publish()).toEqual(['earlier/status/health='])
  })

  it('that the broker refuses are published again on retry', () => {
    const { wanted, due, publish, retry } = topics()
    wanted['a'] = { '/status/health': 'up' }
    due('a')
    publish(true)
    expect(publish()).toEqual([])
    retry()
    expect(publish()).toEqual(['a/status/health=up'])
    retry()
    expect(publish()).toEqual([])
  })
})

describe('a message beside an event', () => {
  it('is that of a crash of a watched unit', () => {
    const { thinEdge } = thinEdgeOf(watching('mosquitto.service', 'tedge-agent.service'))
    const topic = 'te/device/main/service/mosquitto/e/crash'
    expect(thinEdge.besides(crash)).toMatchObject({ topic, retain: false })
    const others: Event[] = [
      { ...crash, unit: 'tedge-agent.service' },
      { ...crash, unit: 'former.service' },
    ]
    const lost: Event = { ...crash, kind: 'lost' }
    expect([...others, lost].map(thinEdge.besides)).toEqual([null, null, null])
    thinEdge.besides(crash)?.settled('Not authorized')
    expect(thinEdge.besides(crash)).toBeNull()
  })

  it('goes before it, and both again if the connection ends between them', () => {
    const { thinEdge, state } = thinEdgeOf(watching('mosquitto.service'))
    const outbox = createOutbox({ acknowledged: 6, bytesOf: () => 100 })
    outbox.add(crash)
    const order = createSendOrder({
      ...{ topics: topicsOf('gatewatch', 'gw-7'), identity: IDENTITY, outbox, snapshots: createSnapshots(), state },
      ...{ features: { besides: thinEdge.besides, next: [] }, clock: clockOf(1), holdsEvents: () => false },
      settled: () => {},
    })
    const next = () => order.next()?.topic.split('/').slice(-2).join('/')
    expect(next()).toBe('e/crash')
    order.end()
    order.begin('session', false)
    expect([next(), next(), next(), next()]).toEqual(['gw-7/availability', 'e/crash', 'event/crash', undefined])
  })
})

it('a crash storm is published as the alarm, and not as a health for each crash', () => {
  let state = watching('a.service')
  const { thinEdge, read, publish } = thinEdgeOf(() => state)
  thinEdge.message('te/device/main/service/a/status/health', '{"status":"up"}', false) // live: not what the broker has
  expect(publish()).toEqual([]) // that is not known yet
  read()
  expect(publish()).toEqual(['a', 'a/status/health'])
  const published: string[] = []
  const observe = (snapshot: Partial<UnitSnapshot>, run: number) => {
    const invocationId = `${run}`.padStart(32, '0')
    const before = state
    const now = at(1000 + run * 10)
    const o: Observation = {
      kind: 'signal',
      at: now,
      unit: 'a.service',
      snapshot: { ...IDLE, ...snapshot, invocationId },
    }
    const stepped = step(state, o)
    state = stepped.state
    thinEdge.accept({ before, after: state, events: stepped.events, at: now })
    published.push(...publish())
  }
  for (let run = 1; run <= 1000; run++) {
    observe({ activeState: 'active', subState: 'running', mainPid: run }, run)
    observe({ activeState: 'activating', subState: 'auto-restart', result: 'signal', mainCode: 2, mainStatus: 9 }, run)
  }
  expect(published.filter((topic) => topic === 'a/a/flapping')).toHaveLength(1)
  expect(published.length).toBeGreaterThan(200)
  expect(published.length).toBeLessThan(300)
})

/** Connected to a broker, which is read until `read` is called. */
function thinEdgeOf(of: State | (() => State)) {
  const state = typeof of === 'function' ? of : () => of
  let read = () => {}
  const thinEdge = createThinEdge({
    ...{ enabled: true, identity: IDENTITY, state, pump: () => {}, log: () => {} },
    clock: {
      after(_ms, call) {
        read = call
        return () => {}
      },
    },
  })
  thinEdge.up({ subscribe: () => {}, unsubscribe: () => {} } as unknown as Connection)
  /** Publishes all that is due, and returns the ends of its topics. */
  const publish = () => {
    const topics: string[] = []
    for (let message = thinEdge.next(); message !== null; message = thinEdge.next()) {
      topics.push(message.topic.replace('te/device/main/service/', ''))
      message.settled(null)
    }
    return topics
  }
  return { thinEdge, state, read: () => read(), publish }
}
