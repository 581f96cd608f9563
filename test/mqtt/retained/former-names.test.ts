// Former names on a real mosquitto: what is retained under them is cleared after a rename, but never another gateway's.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { TopicNames } from '../../../src/core/topic-names.ts'
import type { Identity } from '../../../src/core/views/api-json.ts'
import type { FormerNamesOutcome } from '../../../src/mqtt/retained/former-names.ts'
import { MOSQUITTO, type Mosquitto, startMosquitto } from '../../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../../rig/unavailable.ts'
import { until } from '../../rig/until.ts'
import { type Gateway, IDENTITY, startGateway } from '../gateway.ts'
import { startLink } from '../link.ts'
import { connected, drained } from '../received.ts'

const UNITS = ['a.service', 'b.service']
const NAMES: TopicNames = { prefix: 'gatewatch', gatewayId: 'gw-7', discoveryPrefix: 'homeassistant' }
const SIBLING: Identity = { ...IDENTITY, machineId: 'ffffffffffffffffffffffffffffffff', stream: 'ffffffffffffffff' }

interface Started extends Gateway {
  readonly outcomes: readonly (readonly [TopicNames, FormerNamesOutcome])[]
}

/** A gateway with Home Assistant under `names`, which clears what is retained under `former`. */
function start(url: string, names: TopicNames, former: readonly TopicNames[] = [], identity = IDENTITY): Started {
  const outcomes: [TopicNames, FormerNamesOutcome][] = []
  const gateway = startGateway({
    config: { url, homeassistant: true, prefix: names.prefix, discovery_prefix: names.discoveryPrefix },
    identity: { ...identity, gatewayId: names.gatewayId },
    units: UNITS,
    former,
    formerSettled: (...settled) => void outcomes.push(settled),
    speed: 8,
  })
  return { ...gateway, outcomes }
}

/** The topics that a gateway under these names retains. */
function topicsUnder({ prefix, gatewayId, discoveryPrefix }: TopicNames): string[] {
  const root = `${prefix}/${gatewayId}`
  const states = UNITS.map((unit) => `${root}/unit/${unit}/state`)
  return [`${root}/agent`, `${root}/availability`, ...states, `${discoveryPrefix}/device/gatewatch-${gatewayId}/config`]
}

const retained = async (broker: Mosquitto) => Object.keys(await broker.retained('#')).sort()

async function untilRetained(broker: Mosquitto, ...all: readonly TopicNames[]): Promise<void> {
  const topics = [...new Set(all.flatMap(topicsUnder))].sort()
  await until(() => retained(broker), { what: `exactly ${topics}`, is: (found) => `${found}` === `${topics}` })
}

/** A gateway that has published everything under `names` and has stopped. */
async function published(broker: Mosquitto, names: TopicNames, identity = IDENTITY): Promise<void> {
  const gateway = start(broker.url, names, [], identity)
  const topics = topicsUnder(names)
  const all = () => retained(broker)
  await until(all, { what: 'what it retains', is: (found) => topics.every((topic) => found.includes(topic)) })
  await gateway.stop()
}

const settled = (gateway: Started, count = 1) =>
  until(() => gateway.outcomes.length, { what: 'the former names', is: (length) => length === count })

describeUnless(missingPrograms(...MOSQUITTO), 'what is retained under former names', () => {
  it.each([
    ['gateway id', { ...NAMES, gatewayId: 'gw-8' }],
    ['prefix', { ...NAMES, prefix: 'site/b' }],
    ['discovery prefix', { ...NAMES, discoveryPrefix: 'ha' }],
    ['three names', { prefix: 'x', gatewayId: 'gw.9', discoveryPrefix: 'ha' }],
  ])('is cleared when the %s changes', async (_, names) => {
    await using broker = await startMosquitto()
    await published(broker, NAMES)
    const before = await broker.retained('#')
    await using gateway = start(broker.url, names, [NAMES])
    await settled(gateway)
    expect(gateway.outcomes).toEqual([[NAMES, 'done']])
    const expected = topicsUnder({ ...names, gatewayId: names.gatewayId.replace('.', '_2e') })
    const found = (await retained(broker)).map((topic) => topic.replace('x/gw.9', 'x/gw_2e9'))
    expect(found).toEqual(expected.sort())
    const left = topicsUnder(names)
    const cleared = Object.keys(before).filter((topic) => !left.includes(topic)).length
    const what = `cleared ${cleared} retained message${cleared === 1 ? '' : 's'}`
    expect(gateway.logged).toContain(
      `info: mqtt: ${what} under the former names gatewatch/gw-7 (discovery prefix homeassistant)`,
    )
  })

  it('is cleared for each of several changes, also if the broker was away in between', async () => {
    await using broker = await startMosquitto()
    const second = { ...NAMES, gatewayId: 'gw-8' }
    const third = { ...NAMES, gatewayId: 'gw-9' }
    await published(broker, NAMES)
    await published(broker, second)
    await using gateway = start(broker.url, third, [NAMES, second])
    await connected(gateway)
    await broker.terminate()
    await until(() => !gateway.sink.health().connected, { what: 'the end of the connection' })
    await broker.start()
    await published(broker, NAMES)
    await published(broker, second)
    await settled(gateway, 2)
    await untilRetained(broker, third)
  })

  it.each([
    ['another machine', { ...IDENTITY, machineId: SIBLING.machineId }],
    ['another state file', { ...IDENTITY, stream: SIBLING.stream }],
  ])('is left alone if %s published it', async (_, other) => {
    await using broker = await startMosquitto()
    await published(broker, NAMES, other)
    const renamed = { ...NAMES, gatewayId: 'gw-8' }
    await using gateway = start(broker.url, renamed, [NAMES])
    await settled(gateway)
    expect(gateway.outcomes).toEqual([[NAMES, 'done']])
    await untilRetained(broker, NAMES, renamed)
    expect(gateway.logged.join('\n')).toContain(
      `5 retained messages under the former names gatewatch/gw-7 (discovery prefix homeassistant) not cleared: not published by this agent (machine_id ${other.machineId})`,
    )
  })

  it('is left alone, under a discovery prefix, if another machine or another program published it', async () => {
    await using broker = await startMosquitto()
    await published(broker, NAMES, SIBLING)
    const other = { ...NAMES, discoveryPrefix: 'ha' }
    broker.publish('third/device/gatewatch-gw-7/config', '{"origin":{"name":"other"}}', '-r')
    await using gateway = start(broker.url, other, [NAMES, { ...NAMES, discoveryPrefix: 'third' }])
    await settled(gateway, 2)
    expect(await retained(broker)).toEqual(
      [...topicsUnder(NAMES), ...topicsUnder(other).slice(-1), 'third/device/gatewatch-gw-7/config'].sort(),
    )
  })

  it('stays, or comes back, if a gateway with the same id is running: its availability, status, states and device', async () => {
    await using broker = await startMosquitto()
    await using sibling = start(broker.url, NAMES, [], SIBLING)
    await drained(sibling)
    await published(broker, NAMES)
    const availability = async () =>
      (await broker.retained('gatewatch/gw-7/availability'))['gatewatch/gw-7/availability']
    await until(availability, { what: "the sibling's online again", is: (payload) => payload === 'online' })
    const status = async () =>
      JSON.parse((await broker.retained('gatewatch/gw-7/agent'))['gatewatch/gw-7/agent'] ?? '{}')
    expect(await status()).toMatchObject({ machine_id: SIBLING.machineId })
    const renamed = { ...NAMES, gatewayId: 'gw-8' }
    await using gateway = start(broker.url, renamed, [NAMES])
    await settled(gateway)
    await untilRetained(broker, NAMES, renamed)
    for (const topic of topicsUnder(NAMES)) broker.publish(topic, '', '-r')
    await untilRetained(broker, NAMES, renamed)
  })

  it.each([5, 4] as const)(
    'is reported once, and not tried again, if the broker refuses it (MQTT %i)',
    async (version) => {
      await using broker = await startMosquitto()
      const refusal = Buffer.from([0x20, 2, 0, 1]) // CONNACK: unacceptable protocol version
      await using link = await startLink(broker.port, (first) => ((first[8] ?? 0) > version ? refusal : null))
      await published(broker, NAMES)
      const acl = join(broker.directory, 'acl')
      writeFileSync(
        acl,
        'topic readwrite gatewatch/gw-8/#\ntopic readwrite homeassistant/#\ntopic read gatewatch/gw-7/#\ntopic read $SYS/#\n',
      )
      broker.configure(`acl_file ${acl}`)
      broker.reload()
      await until(() => broker.log().includes('Reloading config'), { what: 'the ACL' })
      const renamed = { ...NAMES, gatewayId: 'gw-8' }
      await using gateway = start(link.url, renamed, [NAMES])
      await settled(gateway)
      expect(gateway.outcomes).toEqual([[NAMES, 'refused']])
      const warnings = gateway.logged.filter((line) => line.includes('did not clear'))
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toMatch(
        /gw-7.*; the agent does not try again: allow it in the broker's ACL, then use 'gatewatch mqtt-clear'/,
      )
      expect(gateway.sink.health()).toMatchObject({ problem: null, note: expect.stringContaining('did not clear') })
      // the status shows whose the rest is: it is cleared last
      expect(await retained(broker)).toContain('gatewatch/gw-7/agent')
    },
  )

  it('may be hidden by the ACL: then it is not found, which is logged with the command', async () => {
    await using broker = await startMosquitto()
    await published(broker, NAMES)
    const acl = join(broker.directory, 'acl')
    writeFileSync(acl, 'topic readwrite gatewatch/gw-8/#\ntopic readwrite homeassistant/device/gatewatch-gw-8/config\n')
    broker.configure(`acl_file ${acl}`)
    broker.reload()
    await until(() => broker.log().includes('Reloading config'), { what: 'the ACL' })
    await using gateway = start(broker.url, { ...NAMES, gatewayId: 'gw-8' }, [NAMES])
    await settled(gateway)
    expect(gateway.logged).toContain(
      "info: mqtt: found no retained messages under the former names gatewatch/gw-7 (discovery prefix homeassistant); if the broker's ACL hides them from this user, allow them and use 'gatewatch mqtt-clear' with --gateway-id gw-7",
    )
  })
})
