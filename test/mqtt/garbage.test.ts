// A scripted peer that violates the protocol: connections end, the agent continues.
import { expect, it } from 'vitest'
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'
import { CONNACK, startScriptedBroker } from './scripted-broker.ts'

it.each([
  ['HTTP', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]],
  ['a second CONNACK', [CONNACK, CONNACK]],
  ['PUBACKs for messages that were never sent', [CONNACK, Buffer.from([0x40, 2, 0, 1, 0x40, 2, 0xff, 0xff])]],
  ['a SUBACK for a PUBLISH', [CONNACK, Buffer.from([0x90, 4, 0, 1, 0, 0])]],
  ['a CONNACK with broken properties', [Buffer.from([0x20, 5, 0, 0, 200, 1, 1])]],
  ['a PUBLISH with a topic alias that was not negotiated', [CONNACK, Buffer.from([0x30, 6, 0, 0, 3, 0x23, 0, 9])]],
  ['a length without an end', [CONNACK, Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff])]],
  ['a DISCONNECT', [CONNACK, Buffer.from([0xe0, 2, 142, 0])]],
])('%s at most ends the connection', async (_, packets) => {
  await using broker = await startScriptedBroker((socket) => {
    for (const packet of packets) socket.write(packet)
    setTimeout(() => socket.end(), 20)
  })
  await using gateway = startGateway({ config: { url: broker.url }, units: ['a.service'], speed: 100 })
  gateway.fail('a.service', 3)
  await until(() => broker.connections() >= 3, { what: 'the third attempt' })
  expect(gateway.sink.health().queued).toBeGreaterThan(0)
  expect(gateway.sink.health().dropped).toEqual({ overflow: 0, forgotten: 0, too_large: 0, refused: 0, cleared: 0 })
})

it('continues after any bytes', async () => {
  let seed = 12_345
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed / 2 ** 31
  }
  await using broker = await startScriptedBroker((socket, connection) => {
    if (connection % 2 === 1) socket.write(CONNACK)
    const type = (2 + Math.floor(random() * 14)) << 4
    const body = Buffer.from(Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256)))
    socket.write(Buffer.concat([Buffer.from([type | Math.floor(random() * 16), body.length]), body]))
    setTimeout(() => socket.end(), 3)
  })
  await using gateway = startGateway({ config: { url: broker.url }, units: ['a.service'], speed: 10_000 })
  gateway.fail('a.service', 3)
  await until(() => broker.connections() >= 300, { what: '300 attempts', timeoutMs: 25_000 })
  expect(gateway.logged.length).toBeLessThan(900)
})
