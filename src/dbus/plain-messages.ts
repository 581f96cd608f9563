// Marshals calls whose arguments are texts, and unmarshals bodies of texts and small numbers: nearly all messages but the properties
// of units. dbus-next takes 0.2 ms for each while it is cold; it gets the others. Pure.
import type { Body, Call } from './bus.ts'
import type { MessageHeader } from './message-header.ts'
import { type Cursor, cursorAt, text, u32 } from './wire-reader.ts'

const FIXED_BYTES = 16
const [LITTLE, METHOD_CALL, VERSION] = [0x6c, 1, 1]
const PATH = /^\/(\w+(\/\w+)*)?$/
const NAME = /^[\w.:-]+$/
/** The start of a header field (D-Bus specification, "Header Fields"): its code, and the signature of the variant that follows. */
const fieldOf = (code: number, type: string) => Buffer.from([code, 1, type.charCodeAt(0), 0])
const PATH_FIELD = fieldOf(1, 'o')
const INTERFACE_FIELD = fieldOf(2, 's')
const MEMBER_FIELD = fieldOf(3, 's')
const DESTINATION_FIELD = fieldOf(6, 's')
const SIGNATURE_FIELD = fieldOf(8, 'g')

/** The message of a call; null if it has other arguments than texts, or may not be valid. */
export function plainCall(call: Call, serial: number, flags: number): Buffer | null {
  const { path, interface: face, member, destination, signature = '', body = [] } = call
  if (signature.length !== body.length || signature !== 's'.repeat(body.length) || !body.every(isText)) return null
  if (!PATH.test(path) || ![face, member, destination].every((name) => NAME.test(name))) return null
  const texts = [path, face, member, destination, ...body]
  const bytes = Buffer.alloc(
    texts.reduce((sum, one) => sum + Buffer.byteLength(one) + 16, FIXED_BYTES + 16 + body.length),
  )
  let at = FIXED_BYTES
  const align = (to: number) => {
    at = (at + to - 1) & -to
  }
  const writeText = (value: string) => {
    align(4)
    const length = bytes.write(value, at + 4)
    bytes.writeUInt32LE(length, at)
    at += length + 5
  }
  const writeField = (field: Buffer) => {
    align(8)
    at += field.copy(bytes, at)
  }
  for (const [field, value] of [
    [PATH_FIELD, path],
    [INTERFACE_FIELD, face],
    [MEMBER_FIELD, member],
    [DESTINATION_FIELD, destination],
  ] as const) {
    writeField(field)
    writeText(value)
  }
  if (body.length > 0) {
    writeField(SIGNATURE_FIELD)
    bytes[at] = body.length
    at += bytes.write(signature, at + 1) + 2
  }
  bytes.set([LITTLE, METHOD_CALL, flags, VERSION])
  bytes.writeUInt32LE(serial, 8)
  bytes.writeUInt32LE(at - FIXED_BYTES, 12)
  align(8)
  const bodyAt = at
  for (const value of body) writeText(value)
  bytes.writeUInt32LE(at - bodyAt, 4)
  return bytes.subarray(0, at)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0')
}

/** The values of a body; null if it has other types. Throws if it is inconsistent. */
export function plainBody({ signature, bodyAt, little, path }: MessageHeader, message: Buffer): Body | null {
  if (!/^[soub]*$/.test(signature)) return null
  if (path !== '' && !PATH.test(path)) return null
  const cursor = cursorAt(message, bodyAt, little)
  return Array.from(signature, (type) => plainValue(cursor, type))
}

function plainValue(cursor: Cursor, type: string): string | number | boolean {
  const number = u32(cursor)
  if (type === 'u') return number
  return type === 'b' ? number !== 0 : text(cursor, number)
}
