// The stream between the socket and mqtt.js: it reads in slices, pauses the socket, and passes on ends and errors.
import { Duplex } from 'node:stream'
import { expect, it } from 'vitest'
import { createFilteredStream } from '../../src/mqtt/connection/filtered-stream.ts'
import { createInboundFilter } from '../../src/mqtt/connection/inbound-filter.ts'
import { settled, testClock } from '../rig/clock.ts'
import { until } from '../rig/until.ts'
import { CONNACK } from './scripted-broker.ts'

const SMALL = Buffer.from([0x30, 5, 0, 1, 97, 0, 120])
const QOS2 = Buffer.from([0x34, 6, 0, 1, 97, 0, 1, 0])

/** A stream on a socket of which the test plays the broker's side. */
function open() {
  const clock = testClock()
  const writes: Buffer[][] = []
  const violations: string[] = []
  const read: Buffer[] = []
  const socket = new Duplex({
    read() {},
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => chunk))
      done()
    },
  })
  const filter = createInboundFilter({ version: 5, clock, ignored: () => {}, refused: () => {} })
  const stream = createFilteredStream({ socket, filter, clock, violation: (what) => void violations.push(what) })
  stream.on('error', () => {})
  stream.on('data', (data: Buffer) => void read.push(data))
  return { clock, writes, violations, socket, stream, bytesRead: () => Buffer.concat(read).length }
}

it('reads a chunk of many packets in many turns of the event loop', async () => {
  const { socket, bytesRead } = open()
  let turns = 0
  const count = () => {
    turns += 1
    if (turns < 1000) setImmediate(count)
  }
  setImmediate(count)
  const bytes = Buffer.concat([CONNACK, ...Array(1600).fill(SMALL)])
  socket.push(bytes)
  await until(bytesRead, { what: 'all packets', is: (length) => length === bytes.length, everyMs: 0 })
  expect(turns).toBeGreaterThanOrEqual(99)
})

it('does not read from the socket during a pause', async () => {
  const { clock, socket, bytesRead, violations } = open()
  socket.push(Buffer.concat([CONNACK, ...Array(6000).fill(SMALL)]))
  const messages = () => (bytesRead() - CONNACK.length) / SMALL.length
  await until(messages, { what: 'the burst', is: (n) => n === 4096 })
  await until(() => clock.dueInMs(), { what: 'the pause', is: (ms) => ms === 1000 })
  expect(socket.isPaused()).toBe(true)
  clock.advance(1000)
  await until(messages, { what: 'the messages of a second', is: (n) => n === 4196 })
  expect(socket.isPaused()).toBe(true)
  expect(violations).toEqual([])
})

it('passes on what the broker sent before it closed the connection', async () => {
  const { socket, stream, bytesRead } = open()
  const bytes = Buffer.concat([CONNACK, ...Array(100).fill(SMALL)])
  socket.push(bytes)
  socket.push(null)
  socket.once('end', () => socket.destroy())
  await until(() => stream.destroyed, { what: 'the end' })
  expect(bytesRead()).toBe(bytes.length)
})

it('reads nothing more after a violation', async () => {
  const { socket, violations, bytesRead } = open()
  socket.push(Buffer.concat([CONNACK, QOS2, SMALL]))
  await until(() => violations.length, { what: 'the violation' })
  socket.push(Buffer.concat([QOS2, SMALL]))
  await settled()
  expect(violations).toHaveLength(1)
  expect(bytesRead()).toBe(CONNACK.length)
})

it('writes the parts of one packet together', async () => {
  const { stream, writes } = open()
  stream.cork()
  for (const part of ['a', 'b', 'c']) stream.write(part)
  stream.uncork()
  await settled()
  expect(writes.map((parts) => parts.map(String))).toEqual([['a', 'b', 'c']])
})

it('fails with the error of the socket, and destroys it when it is destroyed itself', async () => {
  const { socket, stream } = open()
  const failed = new Promise((resolve) => stream.once('error', resolve))
  const error = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
  socket.destroy(error)
  expect(await failed).toBe(error)
  const other = open()
  other.stream.destroy()
  expect(other.socket.destroyed).toBe(true)
})
