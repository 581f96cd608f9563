// Unmarshals D-Bus values: a cursor that reads or skips one value at a time, checked against the end of the message (RangeError). Pure.
// Skipped values are never converted to strings, because most properties of a message are not needed.
export interface Cursor {
  readonly bytes: Buffer
  readonly view: DataView
  readonly little: boolean
  at: number
}

/** D-Bus allows 32 arrays and 32 structs; anything nested deeper is malformed. */
const DEEPEST = 64

export function cursorAt(bytes: Buffer, at: number, little: boolean): Cursor {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), little, at }
}

/** Skips `bytes` bytes; returns the offset where they start. */
export function advance(c: Cursor, bytes: number): number {
  const at = c.at
  c.at += bytes
  if (c.at > c.bytes.length) throw new RangeError('a value is longer than its message')
  return at
}

/** `to` is a power of two. */
export function align(c: Cursor, to: number): void {
  c.at = (c.at + to - 1) & -to
}

export function byte(c: Cursor): number {
  return c.view.getUint8(advance(c, 1))
}

export function u32(c: Cursor): number {
  align(c, 4)
  return c.view.getUint32(advance(c, 4), c.little)
}

/** A bigint if a number would not be exact. */
export function u64(c: Cursor): number | bigint {
  align(c, 8)
  const at = advance(c, 8)
  const high = c.view.getUint32(c.little ? at + 4 : at, c.little)
  if (high >= 2 ** 21) return c.view.getBigUint64(at, c.little)
  return high * 2 ** 32 + c.view.getUint32(c.little ? at : at + 4, c.little)
}

/** A string of `length` bytes and its final NUL. */
export function text(c: Cursor, length: number): string {
  const at = advance(c, length + 1)
  return c.bytes.toString('utf8', at, at + length)
}

/** Moves to the first element of an array; returns the offset where the array ends. */
export function array(c: Cursor, alignment: number): number {
  const length = u32(c)
  align(c, alignment)
  if (c.at + length > c.bytes.length) throw new RangeError('an array is longer than its message')
  return c.at + length
}

/** Moves to the value of a variant; returns the offset of its signature. */
export function variant(c: Cursor): number {
  return advance(c, byte(c) + 1)
}

/** Skips one value of the type at `signatureAt`; returns the offset of the next type. */
export function skip(c: Cursor, signatureAt: number, depth = 0): number {
  if (depth > DEEPEST) throw new RangeError('a value is nested too deeply')
  const type = c.bytes[signatureAt]
  const next = signatureAt + 1
  switch (type) {
    case S:
    case O:
      advance(c, u32(c) + 1)
      return next
    case G:
      advance(c, byte(c) + 1)
      return next
    case V:
      skip(c, variant(c), depth + 1)
      return next
    case A:
      c.at = array(c, alignmentOf(c.bytes[next]))
      return afterType(c.bytes, next)
    case STRUCT:
    case ENTRY: {
      align(c, 8)
      let member = next
      while (c.bytes[member] !== STRUCT_END && c.bytes[member] !== ENTRY_END) member = skip(c, member, depth + 1)
      return member + 1
    }
    default:
      align(c, alignmentOf(type))
      advance(c, alignmentOf(type))
      return next
  }
}

const [S, O, G, V, A, STRUCT, STRUCT_END, ENTRY, ENTRY_END] = Buffer.from('sogva(){}')

/** Alignment by type code, which is also the size of a fixed-size type (D-Bus specification, "Marshaling"). */
const ALIGNMENTS: readonly number[] = Array.from({ length: 128 }, (_, letter) => {
  const type = String.fromCharCode(letter)
  return 'ygv'.includes(type)
    ? 1
    : 'nq'.includes(type)
      ? 2
      : 'biuhsoa'.includes(type)
        ? 4
        : 'xtd({'.includes(type)
          ? 8
          : 0
})

function alignmentOf(type = 0): number {
  const alignment = ALIGNMENTS[type]
  if (!alignment) throw new RangeError(`"${String.fromCharCode(type)}" is not a D-Bus type`)
  return alignment
}

/** The offset after the type at `i`. */
function afterType(bytes: Buffer, i: number): number {
  let at = i
  while (bytes[at] === A) at += 1
  let depth = 0
  do {
    const letter = bytes[at]
    if (letter === undefined || letter === 0) throw new RangeError('a type signature is not terminated')
    if (letter === STRUCT || letter === ENTRY) depth += 1
    if (letter === STRUCT_END || letter === ENTRY_END) depth -= 1
    at += 1
  } while (depth > 0)
  return at
}
