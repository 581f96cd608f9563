// Reads D-Bus values as the specification says, simply and strictly: what the reader of the agent is compared with.

/** The bytes are not what their signature announces; `depth`: how many values contain the one that is malformed. */
export class Malformed extends Error {
  readonly depth: number
  constructor(reason: string, depth = Number.POSITIVE_INFINITY) {
    super(reason)
    this.depth = depth
  }
}

/** A value, and the offset after it. */
export interface Reading {
  readonly value: unknown
  readonly at: number
}

const SIZES: Readonly<Record<string, number>> = { y: 1, b: 4, n: 2, q: 2, i: 4, u: 4, x: 8, t: 8, d: 8, h: 4 }
const ALIGNMENTS: Readonly<Record<string, number>> = { ...SIZES, s: 4, o: 4, a: 4, g: 1, v: 1, '(': 8, '{': 8 }
const DEEPEST = 32

/**
 * Texts are read with one character for each byte, byte arrays as buffers, dictionaries as lists of pairs, variants as
 * their signature and value.
 */
export function read(bytes: Buffer, at: number, little: boolean, signature: string, depth = 0): Reading {
  if (depth > DEEPEST) throw new Malformed('nested too deeply')
  const type = signature[0] ?? ''
  const from = aligned(at, ALIGNMENTS[type] ?? 0)
  const next = (offset: number, inner: string) => read(bytes, offset, little, inner, depth + 1)
  switch (type) {
    case 's':
    case 'o':
      return textOf(bytes, from + 4, Number(number(bytes, from, little, 'u')))
    case 'g':
      return textOf(bytes, from + 1, Number(number(bytes, from, little, 'y')))
    case 'v': {
      const inner = next(from, 'g')
      const types = typesIn(String(inner.value))
      if (types.length !== 1) throw new Malformed('a variant has one type')
      const one = next(inner.at, types[0] as string)
      return { value: { signature: types[0], value: one.value }, at: one.at }
    }
    case 'a': {
      const element = signature.slice(1)
      const start = aligned(from + 4, ALIGNMENTS[element[0] ?? ''] ?? 0)
      const end = start + Number(number(bytes, from, little, 'u'))
      if (end > bytes.length) throw new Malformed('an array is longer than its message')
      if (element === 'y') return { value: bytes.subarray(start, end), at: end }
      const values: unknown[] = []
      let one: Reading = { value: null, at: start }
      while (one.at < end) {
        one = next(one.at, element)
        values.push(one.value)
      }
      if (one.at !== end) throw new Malformed('an element is longer than its array', depth)
      return { value: values, at: end }
    }
    case '(':
    case '{': {
      const values: unknown[] = []
      let one: Reading = { value: null, at: from }
      for (const member of typesIn(signature.slice(1, -1))) {
        one = next(one.at, member)
        values.push(one.value)
      }
      if (values.length === 0) throw new Malformed('an empty struct')
      return { value: values, at: one.at }
    }
    default:
      return { value: number(bytes, from, little, type), at: from + (SIZES[type] ?? 0) }
  }
}

export function aligned(at: number, to: number): number {
  if (to === 0) throw new Malformed('not a type')
  return Math.ceil(at / to) * to
}

/** `sa{sv}` -> `s`, `a{sv}`. */
function typesIn(signature: string): string[] {
  const types: string[] = []
  if (!/^[ybnqiuxtdhsogva(){}]*$/.test(signature)) throw new Malformed('not a type')
  for (let rest = signature; rest !== ''; ) {
    const type = /^a*(?:[b-z]|[({])/.exec(rest)?.[0] // an array has an element type
    if (type === undefined) throw new Malformed('not a type')
    let length = type.length
    for (let depth = /[({]$/.test(type) ? 1 : 0; depth > 0; length++) {
      if (length >= rest.length) throw new Malformed('a struct without an end')
      if ('({'.includes(rest[length] as string)) depth++
      if (')}'.includes(rest[length] as string)) depth--
    }
    types.push(rest.slice(0, length))
    rest = rest.slice(length)
  }
  return types
}

function textOf(bytes: Buffer, from: number, length: number): Reading {
  if (from + length + 1 > bytes.length) throw new Malformed('a text is longer than its message')
  return { value: bytes.toString('latin1', from, from + length), at: from + length + 1 }
}

function number(bytes: Buffer, at: number, little: boolean, type: string): number | bigint {
  const size = SIZES[type]
  if (size === undefined) throw new Malformed('not a type')
  if (at + size > bytes.length) throw new Malformed('a number is longer than its message')
  const raw = Buffer.from(bytes.subarray(at, at + size))
  if (little) raw.reverse()
  const unsigned = BigInt(`0x${raw.toString('hex')}`)
  if (type === 'i') return Number(BigInt.asIntN(32, unsigned))
  return size === 8 ? unsigned : Number(unsigned)
}
