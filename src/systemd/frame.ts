// The head of a D-Bus message, read without touching its body: enough to refuse or skip it before it costs anything. Pure.

export const METHOD_CALL = 1
export const METHOD_RETURN = 2
export const ERROR = 3
export const SIGNAL = 4

/** The first part of every message: endianness, type, flags, version, body length, serial, length of the fields. */
export const FIXED_BYTES = 16

/** What the header of a message says (D-Bus specification, "Message Format"); absent fields are '' or 0. */
export interface Head {
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

/** Where each header field goes, by its code. */
const FIELDS = [
  '',
  'path',
  'interface',
  'member',
  'errorName',
  'replySerial',
  'destination',
  'sender',
  'signature',
  'fds',
] as const

/** The head of a message of which `rest` follows the fixed part; or what is wrong with it, in words. */
export function headOf(fixed: Buffer, rest: Buffer): Head | string {
  const little = fixed[0] === LITTLE
  const end = u32(fixed, 12, little)
  const found: Record<string, string | number> = {}
  let at = 0
  while (at < end) {
    at = padded(at)
    if (at + 5 > end) return 'a header field is cut short'
    const code = rest[at] ?? 0
    const type = rest[at + 1] === 1 && rest[at + 3] === 0 ? String.fromCharCode(rest[at + 2] ?? 0) : ''
    at += 4
    let value: string | number
    if (type === 's' || type === 'o') {
      if (at + 4 > end) return 'a header field is cut short'
      const length = u32(rest, at, little)
      at += 4
      if (at + length + 1 > end) return 'a header field is longer than the header'
      value = rest.toString('latin1', at, at + length)
      at += length + 1
    } else if (type === 'g') {
      const length = rest[at] ?? 0
      at += 1
      if (at + length + 1 > end) return 'a header field is longer than the header'
      value = rest.toString('latin1', at, at + length)
      at += length + 1
    } else if (type === 'u') {
      if (at + 4 > end) return 'a header field is cut short'
      value = u32(rest, at, little)
      at += 4
    } else {
      return `header field ${code} has an unknown type`
    }
    const field = FIELDS[code]
    if (field) found[field] = value
  }
  const text = (field: string) => (typeof found[field] === 'string' ? found[field] : '')
  const number = (field: string) => (typeof found[field] === 'number' ? found[field] : 0)
  return {
    type: fixed[1] ?? 0,
    flags: fixed[2] ?? 0,
    serial: u32(fixed, 8, little),
    replySerial: number('replySerial'),
    path: text('path'),
    interface: text('interface'),
    member: text('member'),
    errorName: text('errorName'),
    sender: text('sender'),
    signature: text('signature'),
    fds: number('fds'),
  }
}

function u32(bytes: Buffer, at: number, little: boolean): number {
  return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8
}
