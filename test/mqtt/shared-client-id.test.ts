// Another client with our client id: what MQTT 5 reports, what can only be guessed without it, and how long it is reported.
import { describe, expect, it, test } from 'vitest'
import { createSharedClientId } from '../../src/mqtt/connection/shared-client-id.ts'
import { testClock } from '../rig/clock.ts'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'
import { connected } from './received.ts'
import { CONNACK, startScriptedBroker } from './scripted-broker.ts'

const TAKEN_OVER = { takenOver: true, byBroker: false }
const CLOSED = { takenOver: false, byBroker: true }
const OTHER = { takenOver: false, byBroker: false }
const MINUTE = 60_000

function watched() {
  const logged: string[] = []
  const clock = testClock()
  const shared = createSharedClientId(
    'gatewatch-gw-7-0011',
    clock,
    (level, message) => void logged.push(`${level}: ${message}`),
  )
  return { shared, clock, logged }
}

const CERTAIN =
  'another client with our client id gatewatch-gw-7-0011 took the connection over; two clients with one id disconnect each other: set another gateway_id or mqtt.client_id on one of them'
const HINT =
  'the broker repeatedly closed the connection soon after it was accepted, without a reason; either it restarts, or another client has our client id gatewatch-gw-7-0011: then set another gateway_id or mqtt.client_id on one of them'

describe('another client with our id', () => {
  test('a take-over is logged once, and reported for 20 minutes after the last one', () => {
    const { shared, clock, logged } = watched()
    expect(shared.problem()).toBeNull()
    shared.ended(TAKEN_OVER, 5 * MINUTE)
    clock.advance(10 * MINUTE)
    shared.ended(TAKEN_OVER, 5)
    expect(shared.problem()).toBe(CERTAIN)
    expect(logged).toEqual([`warning: mqtt: ${CERTAIN}`])
    clock.advance(20 * MINUTE - 1)
    expect(shared.problem()).toBe(CERTAIN)
    clock.advance(1)
    expect(shared.problem()).toBeNull()
  })

  test('without a reason, only the third short connection in a row is a hint, and it names the other cause', () => {
    const { shared, logged } = watched()
    shared.ended(CLOSED, 100)
    shared.ended(CLOSED, 100)
    expect(shared.problem()).toBeNull()
    shared.ended(CLOSED, 100)
    expect(shared.problem()).toBe(HINT)
    expect(logged).toEqual([`warning: mqtt: ${HINT}`])
  })

  test.each([
    ['a connection that lasted', CLOSED, 2 * MINUTE],
    ['a connection that ended for another reason', OTHER, 100],
  ])('%s ends the row', (_, loss, lastedMs) => {
    const { shared } = watched()
    for (let i = 0; i < 4; i++) {
      shared.ended(CLOSED, 100)
      shared.ended(CLOSED, 100)
      shared.ended(loss, lastedMs)
    }
    expect(shared.problem()).toBeNull()
  })

  test('a broker that is known to be restarted shows nothing', () => {
    const { shared } = watched()
    for (let i = 0; i < 4; i++) {
      shared.ended(CLOSED, 100)
      shared.restarted()
    }
    expect(shared.problem()).toBeNull()
  })
})

it('the reason of MQTT 5 is recognised', async () => {
  await using broker = await startScriptedBroker((socket) => {
    socket.write(CONNACK)
    setTimeout(() => socket.write(Buffer.from([0xe0, 2, 142, 0])), 20)
  })
  await using gateway = startGateway({ config: { url: broker.url } })
  await until(() => gateway.sink.health().sharedClientId, { what: 'the report', is: (text) => text !== null })
  expect(gateway.sink.health().sharedClientId).toBe(CERTAIN)
  expect(gateway.logged.filter((line) => line.includes('took the connection over'))).toHaveLength(1)
})

describeUnless(missingPrograms(...MOSQUITTO), 'with a real mosquitto', () => {
  it('two gateways with one client id report that another client may have it', async () => {
    await using broker = await startMosquitto()
    await using first = startGateway({ config: { url: broker.url } })
    await connected(first)
    await using second = startGateway({ config: { url: broker.url } })
    const gateways = [first, second]
    await until(() => gateways.every(({ sink }) => sink.health().sharedClientId !== null), {
      what: 'both to report it',
    })
    // mosquitto 2.0.11 closes the connection without the reason, with MQTT 5, too.
    for (const { sink, logged } of gateways) {
      expect([CERTAIN, HINT]).toContain(sink.health().sharedClientId)
      expect(logged.filter((line) => line.includes('our client id'))).toHaveLength(1)
    }
  })
})
