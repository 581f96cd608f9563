// Decodes the body of a remote write request without the libraries that encode it: snappy's block format and protobuf.

export interface DecodedSample {
  readonly value: number
  /** The eight bytes of the value, in hex, most significant first: which NaN it is. */
  readonly bits: string
  readonly ms: number
}

export interface DecodedSeries {
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly samples: readonly DecodedSample[]
}

export const STALE = '7ff0000000000002'

export function decodeWriteRequest(body: Uint8Array): DecodedSeries[] {
  return fields(uncompressed(body)).map(({ number, bytes }) => {
    if (number !== 1) throw new Error(`WriteRequest has a field ${number}`)
    const inside = fields(bytes)
    return {
      labels: inside.filter((field) => field.number === 1).map(({ bytes: label }) => labelOf(label)),
      samples: inside.filter((field) => field.number === 2).map(({ bytes: sample }) => sampleOf(sample)),
    }
  })
}

/** https://github.com/google/snappy/blob/main/format_description.txt */
function uncompressed(body: Uint8Array): Buffer {
  const reader = readerOf(body)
  const out = Buffer.alloc(reader.varint())
  let length = 0
  while (!reader.isAtEnd()) {
    const tag = reader.byte()
    const kind = tag & 3
    if (kind === 0) {
      const size = tag >> 2 < 60 ? (tag >> 2) + 1 : reader.littleEndian((tag >> 2) - 59) + 1
      length += Buffer.from(reader.take(size)).copy(out, length)
      continue
    }
    const size = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const offset = kind === 1 ? ((tag >> 5) << 8) | reader.byte() : reader.littleEndian(kind === 2 ? 2 : 4)
    if (offset === 0 || offset > length) throw new Error(`snappy: copy from ${offset} bytes before byte ${length}`)
    for (let i = 0; i < size; i++, length++) out[length] = out[length - offset] ?? 0
  }
  if (length !== out.length) throw new Error(`snappy: ${length} bytes instead of ${out.length}`)
  return out
}

interface Field {
  readonly number: number
  readonly wireType: number
  /** Of a field with a length, or of eight bytes; empty for a number. */
  readonly bytes: Uint8Array
  readonly varint: number
}

function fields(message: Uint8Array): Field[] {
  const reader = readerOf(message)
  const found: Field[] = []
  while (!reader.isAtEnd()) {
    const tag = reader.varint()
    const wireType = tag & 7
    const varint = wireType === 0 ? reader.varint() : 0
    const bytes = wireType === 2 ? reader.take(reader.varint()) : wireType === 1 ? reader.take(8) : new Uint8Array()
    if (![0, 1, 2].includes(wireType)) throw new Error(`protobuf: wire type ${wireType}`)
    found.push({ number: tag >> 3, wireType, bytes, varint })
  }
  return found
}

function labelOf(message: Uint8Array): readonly [string, string] {
  const [name, value] = fields(message)
  if (name?.number !== 1 || value?.number !== 2) throw new Error('a label needs a name and a value')
  return [Buffer.from(name.bytes).toString('utf8'), Buffer.from(value.bytes).toString('utf8')]
}

function sampleOf(message: Uint8Array): DecodedSample {
  const [value, time] = fields(message)
  if (value?.number !== 1 || value.wireType !== 1) throw new Error('a sample needs a value')
  if (time?.number !== 2 || time.wireType !== 0) throw new Error('a sample needs a time')
  const bytes = Buffer.from(value.bytes)
  return { value: bytes.readDoubleLE(), bits: bytes.readBigUInt64LE().toString(16), ms: time.varint }
}

function readerOf(bytes: Uint8Array) {
  let at = 0
  const byte = () => {
    const value = bytes[at++]
    if (value === undefined) throw new Error('the message is too short')
    return value
  }
  return {
    byte,
    isAtEnd: () => at >= bytes.length,
    take(length: number): Uint8Array {
      if (at + length > bytes.length) throw new Error('the message is too short')
      at += length
      return bytes.subarray(at - length, at)
    },
    littleEndian: (length: number) =>
      Array.from({ length }, (_, i) => byte() * 2 ** (8 * i)).reduce((a, b) => a + b, 0),
    varint() {
      let value = 0
      for (let shift = 0; ; shift += 7) {
        const next = byte()
        value += (next & 127) * 2 ** shift
        if (next < 128) return value
      }
    },
  }
}
