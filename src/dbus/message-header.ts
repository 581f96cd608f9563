// Parses the header of a D-Bus message without its body, so that unwanted messages can be skipped cheaply. Pure.
export const METHOD_RETURN = 2
export const ERROR = 3
export const SIGNAL = 4

/** The fixed part of the header: byte order, type, flags, version, body length, serial, length of the header fields. */
export const FIXED_BYTES = 16

/** A message header (D-Bus specification, "Message Format"); absent fields are '' or 0. */
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
  /** Offset of the body in the bytes after the fixed part. */
  readonly bodyAt: number
  readonly little: boolean
}

const LITTLE = 0x6c
const BIG = 0x42
const VERSION = 1

/** The number of bytes after the fixed part, or a problem as text. */
export function bytesToCome(fixed: Buffer, atMost: number): number | string {
  const endian = fixed[0]
  if (endian !== LITTLE && endian !== BIG) return `invalid byte order ${endian} at the start of a message`
  if (fixed[3] !== VERSION) return `unsupported D-Bus protocol version ${fixed[3]}`
  const fields = u32(fixed, 12, endian === LITTLE)
  const bytes = padded(fields) + u32(fixed, 4, endian === LITTLE)
  if (fields === 0) return 'a message has no header fields'
  if (bytes > atMost) return `a message of ${bytes} bytes exceeds the limit of ${atMost}`
  return bytes
}

/** The header of a message from its fixed part and the `rest` after it, or a problem as text. */
export function headerOf(fixed: Buffer, rest: Buffer): MessageHeader | string {
  const little = fixed[0] === LITTLE
  const end = u32(fixed, 12, little)
  /** By field code: 1 path, 2 interface, 3 member, 4 error name, 6 destination, 7 sender, 8 signature. */
  const texts = ['', '', '', '', '', '', '', '', '', '']
  /** By field code: 5 reply serial, 9 number of file descriptors. */
  const numbers = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  let at = 0
  while (at < end) {
    at = padded(at)
    if (at + 6 > end) return 'a header field is truncated'
    const code = rest[at] ?? 0
    const type = rest[at + 1] === 1 && rest[at + 3] === 0 ? rest[at + 2] : NO_TYPE
    at += 4
    if (type !== SIGNATURE && at + 4 > end) return 'a header field is truncated'
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
