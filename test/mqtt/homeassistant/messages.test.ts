// The discovery messages for Home Assistant, as data: they match the schema, are small enough, and their ids are stable.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entityIds, uniqueIdOf } from '../../../src/mqtt/homeassistant/entity-ids.ts'
import { configTopics, entitiesIn } from '../../../src/mqtt/homeassistant/message.ts'
import type { DiscoveryMessage } from '../../../src/mqtt/homeassistant/messages.ts'
import { IDENTITY } from '../gateway.ts'
import { faults, isConfigTopic } from '../homeassistant-schema.ts'
import { ALL, components, parsed, createMessagesRig as rig, TWELVE } from './messages-rig.ts'

describe('a discovery message', () => {
  it('of twelve units with everything enabled matches the documented schema, with abbreviated names', () => {
    const { of } = rig({ linkTopic: 'gatewatch/gw-7/bridge', pageUrl: 'https://gw-7:9100/', buttons: ALL })
    const [message, ...others] = of(TWELVE)
    expect(others).toEqual([])
    expect(faults(JSON.parse(message?.payload ?? ''))).toEqual([])
    expect(Object.keys(components(message))).toHaveLength(12 * 13 + 3)
    expect(message?.payload).not.toMatch(/"(components|platform|unique_id|state_topic|value_template)"/)
    expect(faults({ ...JSON.parse(message?.payload ?? ''), o: {} })).toEqual(['origin.name'])
  })

  it('describes the gateway as one device', () => {
    const { components: _, ...rest } = parsed(rig().of([])[0] as DiscoveryMessage)
    expect(rest).toEqual({
      device: {
        identifiers: ['gatewatch_gw-7'],
        name: 'gw-7',
        manufacturer: 'gatewatch',
        model: 'Gateway',
        sw_version: '0.1.0',
        serial_number: IDENTITY.machineId,
      },
      origin: { name: 'gatewatch', sw_version: '0.1.0', support_url: 'https://gatewatch.invalid/' },
      availability: [{ topic: 'gatewatch/gw-7/availability' }],
      qos: 1,
    })
  })

  it('has the address of the dashboard, and the link of the bridge as a second condition for the availability', () => {
    const [message] = rig({ linkTopic: 'gatewatch/gw-7/bridge', pageUrl: 'http://gw-7:9100/' }).of([])
    expect(parsed(message as DiscoveryMessage)).toMatchObject({
      device: { configuration_url: 'http://gw-7:9100/' },
      availability: [
        { topic: 'gatewatch/gw-7/availability' },
        { topic: 'gatewatch/gw-7/bridge', payload_available: '1', payload_not_available: '0' },
      ],
      availability_mode: 'all',
    })
  })

  it('has entities that read the retained state, the events and the status of the agent', () => {
    const all = components(rig({ buttons: ['restart'] }).of(['sink@tty-1.service'])[0])
    expect(all['sink@tty-1.service_crashes']).toEqual({
      platform: 'sensor',
      unique_id: 'gatewatch_gw-7_sink@tty-1.service_crashes',
      name: 'sink@tty-1 crashes',
      state_topic: 'gatewatch/gw-7/unit/sink@tty-1.service/state',
      entity_category: 'diagnostic',
      enabled_by_default: false,
      state_class: 'total_increasing',
      value_template: '{{ value_json.counters.crashes }}',
    })
    expect(all['sink@tty-1.service_crash']).toMatchObject({
      platform: 'event',
      event_types: ['crash'],
      state_topic: 'gatewatch/gw-7/event/crash',
    })
    expect(all['sink@tty-1.service_state']).toMatchObject({ device_class: 'enum' })
    expect(all['sink@tty-1.service_last_crash']).toMatchObject({ device_class: 'timestamp' })
    expect(all['sink@tty-1.service_restart']).toEqual({
      platform: 'button',
      unique_id: 'gatewatch_gw-7_sink@tty-1.service_restart',
      name: 'sink@tty-1 restart',
      entity_category: 'config',
      command_topic: 'gatewatch/gw-7/unit/sink@tty-1.service/set',
      payload_press: 'restart',
      device_class: 'restart',
    })
    const gateway = ['gateway_bus', 'gateway_flash', 'gateway_queue']
    for (const id of gateway)
      expect(all[id]).toMatchObject({ entity_category: 'diagnostic', state_topic: 'gatewatch/gw-7/agent' })
    const enabled = Object.entries(all).filter(([, one]) => one['enabled_by_default'] !== false)
    expect(enabled).toHaveLength(6 + gateway.length)
  })

  it('is read back, also in the long form of version 0.1.0, and not if it is of another program', () => {
    const [message] = rig().of(['a.service'])
    expect(entitiesIn(message?.payload ?? '')).toEqual(message?.entities)
    const former = '{"origin":{"name":"gatewatch"},"components":{"a.service_state":{"platform":"sensor"}}}'
    expect([...entitiesIn(former)]).toEqual([['a.service_state', 'sensor']])
    expect([...entitiesIn('{"o":{"name":"other"},"cmps":{"x":{"p":"sensor"}}}')]).toEqual([])
    expect([...entitiesIn('not JSON')]).toEqual([])
  })
})

describe('the ids of entities', () => {
  it('are those of version 0.1.0', () => {
    const keys = ['problem', 'state', 'last_cause', 'starts', 'stops', 'crashes', 'restarts', 'lost']
    const all = components(rig().of(['mosquitto.service', 'a\\x2db.socket'])[0])
    for (const unit of ['mosquitto.service', 'a\\x2db.socket'])
      for (const key of keys) expect(all[`${unit}_${key}`]?.['unique_id']).toBe(`gatewatch_gw-7_${unit}_${key}`)
  })

  it('are different for each gateway, unit and entity', () => {
    expect(entityIds('a', 'b_x.service', 'state').uniqueId).toBe('gatewatch_a_b%5Fx.service_state')
    expect(entityIds('a_b', 'x.service', 'state').uniqueId).toBe('gatewatch_a%5Fb_x.service_state')
    const gatewayId = fc.stringMatching(/^[ab_.-]{1,4}$/)
    const unit = fc.oneof(fc.constant('gateway'), fc.stringMatching(/^[ab_]{1,4}\.service$/))
    const key = fc.constantFrom('state', 'last_cause', 'bus')
    fc.assert(
      fc.property(fc.tuple(gatewayId, unit, key), fc.tuple(gatewayId, unit, key), (one, other) => {
        const [first, second] = [entityIds(...one), entityIds(...other)]
        expect(first.uniqueId === second.uniqueId).toBe(`${one}` === `${other}`)
        expect(uniqueIdOf(one[0], first.id)).toBe(first.uniqueId)
        if (one[0] === other[0]) expect(first.id === second.id).toBe(`${one}` === `${other}`)
      }),
      { numRuns: 2000 },
    )
  })

  it('that differ from those of version 0.1.0 are used once Home Assistant is on and has removed the former entity', () => {
    const { of, publish, removed, clock } = rig({ gatewayId: 'gw_7' })
    const topic = 'homeassistant/device/gatewatch-gw_7/config'
    const [former, present] = ['a.service_state', 'gatewatch_gw%5F7_a.service_state']
    publish([{ topic, payload: 'former', entities: new Map([[former, 'sensor']]) }])
    const step = () => {
      const messages = of(['a.service'])
      publish(messages)
      removed.published()
      const all = components(messages[0])
      expect(all['gatewatch_gw%5F7_a.service_crash']).toBeDefined()
      return [former, present].map((id) => all[id]?.['unique_id'] ?? all[id])
    }
    expect(step()).toEqual(['gatewatch_gw_7_a.service_state', undefined])
    removed.online()
    expect(step()).toEqual([{ platform: 'sensor' }, undefined])
    clock.advance(10_000)
    expect(step()).toEqual([undefined, undefined])
    expect(step()).toEqual([undefined, present])
  })
})

describe('the topics', () => {
  it.each(['gw-7', 'gw.7_a-b', '7'])('of %s match what Home Assistant accepts', (id) => {
    const { first, of, numberOf } = configTopics('homeassistant', id)
    expect([first, of(2)].map((topic) => isConfigTopic(topic))).toEqual([true, true])
    expect([first, of(2), of(13), `${first}/x`, of(0)].map(numberOf)).toEqual([1, 2, 13, null, null])
  })

  it('contain each dot of a gateway id as _2e', () => {
    expect(configTopics('homeassistant', 'gw.7_a-b').first).toBe('homeassistant/device/gatewatch-gw_2e7_a-b/config')
    expect(configTopics('home/ha', 'gw-7').others).toBe('home/ha/device/gatewatch-gw-7/+/config')
  })
})
