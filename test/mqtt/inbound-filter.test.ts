// The filter in front of mqtt.js: what it passes on, ignores and refuses, whatever the segmentation of the stream.
import fc from 'fast-check'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import type { RefusedPacket } from '../../src/mqtt/connection/frame.ts'
import { createInboundFilter, type InboundFilter } from '../../src/mqtt/connection/inbound-filter.ts'
import { type TestClock, testClock } from '../rig/clock.ts'

const CONNACK = Buffer.from([0x20, 3, 0, 0, 0])
const PINGRESP = Buffer.from([0xd0, 0])
const PUBACK = Buffer.from([0x40, 2, 0, 1])

function message(topic: string, payloadBytes: number, properties = {}): Buffer {
  const payload = Buffer.alloc(payloadBytes, 'x')
  return generate({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false, properties })
}

function generate(packet: Packet): Buffer {
  return mqttPacket.generate(packet, { protocolVersion: 5 })
}

interface Filtered {
  readonly filter: InboundFilter
  readonly clock: TestClock
  readonly ignored: readonly string[]
  readonly refused: readonly RefusedPacket[]
}

function createFilter(version: 4 | 5 = 5): Filtered {
  const clock = testClock()
  const ignored: string[] = []
  const refused: RefusedPacket[] = []
  const filter = createInboundFilter({
    version,
    clock,
    ignored: (what) => void ignored.push(what),
    refused: (packet) => void refused.push(packet),
  })
  return { filter, clock, ignored, refused }
}

/** Feeds the chunks, and waits through pauses if `wait`; returns what was passed on, and why it ended early, if it did. */
function feed({ filter, clock }: Filtered, chunks: readonly Buffer[], wait = false) {
  const passed: Buffer[] = []
  let pausedMs = 0
  for (const chunk of chunks) {
    filter.add(chunk)
    for (;;) {
      const taken = filter.take()
      if (taken.kind === 'violation') return { passed, end: taken.what, pausedMs }
      if (taken.kind === 'packets') {
        if (taken.bytes.length > 0) passed.push(taken.bytes)
        if (taken.needsMore) break
      } else if (!wait) return { passed, end: 'pause', pausedMs }
      else {
        pausedMs += taken.ms
        clock.skip(taken.ms)
      }
    }
  }
  return { passed, end: null, pausedMs }
}

/** The bytes in pieces of these lengths, repeated. */
function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1
    chunks.push(bytes.subarray(at, at + length))
    at += length
  }
  return chunks
}

describe('the filter for packets from the broker', () => {
  it('passes on permitted packets unchanged and whole, however the stream is cut', () => {
    const packet = fc.oneof(
      fc.constantFrom(PINGRESP, PUBACK, generate({ cmd: 'suback', messageId: 2, granted: [0] })),
      fc.integer({ min: 0, max: 20_000 }).map((bytes) => message('a/b', bytes)),
    )
    const lengths = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 12 }), lengths, (packets, pieces) => {
        const bytes = Buffer.concat([CONNACK, ...packets])
        const { passed, end } = feed(createFilter(), cut(bytes, pieces), true)
        expect(end).toBeNull()
        expect(Buffer.concat(passed).equals(bytes)).toBe(true)
        const parser = mqttPacket.parser({ protocolVersion: 5 })
        for (const piece of passed) expect(parser.parse(piece)).toBe(0)
      }),
    )
  })

  it('reports the reason of a refusal, and passes on one that mqtt.js knows, however the stream is cut', () => {
    const refusal = (type: number, id: number, reason: number, ...properties: number[]) =>
      Buffer.from([type, 3 + properties.length, 0, id, reason, ...properties])
    const packets = [PUBACK, refusal(0x40, 2, 149), refusal(0x40, 3, 16), refusal(0x50, 4, 135, 0)]
    for (const size of [1, 3, 64]) {
      const filtered = createFilter()
      const { passed, end } = feed(filtered, cut(Buffer.concat([CONNACK, ...packets]), [size]))
      expect(end).toBeNull()
      expect(filtered.refused).toEqual([
        { id: 2, reasonCode: 149 },
        { id: 4, reasonCode: 135 },
      ])
      const known = [PUBACK, refusal(0x40, 2, 128), refusal(0x40, 3, 16), refusal(0x50, 4, 128, 0)]
      expect(Buffer.concat(passed)).toEqual(Buffer.concat([CONNACK, ...known]))
    }
    const filtered = createFilter(4)
    feed(filtered, [Buffer.from([0x20, 2, 0, 0]), refusal(0x40, 2, 149)])
    expect(filtered.refused).toEqual([])
  })

  it('does not copy packets that arrive whole', () => {
    const chunk = Buffer.concat([CONNACK, message('a/b', 100), PINGRESP])
    const [passed] = feed(createFilter(), [chunk]).passed
    expect(passed?.buffer).toBe(chunk.buffer)
    expect(passed?.byteOffset).toBe(chunk.byteOffset)
  })

  it('passes on at most 16 small packets, or one large one, in one turn', () => {
    const sizes = (bytes: Buffer[]) =>
      feed(createFilter(), [Buffer.concat([CONNACK, ...bytes])]).passed.map((piece) => piece.length)
    const small = message('a', 1)
    expect(sizes(Array(40).fill(small))).toEqual([
      CONNACK.length + 15 * small.length,
      16 * small.length,
      9 * small.length,
    ])
    const large = message('a', 100_000)
    expect(sizes([large, large])).toEqual([CONNACK.length + large.length, large.length])
  })

  it.each([
    [
      'something else than a CONNACK',
      [Buffer.from('HTTP/1.1 400 Bad Request\r\n')],
      'no CONNACK (is it an MQTT broker?)',
    ],
    ['a message before the CONNACK', [message('a', 1)], 'no CONNACK (is it an MQTT broker?)'],
    ['a second CONNACK', [CONNACK, CONNACK], 'a second CONNACK'],
    ['a large CONNACK', [Buffer.from([0x20, 0xff, 0x7f])], 'a CONNACK of 16383 bytes'],
    [
      'a message with QoS 1',
      [CONNACK, Buffer.from([0x32, 5, 0, 1, 97, 0, 1])],
      'a message with QoS 1 for a subscription with QoS 0',
    ],
    [
      'a message with QoS 2',
      [CONNACK, Buffer.from([0x34, 5, 0, 1, 97, 0, 1])],
      'a message with QoS 2 for a subscription with QoS 0',
    ],
    [
      'a message with QoS 3',
      [CONNACK, Buffer.from([0x36, 5, 0, 1, 97, 0, 1])],
      'a message with QoS 3 for a subscription with QoS 0',
    ],
    ['a message of 200 MB', [CONNACK, Buffer.from([0x30, 0x80, 0x80, 0x80, 100])], 'a message of 209715200 bytes'],
    [
      'a length of five bytes',
      [CONNACK, Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1])],
      'an unexpected packet with a malformed length',
    ],
    ['a PUBREL', [CONNACK, Buffer.from([0x62, 2, 0, 1])], 'an unexpected PUBREL'],
    ['a CONNECT', [CONNACK, Buffer.from([0x10, 0])], 'an unexpected CONNECT'],
    ['a SUBSCRIBE', [CONNACK, Buffer.from([0x82, 0])], 'an unexpected SUBSCRIBE'],
    ['a PINGREQ', [CONNACK, Buffer.from([0xc0, 0])], 'an unexpected PINGREQ'],
    ['an AUTH', [CONNACK, Buffer.from([0xf0, 0])], 'an unexpected AUTH'],
    ['the reserved type 0', [CONNACK, Buffer.from([0x00, 0])], 'an unexpected reserved packet'],
    ['reserved flags', [CONNACK, Buffer.from([0xd1, 0])], 'a malformed PINGRESP'],
    ['a large SUBACK', [CONNACK, Buffer.from([0x90, 0xff, 0x7f])], 'a SUBACK of 16383 bytes'],
  ])('refuses %s', (_, packets, what) => {
    const bytes = Buffer.concat(packets)
    expect(feed(createFilter(), [bytes]).end).toBe(what)
    expect(feed(createFilter(), cut(bytes, [1])).end).toBe(what)
    const { passed } = feed(createFilter(), [bytes])
    expect(Buffer.concat(passed).length).toBe(packets.length > 1 ? CONNACK.length : 0)
  })

  it('accepts a DISCONNECT in MQTT 5 only', () => {
    const bytes = Buffer.concat([CONNACK, Buffer.from([0xe0, 2, 142, 0])])
    expect(feed(createFilter(5), [bytes]).end).toBeNull()
    expect(feed(createFilter(4), [bytes]).end).toBe('an unexpected DISCONNECT')
  })

  it.each([[4096], [13], [65_536], [7, 600_000]])(
    'skips a message of more than 512 KiB, in pieces of %s',
    (...lengths) => {
      const filtered = createFilter()
      const before = message('a/b', 10)
      const large = message('gatewatch/gw-7/unit/a.service/set', 600 * 1024)
      const after = message('a/c', 10)
      const { passed, end } = feed(filtered, cut(Buffer.concat([CONNACK, before, large, after]), lengths))
      expect(end).toBeNull()
      expect(Buffer.concat(passed).equals(Buffer.concat([CONNACK, before, after]))).toBe(true)
      expect(filtered.ignored).toHaveLength(1)
      expect(filtered.ignored[0]).toMatch(/^a message of 614436 bytes( on gatewatch\/gw-7\/unit\/a\.service\/set)?$/)
    },
  )

  it('passes on a message of exactly 512 KiB, and ignores one that has a byte more', () => {
    const overhead = message('a', 500_000).length - 500_000
    const filtered = createFilter()
    const [largest, larger] = [message('a', 524_288 - overhead), message('a', 524_289 - overhead)]
    const { passed } = feed(filtered, [CONNACK, largest, larger])
    expect(Buffer.concat(passed).length).toBe(CONNACK.length + 524_288)
    expect(filtered.ignored).toEqual([`a message of ${524_289 - 4} bytes on a`])
  })

  it('ignores a message whose properties would take long to decode, in MQTT 5', () => {
    const userProperties = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`name${i}`, '']))
    const bytes = [CONNACK, message('a', 1, { userProperties }), message('a', 1, { userProperties: { a: 'b' } })]
    const filtered = createFilter()
    const { passed, end } = feed(filtered, bytes)
    expect(end).toBeNull()
    expect(passed.map(({ length }) => length)).toEqual([CONNACK.length, bytes[2]?.length])
    expect(filtered.ignored).toEqual(['a message with large properties on a'])
    expect(feed(createFilter(4), bytes).passed).toHaveLength(3)
  })

  it('pauses when there are too many messages, and then gives up', () => {
    const flood = Buffer.concat(Array(10_000).fill(message('a', 1)))
    expect(feed(createFilter(), [CONNACK, flood]).end).toBe('pause')
    const { passed, end, pausedMs } = feed(createFilter(), [CONNACK, flood], true)
    expect(end).toBe('more than 100 messages or KiB per second')
    const messages = (Buffer.concat(passed).length - CONNACK.length) / message('a', 1).length
    expect(messages).toBe(4096 + 1000)
    expect(pausedMs).toBe(10_000)
  })

  it('counts each KiB of a message, an ignored one too', () => {
    const kib = (size: number) => Array<Buffer>(100).fill(message('a', size * 1024))
    expect(feed(createFilter(), [CONNACK, ...kib(30)]).end).toBeNull()
    for (const size of [60, 600]) {
      const { passed, end } = feed(createFilter(), [CONNACK, ...kib(size)], true)
      expect(end).toMatch(/^(more than|a message of 614)/)
      expect(Buffer.concat(passed).length).toBeLessThan((4096 + 1100) * 1024)
    }
  })

  it('allows another burst after a quiet time', () => {
    const filtered = createFilter()
    const burst = Buffer.concat(Array(5000).fill(message('a', 1)))
    expect(feed(filtered, [CONNACK, burst], true).end).toBeNull()
    for (let i = 0; i < 3; i++) {
      filtered.clock.skip(60_000)
      expect(feed(filtered, [burst], true)).toMatchObject({ end: null })
    }
    expect(feed(filtered, [burst, burst], true).end).not.toBeNull()
  })

  it('does not limit responses to packets of our own, but those that are not', () => {
    const filtered = createFilter()
    filtered.filter.expect(20_000)
    expect(feed(filtered, [CONNACK, Buffer.concat(Array(20_000).fill(PUBACK))])).toMatchObject({ end: null })
    for (const packet of [PUBACK, PINGRESP])
      expect(feed(createFilter(), [CONNACK, Buffer.concat(Array(5000).fill(packet))]).end).toBe('pause')
  })
})
