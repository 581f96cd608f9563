import { expect, it } from 'vitest'
import { createMessageGuard } from '../../src/dbus/message-guard.ts'
import type { MessageHeader } from '../../src/dbus/message-header.ts'
import { type MessageParts, message, type Value } from '../systemd/wire.ts'

const OURS = ':1.1'

/** A guard that wants the signals of one sender. The bytes that it was given are overwritten after each chunk. */
function guarded() {
  const wanted: string[] = []
  const malformed: string[] = []
  const gaveUp: string[] = []
  const receive = createMessageGuard({
    admit: ({ sender }: MessageHeader) => sender === OURS,
    read: (head, bytes) => wanted.push(`${head.member} ${head.signature} ${bytes.length}`),
    giveUp: (reason) => gaveUp.push(reason),
    malformed: (reason) => malformed.push(reason),
  })
  return {
    wanted,
    malformed,
    gaveUp,
    feed(bytes: Buffer) {
      if (bytes.length > 1 << 20) return receive(bytes) // larger than a chunk of the socket: to save time
      const chunk = Buffer.from(bytes)
      receive(chunk)
      chunk.fill(0xee)
    },
  }
}

const signal = (parts: Partial<MessageParts>) =>
  message({ type: 4, path: '/a', interface: 'org.example', member: 'Other', sender: ':1.66', ...parts })
const ours = (member: string, parts: Partial<MessageParts> = {}) => signal({ sender: OURS, member, ...parts })
const text = (length: number): Value[] => [['s', 'x'.repeat(length)]]

const UNKNOWN: MessageParts['unknownFields'] = [
  [10, ['s', ':1.1']],
  [77, ['t', 7n]],
  [78, ['a{sv}', { a: ['(u)', [1]], b: ['as', ['x', 'y']] }]],
  [79, ['v', ['y', 1]]],
]
const STREAM = Buffer.concat([
  ours('First'),
  signal({ body: text(40) }),
  signal({ bigEndian: true, body: text(40) }),
  ours('Second', { bigEndian: true, body: text(9) }),
  signal({ unknownFields: UNKNOWN, body: text(9) }),
  ours('Third', { unknownFields: UNKNOWN, body: text(9) }),
  signal({ type: 1, flags: 1, fds: 3, body: text(9) }),
  signal({ type: 2, replySerial: 1, signature: 'h', body: text(9) }),
  ours('Fourth', { fds: 1, signature: 'h', body: [['u', 0]] }),
  ours('Fifth', { bigEndian: true, unknownFields: UNKNOWN }),
])
const EXPECTED = ['First  ', 'Second s ', 'Third s ', 'Fifth  ']

it('yields the same messages wherever the stream is split, in both byte orders', () => {
  for (let at = 0; at <= STREAM.length; at++) {
    const { wanted, malformed, gaveUp, feed } = guarded()
    feed(STREAM.subarray(0, at))
    feed(STREAM.subarray(at))
    expect(wanted.map((line) => line.replace(/\d+$/, ''))).toEqual(EXPECTED)
    expect([malformed, gaveUp]).toEqual([['a message carries file descriptors'], []])
  }
})

it('yields the same messages in pieces of any size', () => {
  for (const bytes of [1, 2, 3, 7, 15, 16, 17, 63, 64, 65, 1000]) {
    const { wanted, feed } = guarded()
    for (let at = 0; at < STREAM.length; at += bytes) feed(STREAM.subarray(at, at + bytes))
    expect(wanted.map((line) => line.replace(/\d+$/, ''))).toEqual(EXPECTED)
  }
})

it('skips unwanted messages that are too large, split anywhere around their boundaries', () => {
  const small = signal({ claimedBodyBytes: 20 << 20, signature: 'ay' })
  const huge = Buffer.concat([small, Buffer.alloc(20 << 20, 0x6c)])
  const longHeader = signal({ path: `/${'x'.repeat(70_000)}`, body: text(9) })
  const stream = Buffer.concat([huge, longHeader, ours('After')])
  const starts = [0, small.length, huge.length, huge.length + longHeader.length]
  for (const start of starts) {
    for (let near = -17; near <= 17; near++) {
      const at = Math.max(0, start + near)
      const { wanted, malformed, gaveUp, feed } = guarded()
      feed(stream.subarray(0, at))
      feed(stream.subarray(at))
      expect(wanted).toEqual([`After  ${ours('After').length}`])
      expect(malformed).toEqual([
        `skipped a message of ${huge.length} bytes from :1.66`,
        expect.stringMatching(/^skipped a message with a header of 70\d{3} bytes$/),
      ])
      expect(gaveUp).toEqual([])
    }
  }
})

it('keeps nothing of a message while it skips it', async () => {
  const { wanted, feed } = guarded()
  const body = Buffer.alloc(64 << 10, 0x6c)
  feed(signal({ claimedBodyBytes: 201 * body.length, signature: 'ay' }))
  const before = await externalBytes()
  for (let i = 0; i < 200; i++) feed(body)
  // A tenth of what was skipped: V8 frees buffers in the background, and vitest has some of its own.
  expect((await externalBytes()) - before).toBeLessThan(20 * body.length)
  feed(body)
  feed(ours('After'))
  expect(wanted).toHaveLength(1)
})

it('passes on the bytes of a message as they arrived, wherever the stream is split', () => {
  const bytes = Buffer.concat([ours('One', { body: text(100) }), ours('Two', { body: text(3000) }), ours('Three')])
  for (let at = 0; at <= bytes.length; at += 7) {
    const received: Buffer[] = []
    const receive = createMessageGuard({
      admit: () => true,
      read: (_, message) => received.push(Buffer.from(message)),
      giveUp: () => {},
      malformed: () => {},
    })
    for (const part of [bytes.subarray(0, at), bytes.subarray(at, at + 50), bytes.subarray(at + 50)]) {
      const chunk = Buffer.from(part)
      receive(chunk)
      chunk.fill(0xee)
    }
    expect(Buffer.concat(received).equals(bytes)).toBe(true)
  }
})

it('gives the stream up when a reader throws, and passes on nothing after that', () => {
  const gaveUp: string[] = []
  const receive = createMessageGuard({
    admit: () => true,
    read() {
      throw new RangeError('too short')
    },
    giveUp: (reason) => gaveUp.push(reason),
    malformed: () => {},
  })
  receive(Buffer.concat([ours('One'), ours('Two')]))
  receive(ours('Three'))
  expect(gaveUp).toEqual(['a message could not be decoded (too short)'])
})

it('gives the stream up for a wanted message that is too large', () => {
  const { gaveUp, feed } = guarded()
  const bytes = ours('Huge', { claimedBodyBytes: 17 << 20, signature: 'ay' })
  feed(bytes)
  expect(gaveUp).toEqual([`a message of ${bytes.length + (17 << 20)} bytes exceeds the limit of 16777216`])
})

it.each([
  ['an invalid byte order', Buffer.from('x'.repeat(16)), /^invalid byte order 120/],
  [
    'another protocol version',
    Buffer.from('l\x04\x00\x02\x00\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00'),
    /version 2/,
  ],
  ['more bytes than D-Bus allows', signal({ claimedBodyBytes: 0x08000000 }), /exceeds the limit of D-Bus/],
])('gives the stream up for %s, because the end of the message is unknown', (_, bytes, reason) => {
  const { gaveUp, feed } = guarded()
  feed(bytes)
  expect(gaveUp).toHaveLength(1)
  expect(gaveUp[0]).toMatch(reason)
})

it('skips and counts a message with malformed header fields, of which the sender is unknown', () => {
  const good = signal({ body: text(9) })
  for (let at = 16; at < 60; at++) {
    for (const value of [0, 1, 0x28, 0x61, 0xff]) {
      const bytes = Buffer.from(good)
      bytes[at] = value
      const { wanted, gaveUp, feed } = guarded()
      feed(Buffer.concat([bytes, ours('After')]))
      expect([wanted.length, gaveUp]).toEqual([1, []])
    }
  }
})

/** The bytes of all buffers after a garbage collection. */
async function externalBytes(): Promise<number> {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().arrayBuffers
}
