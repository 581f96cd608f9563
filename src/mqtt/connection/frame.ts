// Reads the fixed header of an MQTT packet: type, flags, and the length of the rest (MQTT 5.0, 2.1.1 to 2.1.4). Pure.

/** Names of the packet types, by number; MQTT 3.1.1 does not have the last one. */
const NAMES = [
  'reserved packet',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
] as const

const MALFORMED = 'packet with a malformed length'

type PacketName = (typeof NAMES)[number] | typeof MALFORMED

/** One packet as it is on the wire. */
export interface Frame {
  readonly name: PacketName
  /** The lower four bits of the first byte. */
  readonly flags: number
  readonly headerBytes: number
  /** Length of everything after the fixed header. */
  readonly bodyBytes: number
}

/** The first reason code of a failure. */
const UNSPECIFIED_ERROR = 128

/** The length of the body takes this many bytes at most, 7 bits in each. */
const LENGTH_AT_MOST_BYTES = 4

/** The frame that begins at `at`, as far as its fixed header describes it; null until that has arrived. */
export function frameAt(bytes: Buffer, at: number): Frame | null {
  const first = bytes[at]
  if (first === undefined) return null
  const length = variableLengthAt(bytes, at + 1)
  if (length === 'incomplete') return null
  if (length === 'malformed') return { name: MALFORMED, flags: 0, headerBytes: 0, bodyBytes: 0 }
  const name = NAMES[first >> 4] ?? 'reserved packet'
  return { name, flags: first & 0x0f, headerBytes: 1 + length.bytes, bodyBytes: length.value }
}

export function sizeOf({ headerBytes, bodyBytes }: Frame): number {
  return headerBytes + bodyBytes
}

/** Length of the MQTT 5 properties of a complete PUBLISH with QoS 0; 0 if there are none or they are malformed. */
export function publishPropertiesBytes(bytes: Buffer, frame: Frame): number {
  const { end } = topicRange(bytes, frame)
  const length = variableLengthAt(bytes, end)
  return typeof length === 'string' ? 0 : length.value
}

/** The topic of a PUBLISH; null if it has not arrived yet or is not short and printable. */
export function publishTopic(bytes: Buffer, frame: Frame): string | null {
  const { begin, end } = topicRange(bytes, frame)
  if (end > bytes.length) return null
  const topic = bytes.toString('latin1', begin, end)
  return /^[\x20-\x7e]{1,256}$/.test(topic) ? topic : null
}

/** The acknowledgement of a message that the broker refuses: the id of the packet, and the reason. */
export interface RefusedPacket {
  readonly id: number
  /** 128 or more (MQTT 5.0, 2.4). */
  readonly reasonCode: number
}

/** Where the reason code of a PUBACK or PUBREC is, after the packet id. It is left out when it is 0. */
const REASON_AT = 2

/** What a complete PUBACK or PUBREC of MQTT 5 refuses; null if it refuses nothing. */
export function refusedPacketIn(bytes: Buffer, { name, headerBytes, bodyBytes }: Frame): RefusedPacket | null {
  if ((name !== 'PUBACK' && name !== 'PUBREC') || bodyBytes <= REASON_AT) return null
  const reasonCode = bytes.readUInt8(headerBytes + REASON_AT)
  return reasonCode < UNSPECIFIED_ERROR ? null : { id: bytes.readUInt16BE(headerBytes), reasonCode }
}

/** Replaces the reason of a refusal by `Unspecified error`. */
export function replaceReason(bytes: Buffer, { headerBytes }: Frame): void {
  bytes.writeUInt8(UNSPECIFIED_ERROR, headerBytes + REASON_AT)
}

function topicRange(bytes: Buffer, { headerBytes }: Frame): { begin: number; end: number } {
  const begin = headerBytes + 2
  return { begin, end: begin <= bytes.length ? begin + bytes.readUInt16BE(headerBytes) : bytes.length }
}

/** A Variable Byte Integer (MQTT 5.0, 1.5.5), and how many bytes it takes. */
function variableLengthAt(bytes: Buffer, at: number): { value: number; bytes: number } | 'incomplete' | 'malformed' {
  let value = 0
  for (let i = 0; i < LENGTH_AT_MOST_BYTES; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return 'incomplete'
    value += (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { value, bytes: i + 1 }
  }
  return 'malformed'
}
