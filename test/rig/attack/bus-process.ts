// A hostile client of a bus, in a process of its own: `bus-process.ts SOCKET UID DESTINATION MESSAGES`, all of it from `attackBus`.
import { connect, type Socket } from 'node:net'
import { message } from '../../systemd/wire.ts'
import type { HostileMessages } from './bus.ts'

const [, , socketPath = '', uid = '', destination = '', messages = ''] = process.argv
const DRIVER = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' }
const LAST_SERIAL = 4_000_000_000
/** Small messages are written in blocks of this size. */
const BLOCK_BYTES = 1 << 20

process.setgid?.(Number(uid))
process.setuid?.(Number(uid))
const socket = connect(socketPath)
socket.on('error', ({ message: why }) => console.error(`the hostile client was disconnected: ${why}`))
socket.on('close', () => process.exit(1))
await write(socket, `\0AUTH EXTERNAL ${Buffer.from(uid).toString('hex')}\r\n`)
await received((bytes) => bytes.includes('OK ') && bytes.includes('\r\n'))
await write(socket, 'BEGIN\r\n')
await write(socket, message({ type: 1, serial: 1, ...DRIVER, member: 'Hello' }))
for (const hostile of JSON.parse(messages) as HostileMessages[]) {
  const one = signal(hostile)
  const perBlock = Math.min(hostile.count, Math.max(1, Math.floor(BLOCK_BYTES / one.length)))
  const block = Buffer.concat(Array.from({ length: perBlock }, () => one))
  for (let left = hostile.count; left > 0; left -= perBlock)
    await write(socket, block.subarray(0, Math.min(left, perBlock) * one.length))
}
// The bus has read and passed on everything when it replies to the last call.
await write(socket, message({ type: 1, serial: LAST_SERIAL, ...DRIVER, member: 'GetId' }))
const reply = Buffer.alloc(4)
reply.writeUInt32LE(LAST_SERIAL)
await received((bytes) => bytes.includes(reply))
process.exit(0)

/** A unicast signal that only its destination receives, whatever its match rules are. */
function signal({ bodyBytes = 0, pathBytes = 1, member = 'Flood', bigEndian = false }: HostileMessages): Buffer {
  const start = message({
    type: 4,
    path: `/${'x'.repeat(pathBytes - 1)}`,
    interface: 'org.freedesktop.DBus.Properties',
    member,
    destination,
    bigEndian,
    ...(bodyBytes > 0 ? { signature: 'ay', claimedBodyBytes: bodyBytes } : {}),
  })
  const body = Buffer.alloc(bodyBytes, 0x78)
  if (bodyBytes > 0) body[bigEndian ? 'writeUInt32BE' : 'writeUInt32LE'](bodyBytes - 4)
  return Buffer.concat([start, body])
}

function write(to: Socket, bytes: Buffer | string): Promise<void> {
  return new Promise((resolve) => to.write(bytes, () => resolve()))
}

/** Resolves when all bytes received so far meet the condition. */
async function received(is: (bytes: Buffer) => boolean): Promise<void> {
  let all = Buffer.alloc(0)
  for (;;) {
    const chunk: Buffer | null = socket.read()
    if (chunk !== null) all = Buffer.concat([all, chunk])
    if (is(all)) return
    if (chunk === null) await new Promise((resolve) => socket.once('readable', resolve))
  }
}
