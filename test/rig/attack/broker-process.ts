// A hostile broker, in a process of its own: `broker-process.ts ATTACK`. Prints its port, and a line for each connection.
import { createServer, type Socket } from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'
import type { BrokerAttack } from './broker.ts'

const CHUNK_BYTES = 65_536
const HUGE_BYTES = 200 * 1024 * 1024
/** 65,535 of these are 512 MB. */
const QOS2_PAYLOAD_BYTES = 8192

/** The bytes of each attack, without an end. */
const ATTACKS: Readonly<Record<BrokerAttack, (version: number) => Generator<Buffer>>> = {
  *huge(version) {
    const start = publish(version, 0, Buffer.alloc(0), 0)
    const body = Buffer.alloc(CHUNK_BYTES, 'x')
    for (;;) {
      yield Buffer.concat([start.subarray(0, 1), lengthOf(HUGE_BYTES), start.subarray(2)])
      for (let sent = start.length - 2; sent < HUGE_BYTES; sent += body.length)
        yield body.subarray(0, HUGE_BYTES - sent)
    }
  },
  *qos2(version) {
    const payload = Buffer.alloc(QOS2_PAYLOAD_BYTES, 'x')
    for (let id = 1; ; id = (id % 65_535) + 1) yield publish(version, 2, payload, id)
  },
  *flood(version) {
    const one = publish(version, 0, Buffer.from('x'), 0)
    const many = Buffer.concat(Array.from({ length: Math.floor(CHUNK_BYTES / one.length) }, () => one))
    for (;;) yield many
  },
}

function publish(version: number, qos: 0 | 2, payload: Buffer, messageId: number): Buffer {
  const packet = { cmd: 'publish', topic: 'flood', payload, qos, dup: false, retain: false, messageId } as const
  return mqttPacket.generate(packet, { protocolVersion: version })
}

/** A length in groups of 7 bits, lowest first (MQTT 5.0, 1.5.5). */
function lengthOf(bytes: number): Buffer {
  return Buffer.from([(bytes & 127) | 128, ((bytes >> 7) & 127) | 128, ((bytes >> 14) & 127) | 128, bytes >> 21])
}

/** Responds like a real broker, so that the agent's own messages are acknowledged; the attack begins after the CONNACK. */
function serve(socket: Socket, attack: BrokerAttack): void {
  const parser = mqttPacket.parser()
  let protocolVersion = 4
  const send = (packet: Packet) => void socket.write(mqttPacket.generate(packet, { protocolVersion }))
  parser.on('packet', (packet: Packet) => {
    if (packet.cmd === 'connect') {
      protocolVersion = packet.protocolVersion ?? 4
      send({
        cmd: 'connack',
        sessionPresent: false,
        ...(protocolVersion === 5 ? { reasonCode: 0 } : { returnCode: 0 }),
      })
      sendAll(socket, ATTACKS[attack](protocolVersion))
    } else if (attack === 'huge') {
      return // a response would be part of the message
    } else if (packet.cmd === 'publish' && packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
    else if (packet.cmd === 'subscribe') send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [0] })
    else if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' })
  })
  parser.on('error', () => socket.destroy())
  socket.on('data', (data) => void parser.parse(data))
  socket.on('error', () => {})
}

/** As fast as the peer reads. */
function sendAll(socket: Socket, chunks: Generator<Buffer>): void {
  const more = () => {
    while (!socket.destroyed && socket.write(chunks.next().value));
  }
  socket.on('drain', () => setImmediate(more))
  more()
}

const attack = process.argv[2] as BrokerAttack
const server = createServer((socket) => {
  console.log('connection')
  serve(socket, attack)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(`port ${typeof address === 'object' ? address?.port : ''}`)
})
