// Encodes and decodes the values of all records: varints, doubles, words, ids and tagged fields.
import { WORDS, wordNumber } from './word-table.ts'

const LITERAL = 0
const NULL_WORD = 255
/** Integers below this take up to seven varint bytes; other numbers are stored as doubles. */
const VARINT_BELOW = 2 ** 49
/**
 * Length byte of a number: 8 is a double; above it, a varint of thousandths follows, because monotonic times have
 * microseconds.
 */
const MICRO = 8
const MAX_TEXT_BYTES = 1024
/**
 * No number in a state file is larger: commits, events, counts, and times in ms (the year 10889). A larger one is damage.
 * It must not be counted on from: at 2^53, adding 1 changes nothing.
 */
export const LARGEST_NUMBER = 2 ** 48

/** Appends values to a growing buffer. Never throws, on any input. */
export interface ByteWriter {
  u8(n: number): void
  /** An integer from 0 to `LARGEST_NUMBER` as LEB128. A larger one is written as `LARGEST_NUMBER`, anything else as 0. */
  uint(n: number): void
  /**
   * Any number up to `LARGEST_NUMBER` in magnitude, exactly; the nearest one for others, and 0 for NaN. A length byte, then
   * a varint (1..7), a double (8), or a varint of thousandths (8 + 1..7).
   */
  num(n: number): void
  /** UTF-8 with its length, truncated at 1,024 bytes. */
  text(s: string): void
  /** One byte if the word is in the word table. */
  word(s: string | null): void
  /** A hexadecimal id as raw bytes; one byte if it equals `like`. */
  id(s: string | null, like?: string | null): void
  /** A signature: 12 hexadecimal digits as raw bytes. */
  key(s: string): void
  /** A tag, a length, and what `body` writes. */
  field(tag: number, body: () => void): void
  /** Returns a copy of what was written since the last call. */
  take(): Uint8Array
}

export function createByteWriter(): ByteWriter {
  let buf = Buffer.allocUnsafe(512)
  let at = 0

  function room(n: number): void {
    if (at + n <= buf.length) return
    const bigger = Buffer.allocUnsafe(Math.max(buf.length * 2, at + n))
    buf.copy(bigger, 0, 0, at)
    buf = bigger
  }
  function u8(n: number): void {
    room(1)
    buf[at++] = n & 255
  }
  function uint(n: number): void {
    varint(Number.isSafeInteger(n) && n > 0 ? Math.min(n, LARGEST_NUMBER) : 0)
  }
  function varint(n: number): void {
    let rest = n
    room(8)
    for (; rest >= 128; rest = Math.floor(rest / 128)) buf[at++] = (rest % 128) + 128
    buf[at++] = rest
  }
  function num(any: number): void {
    const n = Number.isNaN(any) ? 0 : Math.min(Math.max(any, -LARGEST_NUMBER), LARGEST_NUMBER)
    room(9)
    const start = at++
    const micro = Math.round(n * 1000)
    if (isShort(n)) varint(n)
    else if (isShort(micro) && micro / 1000 === n) varint(micro)
    else at = buf.writeDoubleLE(n, at)
    const length = at - start - 1
    buf[start] = length === 8 || isShort(n) ? length : length + MICRO
  }
  function text(s: string): void {
    let bytes = Buffer.from(s, 'utf8')
    if (bytes.length > MAX_TEXT_BYTES) bytes = bytes.subarray(0, MAX_TEXT_BYTES)
    uint(bytes.length)
    room(bytes.length)
    at += bytes.copy(buf, at)
  }
  function word(s: string | null): void {
    const number = s === null ? NULL_WORD : (wordNumber(s) ?? LITERAL)
    u8(number)
    if (s !== null && number === LITERAL) text(s)
  }
  function id(s: string | null, like: string | null = null): void {
    if (s === null) u8(0)
    else if (s === like) u8(3)
    else if (/^[0-9a-f]+$/.test(s) && (s.length === 32 || s.length === 16)) {
      u8(s.length === 32 ? 1 : 4)
      room(16)
      at += buf.write(s, at, 'hex')
    } else {
      u8(2)
      text(s)
    }
  }
  function key(s: string): void {
    room(6)
    buf.writeUIntBE(Number.parseInt(s, 16) || 0, at, 6)
    at += 6
  }
  function field(tag: number, body: () => void): void {
    u8(tag)
    u8(0)
    const start = at
    body()
    const length = at - start
    if (length < 128) {
      buf[start - 1] = length
      return
    }
    const extra = length < 128 ** 2 ? 1 : 2
    room(extra)
    buf.copyWithin(start + extra, start, at)
    at = start - 1
    uint(length)
    at = start + extra + length
  }
  function take(): Uint8Array {
    const bytes = new Uint8Array(buf.subarray(0, at))
    at = 0
    return bytes
  }
  return { u8, uint, num, text, word, id, key, field, take }
}

function isShort(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0 && n < VARINT_BELOW && !Object.is(n, -0)
}

/** Reads what a ByteWriter wrote. Throws RangeError at the end of the current field and for a number above `LARGEST_NUMBER`. */
export interface ByteReader {
  u8(): number
  uint(): number
  num(): number
  text(): string
  word(): string | null
  id(like?: string | null): string | null
  key(): string
  /** True at the end of the current field, or of all bytes. */
  done(): boolean
  /** Calls `read` for every remaining `tag, length, value`; it may read less than the whole value. */
  fields(read: (tag: number) => void): void
}

export function createByteReader(bytes: Uint8Array): ByteReader {
  const buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  let end = buf.length

  /** Skips `n` bytes and returns where they start. */
  function take(n: number): number {
    if (at + n > end) throw new RangeError('record is too short')
    at += n
    return at - n
  }
  function u8(): number {
    return buf[take(1)] as number
  }
  function uint(): number {
    return valid(varint())
  }
  function varint(): number {
    let n = 0
    let unit = 1
    for (let i = 0; i < 8; i++) {
      const byte = u8()
      n += (byte & 127) * unit
      if (byte < 128) return n
      unit *= 128
    }
    throw new RangeError('number is too long')
  }
  function num(): number {
    const length = u8()
    if (length === MICRO) return valid(buf.readDoubleLE(take(8)))
    const from = take(length > MICRO ? length - MICRO : length)
    const after = at
    at = from
    const n = varint()
    at = after
    return valid(length > MICRO ? n / 1000 : n)
  }
  function text(): string {
    const length = uint()
    const from = take(length)
    return buf.toString('utf8', from, from + length)
  }
  function hex(length: number): string {
    const from = take(length)
    return buf.toString('hex', from, from + length)
  }
  function word(): string | null {
    const number = u8()
    if (number === NULL_WORD) return null
    return number === LITERAL ? text() : (WORDS[number - 1] ?? 'unknown')
  }
  function id(like: string | null = null): string | null {
    switch (u8()) {
      case 0:
        return null
      case 1:
        return hex(16)
      case 2:
        return text()
      case 3:
        return like
      case 4:
        return hex(8)
    }
    throw new RangeError('unknown kind of id')
  }
  function fields(read: (tag: number) => void): void {
    const outer = end
    while (at < outer) {
      const tag = u8()
      const length = uint()
      end = take(length) + length
      at = end - length
      read(tag)
      at = end
      end = outer
    }
  }
  return { u8, uint, num, text, word, id, key: () => hex(6), fields, done: () => at >= end }
}

function valid(n: number): number {
  if (Math.abs(n) <= LARGEST_NUMBER) return n
  throw new RangeError('number is too large') // or NaN
}
