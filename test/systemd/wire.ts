// Marshals D-Bus messages, valid and invalid ones, independently of the library under test.

/** A value with its signature: `['s', 'x']`. */
export type Value = readonly [signature: string, value: unknown]

export interface MessageParts {
  readonly type: number
  readonly serial?: number
  readonly flags?: number
  readonly path?: string
  readonly interface?: string
  readonly member?: string
  readonly errorName?: string
  readonly replySerial?: number
  readonly destination?: string
  readonly sender?: string
  /** Written to the header instead of the signature of `body`. */
  readonly signature?: string
  readonly fds?: number
  readonly body?: readonly Value[]
  /** Written to the header instead of the actual length of the body. */
  readonly claimedBodyBytes?: number
  readonly firstByte?: number
  readonly bigEndian?: boolean
  /** Header fields that D-Bus does not define, by their code; they come first. */
  readonly unknownFields?: readonly (readonly [code: number, value: Value])[]
}

const CODES: readonly (readonly [number, string, keyof MessageParts])[] = [
  [1, 'o', 'path'],
  [2, 's', 'interface'],
  [3, 's', 'member'],
  [4, 's', 'errorName'],
  [5, 'u', 'replySerial'],
  [6, 's', 'destination'],
  [7, 's', 'sender'],
  [8, 'g', 'signature'],
  [9, 'u', 'fds'],
]

export function message(parts: MessageParts): Buffer {
  const { body = [] } = parts
  const out = new Writer(parts.bigEndian)
  for (const [signature, value] of body) out.value(signature, value)
  const bytes = out.bytes
  const signature = parts.signature ?? body.map(([s]) => s).join('')
  const values = { ...parts, ...(signature === '' ? {} : { signature }) }
  const known = CODES.filter(([, , name]) => values[name] !== undefined).map(([code, s, name]) => [
    code,
    [s, values[name]],
  ])
  const fields = [...(parts.unknownFields ?? []), ...known]
  const header = new Writer(parts.bigEndian)
  for (const byte of [parts.firstByte ?? (parts.bigEndian ? 0x42 : 0x6c), parts.type, parts.flags ?? 0, 1])
    header.value('y', byte)
  header.value('u', parts.claimedBodyBytes ?? bytes.length)
  header.value('u', parts.serial ?? 1)
  header.value('a(yv)', fields)
  header.align(8)
  return Buffer.from([...header.bytes, ...bytes])
}

class Writer {
  readonly bytes: number[] = []
  private readonly bigEndian: boolean

  constructor(bigEndian = false) {
    this.bigEndian = bigEndian
  }

  align(to: number): void {
    while (this.bytes.length % to !== 0) this.bytes.push(0)
  }

  value(signature: string, value: unknown): void {
    const inner = signature.slice(1)
    switch (signature[0]) {
      case 'y':
        this.bytes.push(Number(value))
        return
      case 'b':
      case 'u':
      case 'i':
      case 'h':
        this.number(Number(value) >>> 0, 4)
        return
      case 't':
      case 'x':
        this.number(value as number | bigint, 8)
        return
      case 's':
      case 'o':
        this.number(Buffer.byteLength(String(value)), 4)
        this.bytes.push(...Buffer.from(String(value)), 0)
        return
      case 'g':
        this.bytes.push(Buffer.byteLength(String(value)), ...Buffer.from(String(value)), 0)
        return
      case 'v': {
        const [s, v] = value as Value
        this.value('g', s)
        this.value(s, v)
        return
      }
      case '(':
      case '{':
        this.align(8)
        for (const [i, s] of singles(signature.slice(1, -1)).entries()) this.value(s, (value as unknown[])[i])
        return
      case 'a': {
        this.number(0, 4)
        const lengthAt = this.bytes.length - 4
        this.align('({xt'.includes(inner[0] ?? '') ? 8 : 1)
        const start = this.bytes.length
        const elements = inner.startsWith('{') ? Object.entries(value as object) : (value as unknown[])
        for (const element of elements) this.value(inner, element)
        this.bytes.splice(lengthAt, 4, ...this.ordered(this.bytes.length - start, 4))
        return
      }
      default:
        throw new Error(`cannot write the type ${signature}`)
    }
  }

  private number(value: number | bigint, bytes: number): void {
    this.align(bytes)
    this.bytes.push(...this.ordered(value, bytes))
  }

  private ordered(value: number | bigint, bytes: number): number[] {
    const little = Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn))
    return this.bigEndian ? little.reverse() : little
  }
}

/** `sa{sv}u` -> [`s`, `a{sv}`, `u`]. */
function singles(signature: string): string[] {
  const found: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < signature.length; i++) {
    const letter = signature[i] ?? ''
    if ('({'.includes(letter)) depth += 1
    if (')}'.includes(letter)) depth -= 1
    if (depth === 0 && letter !== 'a') {
      found.push(signature.slice(start, i + 1))
      start = i + 1
    }
  }
  return found
}
