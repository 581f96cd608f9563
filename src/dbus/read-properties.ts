// Decodes only the wanted properties of a message: about 9 of 100 values, up to 3,000 times a second. Pure.
import { advance, align, array, type Cursor, cursorAt, skip, text, u32, u64, variant } from './wire-reader.ts'

interface ChangedProperties {
  readonly interface: string
  /** Plain values; properties of a type that `value` does not decode are left out. */
  readonly properties: Readonly<Record<string, unknown>>
}

/** Property names, indexed by their length. */
export type NamesByLength = readonly (readonly string[] | undefined)[]

export function namesByLength(names: Iterable<string>): NamesByLength {
  const byLength: string[][] = []
  for (const name of names) {
    byLength[name.length] ??= []
    byLength[name.length]?.push(name)
  }
  return byLength
}

/**
 * Decodes the `wanted` properties of a signal with signature `sa{sv}as`, whose body starts at `at` (a multiple of 8
 * within the message). Throws RangeError if the body is inconsistent.
 */
export function changedProperties(
  bytes: Buffer,
  at: number,
  little: boolean,
  wanted: NamesByLength,
): ChangedProperties {
  const cursor = cursorAt(bytes, at, little)
  const face = text(cursor, u32(cursor))
  return { interface: face, properties: dictionary(cursor, wanted) }
}

/** The same for a GetAll reply, signature `a{sv}`: dbus-next would create an object for each of a unit's 400 properties. */
export function allProperties(
  bytes: Buffer,
  at: number,
  little: boolean,
  wanted: NamesByLength,
): ChangedProperties['properties'] {
  return dictionary(cursorAt(bytes, at, little), wanted)
}

function dictionary(cursor: Cursor, wanted: NamesByLength): Record<string, unknown> {
  const end = array(cursor, 8)
  const properties: Record<string, unknown> = {}
  while (cursor.at < end) {
    align(cursor, 8)
    const name = wantedName(cursor, wanted)
    const signatureAt = variant(cursor)
    const found = name === null ? undefined : value(cursor, signatureAt)
    if (found === undefined) skip(cursor, signatureAt)
    else properties[name as string] = found
  }
  if (cursor.at !== end) throw new RangeError('the properties do not end at their declared length')
  return properties
}

/** Reads a name; null if it is not wanted, which its length and first letter nearly always decide. */
function wantedName(c: Cursor, wanted: NamesByLength): string | null {
  const length = u32(c)
  const at = advance(c, length + 1)
  const names = wanted[length]
  if (names === undefined) return null
  for (const name of names) {
    if (c.bytes[at] === name.charCodeAt(0) && c.bytes.toString('latin1', at, at + length) === name) return name
  }
  return null
}

/** A value of one of the types that the wanted properties have; undefined, and nothing read, for any other type. */
function value(c: Cursor, signatureAt: number): unknown {
  const signature = c.bytes.toString('latin1', signatureAt, signatureAt + (c.bytes[signatureAt - 1] ?? 0))
  switch (signature) {
    case 's':
      return text(c, u32(c))
    case 'b':
      return u32(c) !== 0
    case 'u':
      return u32(c)
    case 'i':
      return u32(c) | 0
    case 't':
      return u64(c)
    case 'ay': {
      const end = array(c, 1)
      const at = advance(c, end - c.at)
      return Buffer.from(c.bytes.subarray(at, end)) // the bytes of the message are overwritten
    }
    case 'as':
      return list(c, 4, () => text(c, u32(c)))
    case 'a(sb)':
      return list(c, 8, () => [text(c, u32(c)), u32(c) !== 0])
    case 'a(sasbttttuii)': // a command: its path, its arguments, and the result of its last run
      return list(c, 8, () => {
        const command = [text(c, u32(c)), list(c, 4, () => text(c, u32(c)))]
        for (let type = signature.indexOf('b'); signature[type] !== ')'; type++) skip(c, signatureAt + type)
        return command
      })
    case 'a(sbbsi)': // a condition: setting, trigger, negate, parameter, result
      return list(c, 8, () => [text(c, u32(c)), u32(c) !== 0, u32(c) !== 0, text(c, u32(c)), u32(c) | 0])
    case '(ss)':
      align(c, 8)
      return [text(c, u32(c)), text(c, u32(c))]
    case '(aiai)':
      align(c, 8)
      return [integers(c), integers(c)]
    case '(uo)':
      align(c, 8)
      return [u32(c), text(c, u32(c))]
    default:
      return undefined
  }
}

/** Elements with this alignment, each read by `read`. */
function list<T>(c: Cursor, alignment: number, read: () => T): T[] {
  const end = array(c, alignment)
  const elements: T[] = []
  while (c.at < end) {
    align(c, alignment)
    elements.push(read())
  }
  return elements
}

function integers(c: Cursor): number[] {
  const end = array(c, 4)
  const list: number[] = []
  while (c.at < end) list.push(u32(c) | 0)
  return list
}
