// Machine ids and copied state files: two agents on copies of one state, each with another /etc/machine-id.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { derivedMachineId } from '../../src/host/identity.ts'
import { type Gatewatch, gatewatch } from '../rig/gatewatch.ts'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms, notRoot } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { useRunningUnit } from './running-unit.ts'

const [FIRST, SECOND] = ['1'.repeat(32), '2'.repeat(32)]
const [FIRST_ID, SECOND_ID] = [derivedMachineId(FIRST), derivedMachineId(SECOND)]
const UNSET = { WM_GW_ID: '' }

/** Enters a mount namespace in which /etc/machine-id has this content, on a tmpfs if `transient`. */
function onMachine(directory: string, id: string, transient = false): string[] {
  const at = join(directory, 'machine')
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'id'), `${id}\n`)
  const tmpfs = `cp ${at}/id /dev/shm/gw-id.$$ && mount --bind /dev/shm/gw-id.$$ /etc/machine-id && rm /dev/shm/gw-id.$$`
  const mount = transient ? tmpfs : `mount --bind ${at}/id /etc/machine-id`
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', `${mount} && exec "$0" "$@"`]
}

const linesWith = (agent: Gatewatch, text: string) =>
  agent
    .stderr()
    .split('\n')
    .filter((line) => line.includes(text))

async function identityCheck(agent: Gatewatch) {
  const { checks } = (await agent.getJson('/api/v1/status')) as { checks: Json[] }
  return checks.find(({ name }) => name === 'identity')
}

describeUnless(missingPrograms(...MOSQUITTO, 'unshare') ?? notRoot(), 'the identity of a gateway', () => {
  const { systemd, directory, start, unitOf } = useRunningUnit()

  test('a copied state file begins a new identity, and both gateways deliver to one broker', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    const mqtt = { args: ['--mqtt', broker.url], env: { ...UNSET, GATEWATCH_MQTT_SETTLE: '0' } }
    const before = await start({ ...mqtt, commandPrefix: onMachine(directory(), FIRST) })
    expect(await unitOf(before)).toMatchObject({ counters: { starts: 1 } })
    const { stream } = await before.getJson('/api/v1/status')
    expect(await before.end()).toBe(0)

    const copy = join(directory(), 'copy')
    mkdirSync(copy)
    copyFileSync(before.statePath, join(copy, 'state.ring'))
    const dump = JSON.parse(gatewatch('dump', join(copy, 'state.ring')).stdout)
    expect(dump.events[0]).toMatchObject({ gateway_id: FIRST_ID, machine_id: FIRST_ID })
    const original = await start({ ...mqtt, commandPrefix: onMachine(directory(), FIRST) })
    const clone = await start({ ...mqtt, directory: copy, commandPrefix: onMachine(copy, SECOND) })

    const [first, second] = await Promise.all([original, clone].map((agent) => agent.getJson('/api/v1/status')))
    expect(first).toMatchObject({ gateway_id: FIRST_ID, machine_id: FIRST_ID, stream })
    expect(second).toMatchObject({ gateway_id: SECOND_ID, machine_id: SECOND_ID })
    expect(second?.['stream']).not.toBe(stream)
    expect(await identityCheck(original)).toMatchObject({ healthy: true })
    expect(await identityCheck(clone)).toMatchObject({
      healthy: false,
      message: `the state file came from another machine (machine ${FIRST_ID}, gateway_id ${FIRST_ID}); this is machine ${SECOND_ID}, gateway_id ${SECOND_ID}; restart gatewatch to end this warning`,
    })
    expect((await clone.get('/-/ready')).status).toBe(200)
    expect(linesWith(clone, 'IDENTITY CHANGED')).toHaveLength(1)
    expect(linesWith(original, 'IDENTITY CHANGED')).toEqual([])

    // The run that the copy contains is not one of the clone; its own run is.
    expect(await unitOf(clone)).toMatchObject({
      baseline: { starts: 1, lost: 0 },
      counters: { starts: 2, stops: 0, crashes: 0, lost: 0 },
    })
    const [changed, started] = await clone.events()
    expect(changed).toMatchObject({
      ...{ id: `${second?.['stream']}-1`, event: 'identity_changed' },
      ...{ former_gateway_id: FIRST_ID, former_machine_id: FIRST_ID, gateway_id: SECOND_ID, machine_id: SECOND_ID },
    })
    expect(changed).not.toHaveProperty('service')
    expect(started).toMatchObject({ event: 'start', service: 'runs.service', seq: 2 })

    await systemd().kill('runs.service', 'SIGKILL')
    const crashes = () => subscriber.received.filter(({ topic }) => topic.endsWith('/event/crash'))
    await until(() => crashes().length === 2, { what: 'the crash from both gateways' })
    expect(new Set(crashes().map(({ payload }) => JSON.parse(payload).id)).size).toBe(2)
    const topics = subscriber.received.map(({ topic }) => topic)
    expect(topics.filter((topic) => topic.endsWith('/event/identity_changed'))).toEqual([
      `gatewatch/${SECOND_ID}/event/identity_changed`,
    ])
    for (const { stderr } of [original, clone]) expect(stderr()).not.toContain('connection lost')
    await systemd().start('runs.service')

    // After a restart, the new identity is the identity.
    expect(await clone.end()).toBe(0)
    const again = await start({ ...mqtt, directory: copy, commandPrefix: onMachine(copy, SECOND) })
    expect(await again.getJson('/api/v1/status')).toMatchObject({ gateway_id: SECOND_ID, stream: second?.['stream'] })
    expect(await identityCheck(again)).toMatchObject({ healthy: true })
  })

  test('a state file that was copied after a kill in the first seconds has an identity, too', async () => {
    const before = await start({ env: UNSET, commandPrefix: onMachine(directory(), FIRST) })
    const { stream } = await before.getJson('/api/v1/status')
    await before.end('SIGKILL')
    const copy = join(directory(), 'copy')
    mkdirSync(copy)
    copyFileSync(before.statePath, join(copy, 'state.ring'))
    const clone = await start({ directory: copy, env: UNSET, commandPrefix: onMachine(copy, SECOND) })
    const status = await clone.getJson('/api/v1/status')
    expect(status).toMatchObject({ gateway_id: SECOND_ID, machine_id: SECOND_ID })
    expect(status['stream']).not.toBe(stream)
    const message = expect.stringContaining(`another machine (machine ${FIRST_ID}, gateway_id ${FIRST_ID})`)
    expect(await identityCheck(clone)).toMatchObject({ healthy: false, message })
  })

  test('a transient machine id is not an identity: gateway_id and stream remain, with one warning', async () => {
    const first = await start({ env: UNSET, commandPrefix: onMachine(directory(), FIRST) })
    const { stream } = await first.getJson('/api/v1/status')
    expect(await first.end()).toBe(0)
    for (const [id, transient, why] of [
      [SECOND, true, 'is only valid for this boot, because it is on a RAM-backed file system (tmpfs)'],
      ['uninitialized', false, 'is uninitialized'],
      ['', false, 'is empty'],
    ] as const) {
      const agent = await start({ env: UNSET, commandPrefix: onMachine(directory(), id, transient) })
      expect(await agent.getJson('/api/v1/status')).toMatchObject({
        gateway_id: FIRST_ID,
        machine_id: FIRST_ID,
        stream,
        checks: expect.arrayContaining([
          expect.objectContaining({ name: 'identity', healthy: false, message: `/etc/machine-id ${why}` }),
        ]),
      })
      expect(linesWith(agent, `/etc/machine-id ${why}; gateway_id is ${FIRST_ID}`)).toHaveLength(1)
      expect((await agent.events()).map(({ event }) => event)).not.toContain('identity_changed')
      expect(await agent.end()).toBe(0)
    }
    const last = await start({ env: UNSET, commandPrefix: onMachine(directory(), FIRST) })
    expect(await last.getJson('/api/v1/status')).toMatchObject({ gateway_id: FIRST_ID, stream })
    expect(await identityCheck(last)).toMatchObject({ healthy: true })
  })

  test('without any machine id, the gateway id is derived from the stream and remains', async () => {
    const first = await start({ env: UNSET, commandPrefix: onMachine(directory(), '') })
    const { gateway_id: gatewayId, stream } = await first.getJson('/api/v1/status')
    expect(gatewayId).toBe(stream)
    expect(await first.end()).toBe(0)
    const second = await start({ env: UNSET, commandPrefix: onMachine(directory(), FIRST) })
    expect(await second.getJson('/api/v1/status')).toMatchObject({
      gateway_id: gatewayId,
      machine_id: FIRST_ID,
      stream,
    })
    expect(await identityCheck(second)).toMatchObject({ healthy: true })
  })

  test('a configured gateway_id remains on another machine', async () => {
    const env = { ...UNSET, GATEWATCH_GATEWAY_ID: 'gw-7' }
    const first = await start({ env, commandPrefix: onMachine(directory(), FIRST) })
    const { stream } = await first.getJson('/api/v1/status')
    expect(await first.end()).toBe(0)
    const second = await start({ env: UNSET, commandPrefix: onMachine(directory(), SECOND) })
    const status = await second.getJson('/api/v1/status')
    expect(status).toMatchObject({ gateway_id: 'gw-7', machine_id: SECOND_ID })
    expect(status['stream']).not.toBe(stream)
    expect(linesWith(second, 'IDENTITY CHANGED')[0]).toContain('gateway_id remains gw-7')
  })
})
