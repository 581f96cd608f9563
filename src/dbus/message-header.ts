// The head of a D-Bus message, read without touching its body: enough to refuse or skip it before it costs anything. Pure.
export const METHOD_RETURN = 2
export const ERROR = 3
export const SIGNAL = 4

/** The first part of every message: endianness, type, flags, version, body length, serial, length of the fields. */
export const FIXED_BYTES = 16

/** What the header of a message says (D-Bus specification, "Message Format"); absent fields are '' or 0. */
export interface MessageHeader {
  readonly type: number
  readonly flags: number
  readonly serial: number
  readonly replySerial: number
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly errorName: string
  readonly sender: string
  readonly signature: string
  readonly fds: number
  /** Where the body begins in what follows the fixed part. */
  readonly bodyAt: number
  readonly little: boolean
}

const LITTLE = 0x6c
const BIG = 0x42
const VERSION = 1

/** Bytes that follow the fixed part, or what is wrong with it, in words. */
export function bytesToCome(fixed: Buffer, atMost: number): number | string {
  const endian = fixed[0]
  if (endian !== LITTLE && endian !== BIG) return `a message begins with byte ${endian}`
  if (fixed[3] !== VERSION) return `a message has protocol version ${fixed[3]}`
  const fields = u32(fixed, 12, endian === LITTLE)
  const bytes = padded(fields) + u32(fixed, 4, endian === LITTLE)
  if (fields === 0) return 'a message has no header fields'
  if (bytes > atMost) return `a message claims ${bytes} bytes`
  return bytes
}

/** The head of a message of which `rest` follows the fixed part; or what is wrong with it, in words. */
export function headerOf(fixed: Buffer, rest: Buffer): MessageHeader | string {
  const little = fixed[0] === LITTLE
  const end = u32(fixed, 12, little)
  /** By the code of the field: 1 path, 2 interface, 3 member, 4 error name, 6 destination, 7 sender, 8 signature. */
  const texts = ['', '', '', '', '', '', '', '', '', '']
  /** 5 the serial that is answered, 9 how many file descriptors come along. */
  const numbers = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  let at = 0
  while (at < end) {
    at = padded(at)
    if (at + 6 > end) return 'a header field is cut short'
    const code = rest[at] ?? 0
    const type = rest[at + 1] === 1 && rest[at + 3] === 0 ? rest[at + 2] : NO_TYPE
    at += 4
    if (type !== SIGNATURE && at + 4 > end) return 'a header field is cut short'
    if (type === NUMBER) {
      if (code < 10) numbers[code] = u32(rest, at, little)
      at += 4
      continue
    }
    if (type !== TEXT && type !== PATH && type !== SIGNATURE) return `header field ${code} has an unknown type`
    const length = type === SIGNATURE ? (rest[at] ?? 0) : u32(rest, at, little)
    at += type === SIGNATURE ? 1 : 4
    if (at + length + 1 > end) return 'a header field is longer than the header'
    if (code < 10) texts[code] = rest.toString('latin1', at, at + length)
    at += length + 1
  }
  const [, path = '', face = '', member = '', errorName = '', , , sender = '', signature = ''] = texts
  return {
    type: fixed[1] ?? 0,
    flags: fixed[2] ?? 0,
    serial: u32(fixed, 8, little),
    replySerial: numbers[5] ?? 0,
    path,
    interface: face,
    member,
    errorName,
    sender,
    signature,
    fds: numbers[9] ?? 0,
    bodyAt: padded(end),
    little,
  }
}

const NO_TYPE = 0
const TEXT = 's'.charCodeAt(0)
const PATH = 'o'.charCodeAt(0)
const SIGNATURE = 'g'.charCodeAt(0)
const NUMBER = 'u'.charCodeAt(0)

function u32(bytes: Buffer, at: number, little: boolean): number {
  return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8
}
