// Home Assistant learns of removed units, at a real mosquitto: while it is on, and after it was off when they were removed.
import { expect, it } from 'vitest'
import type { Clock } from '../../../src/ports.ts'
import { MOSQUITTO, type Mosquitto, startMosquitto } from '../../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../../rig/unavailable.ts'
import { until } from '../../rig/until.ts'
import { clockOf, startGateway } from '../gateway.ts'
import { inFull, type Json } from '../homeassistant-schema.ts'
import { createHomeAssistant, type ScriptedHomeAssistant } from '../scripted-homeassistant.ts'

const TOPIC = 'homeassistant/device/gatewatch-gw-7/config'
const TWELVE = Array.from({ length: 12 }, (_, i) => `sink-${i}.service`)
const COUNTERS = /_(starts|stops|crashes|restarts|lost)$/

/** Real time for what the broker has to send; the steps of a removal, 10 s each, are a hundred times as fast. */
const clock: Clock = {
  ...clockOf(1),
  after: (ms, call) => clockOf(ms === 10_000 ? 100 : 1).after(ms, call),
}

function start(broker: Mosquitto, units: readonly string[]) {
  return startGateway({ config: { url: broker.url, homeassistant: true }, units, clock, random: () => 0 })
}

async function retained(broker: Mosquitto): Promise<Record<string, Json>> {
  const payload = (await broker.retained(TOPIC))[TOPIC]
  return payload === undefined ? {} : (inFull(JSON.parse(payload))['components'] as Record<string, Json>)
}

const unitsOf = (ids: readonly string[]) =>
  [...new Set(ids.map((id) => /[a-z]+-\d+\.service/.exec(id)?.[0]).filter((unit) => unit !== undefined))].toSorted()

/** The units with entities that are not disabled. */
function shown(home: ScriptedHomeAssistant): string[] {
  return unitsOf(home.registry().filter((id) => !COUNTERS.test(id)))
}

async function shows(home: ScriptedHomeAssistant, units: readonly string[]): Promise<void> {
  const is = (found: string[]) => `${found}` === `${units.toSorted()}`
  await until(() => shown(home), { what: `Home Assistant to show ${units.length} units`, is })
}

/** The retained message contains these units, and nothing of others. */
async function retains(broker: Mosquitto, units: readonly string[]): Promise<void> {
  await until(() => retained(broker), {
    what: `only ${units.length} units in the retained message`,
    is: (all) => `${unitsOf(Object.keys(all))}` === `${units.toSorted()}`,
  })
}

describeUnless(missingPrograms(...MOSQUITTO), 'Home Assistant', () => {
  it('shows twelve units, and after a time in which it was off what was renamed and removed meanwhile', async () => {
    await using broker = await startMosquitto()
    const home = createHomeAssistant(broker)
    await home.start()
    const first = start(broker, TWELVE)
    await shows(home, TWELVE)
    expect(home.registry()).toHaveLength(12 * 10 + 3)
    await home.stop()

    const renamed = ['other-0.service', ...TWELVE.slice(1)]
    first.watch(...renamed)
    await until(() => retained(broker), {
      what: 'the change',
      is: (all) => all['sink-0.service_state']?.['unique_id'] === undefined && 'other-0.service_state' in all,
    })
    await first.stop()
    const removed = renamed.slice(0, 6)
    await using second = start(broker, removed)
    await until(() => retained(broker), {
      what: 'the removal, in addition to the earlier one',
      is: (all) =>
        Object.keys(all['sink-11.service_state'] ?? {}).length === 1 && all['sink-0.service_state'] !== undefined,
    })
    expect(shown(home)).toEqual(TWELVE.toSorted())

    await home.start()
    await shows(home, removed)
    await retains(broker, removed)
    expect(home.faults()).toEqual([])
    expect(second.logged.filter((line) => !line.startsWith('info'))).toEqual([])
  })

  it('removes a unit at once while it is on, and the agent forgets the unit then', async () => {
    await using broker = await startMosquitto()
    const home = createHomeAssistant(broker)
    await home.start()
    await using gateway = start(broker, TWELVE)
    await shows(home, TWELVE)
    // the agent knows that Home Assistant is on only from a birth message
    await home.stop()
    await home.start()
    await shows(home, TWELVE)
    await until(() => home.received().length > 1, { what: 'the device after the birth message' })
    gateway.watch(...TWELVE.slice(3))
    await shows(home, TWELVE.slice(3))
    await retains(broker, TWELVE.slice(3))
    const messages = home.received().map(({ payload }) => payload)
    expect(messages.filter((payload) => payload.includes('"sink-0.service_state":{"p":"sensor"}'))).toHaveLength(1)
  })

  it('removes a unit that was removed while the broker was away, and one that is back is not removed', async () => {
    await using broker = await startMosquitto()
    const home = createHomeAssistant(broker)
    await home.start()
    await using gateway = start(broker, TWELVE)
    await shows(home, TWELVE)
    await broker.kill() // it loses what it has retained
    await until(() => !gateway.sink.health().connected, { what: 'the loss' })
    gateway.watch(...TWELVE.slice(2))
    gateway.watch(...TWELVE.slice(1))
    await broker.start()
    gateway.sink.brokerIsUp()
    await until(() => retained(broker), {
      what: 'the removal',
      is: (all) => Object.keys(all['sink-0.service_state'] ?? {}).length === 1,
    })
    await home.stop()
    await home.start()
    await shows(home, TWELVE.slice(1))
    await retains(broker, TWELVE.slice(1))
    expect(home.faults()).toEqual([])
  })

  it('gives an entity whose unique id was ambiguous a new one, with the same entity id and so with its history', async () => {
    await using broker = await startMosquitto()
    const home = createHomeAssistant(broker)
    const component = (unit: string) => ({
      platform: 'sensor',
      unique_id: `gatewatch_gw-7_${unit}.service_state`,
      name: `${unit} state`,
      state_topic: 'x',
    })
    const former = {
      device: { identifiers: ['gatewatch_gw-7'] },
      origin: { name: 'gatewatch', sw_version: '0.1.0' },
      components: { 'a_b.service_state': component('a_b'), 'c.service_state': component('c') },
    }
    broker.publish(TOPIC, JSON.stringify(former), '-r')
    await home.start()
    await until(() => home.registry().length === 2, { what: 'the former entities' })
    await using _gateway = start(broker, ['a_b.service', 'c.service'])
    await until(() => home.registry().includes('gatewatch_gw-7_c.service_crash'), { what: 'the entities' })
    const states = () => home.registry().filter((id) => id.endsWith('_state'))
    expect(states()).toEqual(['gatewatch_gw-7_a_b.service_state', 'gatewatch_gw-7_c.service_state'])
    expect(home.entityId('gatewatch_gw-7_a_b.service_state')).toBe('sensor.a_b_state')

    await home.stop()
    await home.start()
    const ids = ['gatewatch_gw-7_a%5Fb.service_state', 'gatewatch_gw-7_c.service_state']
    await until(states, { what: 'the ids', is: (all) => `${all}` === `${ids}` })
    expect(ids.map(home.entityId)).toEqual(['sensor.a_b_state', 'sensor.c_state'])
    expect(home.faults()).toEqual([])
  })
})
