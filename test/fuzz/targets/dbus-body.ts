// Target: the properties of a signal or of a GetAll reply (dbus/read-properties, wire-reader), and what systemd/decode makes of them.
import fc from 'fast-check'
import { allProperties, changedProperties, namesByLength } from '../../../src/dbus/read-properties.ts'
import { createSignalPairing, decodeUnit, WANTED_PROPERTIES } from '../../../src/systemd/decode.ts'
import { message, type Value } from '../../systemd/wire.ts'
import { mutatedBytes } from '../mutated.ts'
import { assert, type FuzzTarget, HEX_FILES } from '../target.ts'
import { Malformed, read } from './support/dbus-reference.ts'

/** The input begins with as many bytes, of which the first is a choice of byte order and kind of message. */
const BODY_AT = 8
const BIG_ENDIAN = 1
const GET_ALL = 2

const NAMES = namesByLength(WANTED_PROPERTIES)
const PATH = '/org/freedesktop/systemd1/unit/a_2eservice'

type Properties = Readonly<Record<string, unknown>>
interface Body {
  readonly interface: string
  readonly properties: Properties
}

function readBody(bytes: Buffer): Body {
  const little = ((bytes[0] ?? 0) & BIG_ENDIAN) === 0
  if (((bytes[0] ?? 0) & GET_ALL) === 0) return changedProperties(bytes, BODY_AT, little, NAMES)
  return { interface: '', properties: allProperties(bytes, BODY_AT, little, NAMES) }
}

/** What the specification makes of it. Throws `Malformed`. */
function referenceBody(bytes: Buffer): Body {
  const little = ((bytes[0] ?? 0) & BIG_ENDIAN) === 0
  const isSignal = ((bytes[0] ?? 0) & GET_ALL) === 0
  const face = isSignal ? read(bytes, BODY_AT, little, 's') : { value: '', at: BODY_AT }
  const { value } = read(bytes, face.at, little, 'a{sv}')
  const properties: Record<string, unknown> = {}
  for (const [name, variant] of value as readonly [string, TypedValue][]) {
    if (!WANTED_PROPERTIES.has(name)) continue
    const plain = PLAIN[variant.signature]?.(variant.value)
    if (plain !== undefined) properties[name] = plain
  }
  return { interface: utf8(face.value), properties }
}

interface TypedValue {
  readonly signature: string
  readonly value: unknown
}

/** The types of wanted properties, and their values as the agent has them. */
const PLAIN: Readonly<Record<string, (value: unknown) => unknown>> = {
  s: utf8,
  b: (value) => value !== 0,
  u: (value) => value,
  i: (value) => value,
  t: (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value),
  ay: (value) => value,
  as: (value) => (value as string[]).map(utf8),
  'a(sb)': (value) => (value as [string, number][]).map(([text, flag]) => [utf8(text), flag !== 0]),
  'a(sasbttttuii)': (value) =>
    (value as [string, string[]][]).map(([path, words]) => [utf8(path), words.map((word) => utf8(word))]),
  '(aiai)': (value) => value,
  '(uo)': (value) => [(value as unknown[])[0], utf8((value as unknown[])[1])],
}

function utf8(latin1: unknown): string {
  return Buffer.from(latin1 as string, 'latin1').toString('utf8')
}

function asText(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one))
}

/** The body as the agent reads it; null if it refuses it with a RangeError. */
function readOrRefuse(bytes: Buffer): Body | null {
  try {
    return readBody(bytes)
  } catch (error) {
    assert(error instanceof RangeError, () => `the error is not a RangeError but ${String(error)}`)
    assert(!/call stack/.test(error.message), () => 'the nesting of the values is not limited')
    return null
  }
}

/** As a body is read in a buffer of the pool, with the bytes of others around it. */
function inPool(bytes: Buffer, around: number): Buffer {
  return Buffer.concat([Buffer.alloc(64, around), bytes, Buffer.alloc(64, around)] as unknown as Uint8Array[]).subarray(
    64,
    64 + bytes.length,
  )
}

const text = fc.oneof(fc.constantFrom('', 'active', 'a.service'), fc.string({ unit: 'grapheme', maxLength: 20 }))
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const u64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 2n ** 52n, max: 2n ** 55n }))
const few = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 })
const typed = <T>(signature: string, of: fc.Arbitrary<T>) => of.map((value): Value => [signature, value])
const value: fc.Arbitrary<Value> = fc.oneof(
  typed('s', text),
  typed('b', fc.nat(1)),
  typed('u', u32),
  typed('i', i32),
  typed('t', u64),
  typed('ay', few(fc.nat(255))),
  typed('as', few(text)),
  typed('a(sb)', few(fc.tuple(text, fc.nat(1)))),
  typed('a(sasbttttuii)', few(fc.tuple(text, few(text), fc.nat(1), u64, u64, u64, u64, u32, i32, i32))),
  typed('(aiai)', fc.tuple(few(i32), few(i32))),
  typed('(uo)', fc.tuple(u32, text)),
  typed('v', typed('v', typed('a{sv}', fc.dictionary(text, typed('s', text), { maxKeys: 2 })))),
  typed('g', fc.constantFrom('', 'a{sv}')),
  typed('a(ss)', few(fc.tuple(text, text))),
)
const names = fc.constantFrom(...WANTED_PROPERTIES, 'StatusText', 'X')
const bodies = fc.tuple(fc.dictionary(names, value, { maxKeys: 5 }), fc.nat(3)).map(([properties, kind]) => {
  const all: Value = ['a{sv}', properties]
  const body: Value[] = (kind & GET_ALL) > 0 ? [all] : [['s', 'org.freedesktop.systemd1.Unit'], all, ['as', ['X']]]
  const bytes = message({ type: 4, body, bigEndian: (kind & BIG_ENDIAN) > 0 })
  const bodyBytes = (kind & BIG_ENDIAN) > 0 ? bytes.readUInt32BE(4) : bytes.readUInt32LE(4)
  return Buffer.from([kind, ...Buffer.alloc(BODY_AT - 1), ...bytes.subarray(bytes.length - bodyBytes)])
})
/** A reply with a property that is a variant in a variant, and as many more. */
const nested = fc.oneof(fc.nat(100), fc.constantFrom(1_000, 20_000)).map((depth) => {
  const property = Buffer.concat([
    Buffer.from('\x01\0\0\0X\0'),
    Buffer.from('\x01v\0'.repeat(depth)),
    Buffer.from('\x01y\0\0'),
  ] as unknown as Uint8Array[])
  const head = Buffer.alloc(BODY_AT + 8)
  head[0] = GET_ALL
  head.writeUInt32LE(property.length, BODY_AT)
  return Buffer.concat([head, property] as unknown as Uint8Array[])
})
/** A variant in a variant, and a structure in a structure. */
const NESTING = [Buffer.from('\x01v\0'), Buffer.from('(('), Buffer.from('aa')]

export const target: FuzzTarget<Buffer> = {
  ...HEX_FILES,
  cpuMsAtMost: 250,
  inputs: (corpus) =>
    fc.oneof(
      { weight: 4, arbitrary: bodies },
      { weight: 1, arbitrary: nested },
      { weight: 4, arbitrary: mutatedBytes(corpus, NESTING) },
      { weight: 4, arbitrary: bodies.chain((body) => mutatedBytes([body], NESTING)) },
    ),
  check(bytes) {
    const body = readOrRefuse(inPool(bytes, 0))
    assert(
      asText(body) === asText(readOrRefuse(inPool(bytes, 0xff))),
      () => 'bytes beyond the end of the message are read',
    )
    try {
      const expected = referenceBody(bytes)
      assert(asText(body) === asText(expected), () => `read as ${asText(body)}, it contains ${asText(expected)}`)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      assert(body === null || error.depth > 0, () => `${asText(body)} was read, but the properties do not end there`)
    }
    if (body === null) return
    const unknown = Object.keys(body.properties).filter((name) => !WANTED_PROPERTIES.has(name))
    assert(unknown.length === 0, () => `${unknown.join()} was read although it is not wanted`)
    assert(asText(body).length <= 6 * bytes.length + 100, () => `${asText(body).length} characters were read`)
    createSignalPairing().changed(PATH, [body.interface, body.properties, []], 1)
    decodeUnit([body.properties])
  },
}
