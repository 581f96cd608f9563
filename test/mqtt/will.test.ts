// The Will: the broker publishes `offline` when the agent cannot, and never over a newer session.
import { spawn } from 'node:child_process'
import { expect, it } from 'vitest'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'
import { startLink } from './link.ts'

const sessionOf = (userProperties: string | undefined) => /session:([0-9a-f]{16})/.exec(userProperties ?? '')?.[1]

describeUnless(missingPrograms(...MOSQUITTO), 'the Will', () => {
  it('is published when the agent is killed: offline, retained, with the session', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/gw-7/availability')
    const publisher = spawn(process.execPath, ['--import', 'tsx', 'test/mqtt/publisher-process.ts', broker.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => publisher.stdout.once('data', resolve))
    publisher.kill('SIGKILL')
    await until(() => subscriber.received.length >= 2, { what: 'the Will' })
    expect(subscriber.received.map(({ payload }) => payload)).toEqual(['online', 'offline'])
    const [birth, will] = subscriber.received.map(({ userProperties }) => sessionOf(userProperties))
    expect(birth).toMatch(/^[0-9a-f]{16}$/)
    expect(will).toBe(birth)
    expect(Object.values(await broker.retained('gatewatch/gw-7/availability'))).toEqual(['offline'])
  })

  it('of a dead connection does not replace the birth message of the next session', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/gw-7/availability')
    await using link = await startLink(broker.port)
    await using _gateway = startGateway({ config: { url: link.url }, units: ['a.service'] })
    await until(() => subscriber.received.length === 1, { what: 'the birth message' })
    link.forget() // for the broker the old connection stays open until a new one with the same client id
    await until(() => subscriber.received.length >= 3, { what: 'the Will and the new birth message' })
    expect(subscriber.received.map(({ payload }) => payload)).toEqual(['online', 'offline', 'online'])
    const sessions = subscriber.received.map(({ userProperties }) => sessionOf(userProperties))
    expect(sessions[1]).toBe(sessions[0])
    expect(sessions[2]).not.toBe(sessions[0])
    expect(Object.values(await broker.retained('gatewatch/gw-7/availability'))).toEqual(['online'])
  })
})
