// Target: the byte stream of the bus, which is cut into messages by their headers (dbus/message-guard, message-header).
import fc from 'fast-check'
import { createMessageGuard } from '../../../src/dbus/message-guard.ts'
import type { MessageHeader } from '../../../src/dbus/message-header.ts'
import { message } from '../../systemd/wire.ts'
import { mutatedBytes } from '../mutated.ts'
import { assert, type FuzzTarget, HEX_FILES } from '../target.ts'
import { Malformed, read } from './support/dbus-reference.ts'

/** The sender whose messages are wanted. */
const OURS = ':1.1'
const SIGNAL = { type: 4, path: '/a', interface: 'a.b', member: 'Mark', sender: OURS } as const
const MARK = message({ ...SIGNAL, body: [['s', 'x']] })
const WANTED_BYTES_AT_MOST = 16 << 20
const HEADER_BYTES_AT_MOST = 64 << 10

interface Passed {
  readonly wanted: readonly { readonly head: MessageHeader; readonly bytes: Buffer }[]
  readonly malformed: readonly string[]
  readonly gaveUp: readonly string[]
}

/** What the guard makes of these chunks, each of which is overwritten afterwards, as in the buffer of the socket. */
function passed(chunks: readonly Buffer[]): Passed {
  const wanted: { head: MessageHeader; bytes: Buffer }[] = []
  const malformed: string[] = []
  const gaveUp: string[] = []
  const receive = createMessageGuard({
    admit: ({ sender }) => sender === OURS,
    read: (head, bytes) => void wanted.push({ head, bytes: Buffer.from(bytes) }),
    giveUp: (reason) => gaveUp.push(reason),
    malformed: (reason) => malformed.push(reason),
  })
  for (const chunk of chunks) {
    const borrowed = Buffer.from(chunk)
    receive(borrowed)
    borrowed.fill(0xee)
  }
  return { wanted, malformed, gaveUp }
}

/** In chunks whose size depends on the content. */
function inChunks(bytes: Buffer): Buffer[] {
  const size = 1 + ((bytes[9] ?? 0) % 40)
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

function asText({ wanted, malformed, gaveUp }: Passed): string {
  return JSON.stringify([wanted.map(({ head }) => head), malformed, gaveUp])
}

function checkWanted({ head, bytes }: Passed['wanted'][number]): void {
  const { size, bodyAt } = head
  assert(size === bytes.length && size <= WANTED_BYTES_AT_MOST, () => `${bytes.length} bytes, but the size is ${size}`)
  assert(
    bodyAt % 8 === 0 && bodyAt <= Math.min(size, HEADER_BYTES_AT_MOST),
    () => `the body of ${size} is at ${bodyAt}`,
  )
  assert(head.fds === 0 && !head.signature.includes('h'), () => 'a message with file descriptors was passed on')
  const fields = referenceFields(bytes, head.little)
  if (fields === 'unsure') return
  const { path, interface: face, member, errorName, sender, signature, replySerial, fds } = head
  const read = [path, face, member, errorName, sender, signature, replySerial, fds]
  const [expected, actual] = [fields, read].map((all) => JSON.stringify(all))
  assert(expected === actual, () => `the header was read as ${actual}, it contains ${expected}`)
}

/** The signatures of the fields that are read. */
const FIELD_TYPES = ['s', 'o', 'g', 'u'].map((type) => `\x01${type}\0`)

/** The fields, null if they are malformed; unsure if there is one of a type that is skipped without being checked. */
function referenceFields(bytes: Buffer, little: boolean): readonly unknown[] | null | 'unsure' {
  const end = 16 + (little ? bytes.readUInt32LE(12) : bytes.readUInt32BE(12))
  const known = new Map<string, unknown>()
  for (let at = 16; at < end; ) {
    const from = Math.ceil(at / 8) * 8
    const type = bytes.toString('latin1', from + 1, from + 4)
    if (from + 5 > end) return null
    if (!FIELD_TYPES.includes(type)) return 'unsure'
    try {
      const one = read(bytes.subarray(0, end), from + 4, little, type[1] as string)
      known.set(`${type[1] === 'u' ? 'number' : 'text'} ${bytes[from]}`, one.value)
      at = one.at
    } catch (error) {
      if (error instanceof Malformed) return null
      throw error
    }
  }
  const text = (code: number) => known.get(`text ${code}`) ?? ''
  const number = (code: number) => known.get(`number ${code}`) ?? 0
  return [text(1), text(2), text(3), text(4), text(7), text(8), number(5), number(9)]
}

const name = fc.oneof(fc.constantFrom('a', 'org.example', '/a/b'), fc.string({ unit: 'binary-ascii', maxLength: 300 }))
const messages = fc.array(
  fc
    .record(
      {
        type: fc.nat(5),
        flags: fc.nat(3),
        path: name,
        interface: name,
        member: name,
        errorName: name,
        replySerial: fc.nat(),
        sender: fc.constantFrom(OURS, ':1.66'),
        signature: fc.constantFrom('s', 'a{sv}', 'h', 'a()', ''),
        fds: fc.nat(2),
        bigEndian: fc.boolean(),
        unknownFields: fc.array(fc.tuple(fc.nat(12), fc.constantFrom(...UNKNOWN())), { maxLength: 2 }),
        claimedBodyBytes: fc.constantFrom(0, 1, 7, 8, 1 << 24, (1 << 24) + 1, 1 << 27, 2 ** 32 - 1),
      },
      { requiredKeys: ['type'] },
    )
    .map((parts) => message({ body: [['s', 'x']], ...parts })),
  { maxLength: 4 },
)

function UNKNOWN() {
  return [
    ['s', 'y'],
    ['u', 1],
    ['t', 7n],
    ['a{sv}', { a: ['as', ['x']] }],
    ['v', ['(u)', [1]]],
  ] as const
}

/** A message of ours whose header is a few bytes longer than it says. */
const cut = fc.tuple(fc.constantFrom({ fds: 0 }, { replySerial: 7 }, {}), fc.nat(16)).map(([last, bytes]) => {
  const whole = message({ ...SIGNAL, ...last })
  whole.writeUInt32LE(whole.readUInt32LE(12) - bytes, 12)
  return whole
})

export const target: FuzzTarget<Buffer> = {
  ...HEX_FILES,
  cpuMsAtMost: 250,
  inputs: (corpus) =>
    fc.oneof(
      mutatedBytes(corpus, [MARK]),
      cut,
      messages.map((all) => Buffer.concat(all as unknown as Uint8Array[])),
      messages.chain((all) => mutatedBytes(all)),
    ),
  check(bytes) {
    const whole = passed([bytes])
    assert(asText(whole) === asText(passed(inChunks(bytes))), () => 'the result depends on the chunks of the stream')
    assert(whole.gaveUp.length <= 1, () => 'the stream was given up twice')
    for (const one of whole.wanted) checkWanted(one)
    const after = passed([MARK, bytes])
    assert(after.wanted[0]?.bytes.equals(MARK) === true, () => 'a valid message was lost because of those after it')
    assert(after.wanted.length === whole.wanted.length + 1, () => 'a valid message changes how those after it are read')
  },
}
