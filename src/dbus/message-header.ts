// Parses the header of a D-Bus message without its body, so that unwanted messages can be skipped cheaply. Pure.
import { cursorAt, skip } from './wire-reader.ts'

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
  /** Offset of the body in the message. */
  readonly bodyAt: number
  /** Bytes of the whole message. */
  readonly size: number
  readonly little: boolean
}

const LITTLE = 0x6c
const BIG = 0x42
const VERSION = 1
/** The D-Bus specification allows no longer message, so a bus never passes one on. */
const LONGEST_MESSAGE_BYTES = 128 << 20

/** Length of the header: the fixed part, the fields and their padding. */
export function headerBytes(fixed: Buffer): number {
  return FIXED_BYTES + Math.ceil(u32(fixed, 12, fixed[0] === LITTLE) / 8) * 8
}

export function bodyBytes(fixed: Buffer): number {
  return u32(fixed, 4, fixed[0] === LITTLE)
}

/** Why no message of `size` bytes can start with this fixed part, so that the stream is corrupt; null if one can. */
export function fixedPartProblem(fixed: Buffer, size: number): string | null {
  const endian = fixed[0]
  if (endian !== LITTLE && endian !== BIG) return `invalid byte order ${endian} at the start of a message`
  if (fixed[3] !== VERSION) return `unsupported D-Bus protocol version ${fixed[3]}`
  return size > LONGEST_MESSAGE_BYTES ? `a message of ${size} bytes exceeds the limit of D-Bus` : null
}

/** Parses the header of a message of `size` bytes, of which `bytes` has the whole header; returns a problem as text. */
export function headerOf(bytes: Buffer, size: number): MessageHeader | string {
  const little = bytes[0] === LITTLE
  const end = FIXED_BYTES + u32(bytes, 12, little)
  /** By field code: 1 path, 2 interface, 3 member, 4 error name, 7 sender, 8 signature. The destination is not read. */
  const texts = ['', '', '', '', '', '', '', '', '', '']
  /** By field code: 5 reply serial, 9 number of file descriptors. */
  const numbers = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  let at = FIXED_BYTES
  while (at < end) {
    at = padded(at)
    if (at + 5 > end) return TRUNCATED
    const code = bytes[at] ?? 0
    const type = bytes[at + 1] === 1 && bytes[at + 3] === 0 ? bytes[at + 2] : NO_TYPE
    if (type === NUMBER) {
      if (at + 8 > end) return TRUNCATED
      if (code < 10) numbers[code] = u32(bytes, at + 4, little)
      at += 8
    } else if (type === TEXT || type === PATH || type === SIGNATURE) {
      if (type !== SIGNATURE && at + 8 > end) return TRUNCATED
      const length = type === SIGNATURE ? (bytes[at + 4] ?? 0) : u32(bytes, at + 4, little)
      at += type === SIGNATURE ? 5 : 8
      if (at + length + 1 > end) return 'a header field is longer than the header'
      if (code < 10 && code !== DESTINATION) texts[code] = bytes.toString('latin1', at, at + length)
      at += length + 1
    } else {
      at = afterUnknownField(bytes, at, little)
      if (at > end) return `header field ${code} is malformed`
    }
  }
  const [, path = '', face = '', member = '', errorName = '', , , sender = '', signature = ''] = texts
  return {
    type: bytes[1] ?? 0,
    flags: bytes[2] ?? 0,
    serial: u32(bytes, 8, little),
    replySerial: numbers[5] ?? 0,
    path,
    interface: face,
    member,
    errorName,
    sender,
    signature,
    fds: numbers[9] ?? 0,
    bodyAt: padded(end),
    size,
    little,
  }
}

const DESTINATION = 6
const NO_TYPE = 0
const TEXT = 's'.charCodeAt(0)
const PATH = 'o'.charCodeAt(0)
const SIGNATURE = 'g'.charCodeAt(0)
const NUMBER = 'u'.charCodeAt(0)
const TRUNCATED = 'a header field is truncated'

/** The offset after a field of any type, which must be ignored (D-Bus specification, "Header Fields"); Infinity if it is malformed. */
function afterUnknownField(bytes: Buffer, at: number, little: boolean): number {
  const signatureAt = at + 2
  const cursor = cursorAt(bytes, signatureAt + (bytes[at + 1] ?? 0) + 1, little)
  try {
    skip(cursor, signatureAt)
    return cursor.at
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function u32(bytes: Buffer, at: number, little: boolean): number {
  return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
}

/** `length` is below 2 GiB. */
function padded(length: number): number {
  return (length + 7) & ~7
}
