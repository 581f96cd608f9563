import marshalling from 'dbus-next/lib/marshall-compat.js'
import messages from 'dbus-next/lib/message-type.js'
import { expect, it } from 'vitest'
import type { Call } from '../../src/dbus/bus.ts'
import { bodyBytes, headerBytes, headerOf } from '../../src/dbus/message-header.ts'
import { plainBody, plainCall } from '../../src/dbus/plain-messages.ts'
import { message, type Value } from '../systemd/wire.ts'

const CALL: Call = { destination: 'org.example.A', path: '/org/example', interface: 'org.example.A', member: 'Do' }

it('a call has the same bytes as from dbus-next, whatever the lengths of its texts', () => {
  const bodies = ['', 'x', 'ä', '🟢 two', "type='signal'"].map((text) => [text])
  for (let length = 0; length < 18; length++) bodies.push(['x'.repeat(length), 'y', 'z'.repeat(length)], [])
  const calls = bodies.map((body, i): Call => {
    const path = i % 7 === 0 ? '/' : `/${'a'.repeat(1 + (i % 9))}/b_2e`
    return {
      ...CALL,
      path,
      member: `Do${'x'.repeat(i % 5)}`,
      destination: `:1.${10 ** (i % 4)}`,
      signature: 's'.repeat(body.length),
      body,
    }
  })
  for (const [i, call] of calls.entries()) {
    const ours = plainCall(call, i + 1, i % 3)
    const [theirs] = marshalling.marshallMessage(new messages.Message({ ...call, serial: i + 1, flags: i % 3 }))
    expect(ours?.toString('latin1')).toBe(theirs.toString('latin1'))
  }
})

it.each([
  ['another type', { signature: 'u', body: [7] }],
  ['a number instead of a text', { signature: 's', body: [7] }],
  ['a NUL in a text', { signature: 's', body: ['a\0b'] }],
  ['fewer arguments than its signature has', { signature: 'ss', body: ['a'] }],
  ['more arguments than its signature has', { body: ['a'] }],
  ['an invalid path', { path: 'a' }],
  ['a path that ends with a slash', { path: '/a/' }],
  ['an invalid member', { member: 'a b' }],
  ['no destination', { destination: '' }],
])('a call with %s is left to dbus-next', (_, parts: Partial<Call>) => {
  expect(plainCall({ ...CALL, ...parts }, 1, 0)).toBe(null)
})

/** The values of a signal with this body. */
function read(body: readonly Value[], bigEndian: boolean, parts = {}) {
  const bytes = message({ type: 4, path: '/a', interface: 'a.b', member: 'C', bigEndian, body, ...parts })
  const header = headerOf(bytes, headerBytes(bytes) + bodyBytes(bytes))
  if (typeof header === 'string') throw new Error(header)
  return plainBody(header, bytes)
}

it('a body of texts, numbers and booleans is read in both byte orders; any other is left to dbus-next', () => {
  const body: Value[] = [
    ['u', 4_294_967_295],
    ['o', '/org/example'],
    ['s', 'ä🟢'],
    ['b', 1],
    ['s', ''],
    ['b', 0],
  ]
  for (const bigEndian of [false, true]) {
    expect(read(body, bigEndian)).toEqual([4_294_967_295, '/org/example', 'ä🟢', true, '', false])
    expect(read([], bigEndian)).toEqual([])
    expect(read([['v', ['s', 'x']]], bigEndian)).toBe(null)
    expect(read([['s', 'x']], bigEndian, { path: 'a' })).toBe(null)
  }
})

it('a body that is shorter than its values is refused', () => {
  for (const claimedBodyBytes of [0, 3, 7, 9]) {
    const body: Value[] = [
      ['u', 1],
      ['s', 'four'],
    ]
    const bytes = message({ type: 4, path: '/a', interface: 'a.b', member: 'C', body })
    const header = headerOf(bytes, bytes.length)
    if (typeof header === 'string') throw new Error(header)
    expect(() => plainBody(header, bytes.subarray(0, header.bodyAt + claimedBodyBytes))).toThrow(RangeError)
  }
})
