// Removed entities and several messages in Home Assistant discovery, as data: nothing is lost, and nothing is in two.
import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/mqtt/connection/connection.ts'
import { configTopics, entitiesIn } from '../../../src/mqtt/homeassistant/message.ts'
import type { DiscoveryMessage } from '../../../src/mqtt/homeassistant/messages.ts'
import { createPublishedMessages } from '../../../src/mqtt/homeassistant/published-messages.ts'
import { testClock } from '../../rig/clock.ts'
import { faults } from '../homeassistant-schema.ts'
import { ALL, components, createMessagesRig as rig, TOPIC, TWELVE } from './messages-rig.ts'

describe('a removed entity', () => {
  const state = (message: DiscoveryMessage | undefined) => Object.keys(components(message)['b.service_state'] ?? {})

  it('is published once more and removed after the birth message of Home Assistant, and then forgotten', () => {
    const { of, publish, removed, clock } = rig()
    const step = () => {
      const messages = of(['a.service'])
      publish(messages)
      removed.published()
      clock.advance(10_000)
      return state(messages[0])
    }
    publish(of(['a.service', 'b.service']))
    expect([step(), step()]).toEqual([['platform'], ['platform']])
    removed.online()
    expect([step(), step(), step()]).toEqual([['platform', 'unique_id', 'state_topic'], ['platform'], []])
    expect(clock.pending()).toBe(0)
  })

  it('is kept for the next birth message if the connection or Home Assistant ends before that', () => {
    const { of, publish, removed, clock } = rig()
    publish(of(['a.service', 'b.service']))
    of(['a.service'])
    removed.online()
    expect(state(of(['a.service'])[0])).toEqual(['platform', 'unique_id', 'state_topic'])
    removed.published()
    removed.offline()
    expect(clock.pending()).toBe(0)
    for (let i = 0; i < 3; i++) expect(state(of(['a.service'])[0])).toEqual(['platform'])
  })

  it('is published once more if Home Assistant starts again before it is forgotten', () => {
    const { of, publish, removed, clock } = rig()
    publish(of(['a.service', 'b.service']))
    removed.online()
    publish(of(['a.service']))
    removed.published()
    removed.online()
    expect(clock.pending()).toBe(0)
    expect(state(of(['a.service'])[0])).toEqual(['platform', 'unique_id', 'state_topic'])
  })

  it('is not removed any more once it is back', () => {
    const { of, publish, removed } = rig()
    publish(of(['a.service', 'b.service']))
    publish(of(['a.service']))
    expect(state(of(['a.service', 'b.service'])[0])).toContain('unique_id')
    publish(of(['a.service', 'b.service']))
    removed.online()
    expect(state(of(['a.service', 'b.service'])[0])).toContain('value_template')
  })

  it('is known from an earlier connection, even if the broker has an older message now', () => {
    const clock = testClock()
    const published = createPublishedMessages(configTopics('homeassistant', 'gw-7'), clock, () => {})
    published.replace(TOPIC, 'newer', new Map([['b.service_state', 'sensor']]))
    published.read({ subscribe: () => {}, unsubscribe: () => {} } as unknown as Connection)
    published.received(TOPIC, '{"o":{"name":"gatewatch"},"cmps":{"a.service_state":{"p":"sensor"}}}')
    clock.advance(2000)
    expect(published.known()).toBe(true)
    expect([...published.entities(TOPIC).keys()].toSorted()).toEqual(['a.service_state', 'b.service_state'])
  })
})

describe('several discovery messages', () => {
  const UNITS = Array.from({ length: 60 }, (_, i) => `unit-${i}.service`)
  const place = (messages: readonly DiscoveryMessage[]) =>
    new Map(messages.flatMap(({ topic, entities }) => [...entities.keys()].map((id) => [id, topic])))

  it('are used if one would be larger than 128 KiB; each is valid, and no entity is in two', () => {
    const messages = rig({ buttons: ALL }).of(UNITS)
    expect(messages.map(({ topic }) => topic)).toEqual([TOPIC, TOPIC.replace('config', '2/config'), expect.anything()])
    for (const { payload } of messages) {
      expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(131_072)
      expect(faults(JSON.parse(payload))).toEqual([])
    }
    expect(messages.reduce((sum, { entities }) => sum + entities.size, 0)).toBe(60 * 13 + 3)
    expect(place(messages).size).toBe(60 * 13 + 3)
  })

  it('are as small as the broker wants them, if it states that', () => {
    const messages = rig({ buttons: ALL }).of(TWELVE, 20_000)
    expect(messages.length).toBeGreaterThan(2)
    for (const { payload } of messages) expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(20_000)
    expect(place(messages).size).toBe(12 * 13 + 3)
  })

  it('are one message if the broker accepts less than an entity takes', () => {
    expect(rig().of(TWELVE, 1000)).toHaveLength(1)
  })

  it('keep each entity where it is, whatever units come and go before it', () => {
    const { of, publish } = rig()
    const before = of(UNITS)
    publish(before)
    const after = of(['new.service', ...UNITS.slice(5)])
    publish(after)
    for (const unit of UNITS.slice(5))
      expect(place(after).get(`${unit}_state`)).toBe(place(before).get(`${unit}_state`))
    expect(place(after).has('new.service_state')).toBe(true)
  })

  it('lose an entity before another one gets it, and it is removed from the former one without being published there', () => {
    const { of, publish, removed } = rig()
    const before = of(UNITS)
    publish(before)
    const small = of(UNITS, 60_000)
    expect(small[0]?.topic).toBe(TOPIC)
    const moved = [...place(before)].filter(([id, topic]) => place(small).get(id) !== topic).map(([id]) => id)
    expect(moved.length).toBeGreaterThan(0)
    const shownBefore = new Map(before.map(({ topic, payload }) => [topic, entitiesIn(payload)]))
    for (const { topic, payload } of small)
      for (const [id, component] of Object.entries(components({ topic, payload, entities: new Map() })))
        if (Object.keys(component).length === 1) expect(shownBefore.get(topic)?.has(id)).toBe(true)
    removed.online()
    expect(of(UNITS, 60_000)).toEqual(small)
    publish(small)
    const next = of(UNITS, 60_000)
    expect(place(next)).toEqual(place(small))
    for (const message of next)
      expect(Object.values(components(message)).every((one) => Object.keys(one).length > 1)).toBe(true)
  })

  it('that lost all of their units are cleared, once Home Assistant has removed the entities', () => {
    const { of, publish, removed, clock } = rig()
    publish(of(UNITS))
    publish(of(['unit-0.service']))
    removed.online()
    for (let step = 0; step < 2; step++) {
      publish(of(['unit-0.service']))
      removed.published()
      clock.advance(10_000)
    }
    const last = of(['unit-0.service'])
    const payloads = Object.fromEntries(last.map(({ topic, payload }) => [topic, payload]))
    expect(payloads[TOPIC.replace('config', '2/config')]).toBe('')
    expect(payloads[TOPIC]).not.toContain('unit-1.service')
    publish(last)
    expect(of(['unit-0.service']).map(({ topic }) => topic)).toEqual([TOPIC])
  })

  it('keep as many removed entities as fit, the latest ones', () => {
    const { of, publish, logged } = rig()
    for (let i = 0; i < 40; i++) publish(of([`unit-${i}.service`]))
    const [message] = of(['last.service'])
    const gone = Object.keys(components(message)).filter((id) => /^unit-/.test(id))
    expect(gone).toHaveLength(300)
    expect(logged).toEqual([expect.stringMatching(/^mqtt: at most the latest 300 removed entities wait /)])
    expect(gone.at(-1)).toBe('unit-39.service_crash')
    const [small] = of(['last.service'], 6_000)
    expect(Buffer.byteLength(small?.payload ?? '')).toBeLessThanOrEqual(6_000)
    expect(
      Object.keys(components(small))
        .filter((id) => /^unit-/.test(id))
        .at(-1),
    ).toBe('unit-39.service_crash')
  })
})
