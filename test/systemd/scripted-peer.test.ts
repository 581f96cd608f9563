import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Bus, Signal } from '../../src/dbus/bus.ts'
import { connectBus } from '../../src/dbus/connection.ts'
import { until } from '../rig/until.ts'
import { clock } from './clock.ts'
import { type Caller, DRIVER, OUR_NAME, type Peer, startPeer } from './peer.ts'
import { message, type Parts } from './wire.ts'

const { after } = clock
const OK = 'OK 0123456789abcdef0123456789abcdef\r\n'

const said: Parts = {
  type: 4,
  path: '/org/example',
  interface: 'org.example.A',
  member: 'Said',
  sender: ':1.2',
  body: [['s', 'hello']],
}
const saying = (parts: Partial<Parts> = {}) => message({ ...said, ...parts })
const WELL = saying({ body: [['s', 'well']] })

/** What would end the agent: nothing may ever get this far. */
const escaped: unknown[] = []
const note = (error: unknown) => escaped.push(error)
beforeEach(() => {
  process.on('uncaughtException', note).on('unhandledRejection', note)
})
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 20))
  process.off('uncaughtException', note).off('unhandledRejection', note)
  expect(escaped.splice(0)).toEqual([])
})

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Does it after the client's first line. */
function afterOurLine(act: (caller: Caller) => unknown): (caller: Caller) => Promise<void> {
  return async (caller) => {
    await caller.line()
    await act(caller)
  }
}

describe('a peer that fails while we connect', () => {
  const refused: [what: string, words: RegExp, script: (caller: Caller) => Promise<void>][] = [
    ['leaves at once', /hung up/, async (c) => void c.socket.destroy()],
    ['ends at once', /hung up|timed out/, async (c) => void c.socket.end()],
    ['leaves after our first line', /hung up/, afterOurLine((c) => c.socket.destroy())],
    ['ends in the middle of a line', /hung up/, afterOurLine((c) => c.socket.end('OK 01'))],
    ['rejects us', /authentication refused/, afterOurLine((c) => c.send('REJECTED EXTERNAL\r\n'))],
    ['rejects us with nothing', /authentication refused/, afterOurLine((c) => c.send('\r\n'))],
    ['says garbage', /authentication refused/, afterOurLine((c) => c.send('\x00\xff\x80{}\n'))],
    ['never ends its line', /does not speak D-Bus/, afterOurLine((c) => c.send('x'.repeat(20_000)))],
    ['says nothing', /timed out/, async () => {}],
    ['says nothing after our first line', /timed out/, afterOurLine(() => {})],
    ['says nothing after letting us in', /timed out/, afterOurLine((c) => c.send(OK))],
    ['leaves after letting us in', /hung up/, afterOurLine((c) => c.socket.end(OK))],
    ['speaks HTTP', /refused|does not speak/, async (c) => void (await c.send('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  ]
  const greeted: [what: string, words: RegExp, answer: () => Buffer][] = [
    [
      'refuses Hello',
      /refused us: org.example.No/,
      () => message({ type: 3, replySerial: 1, errorName: 'org.example.No', body: [['s', 'no']] }),
    ],
    [
      'refuses Hello with an error that has no name',
      /refused us/,
      () => message({ type: 3, replySerial: 1, errorName: '', body: [] }),
    ],
    ['answers Hello with nothing', /no name/, () => message({ type: 2, replySerial: 1 })],
    ['answers Hello with a number', /no name/, () => message({ type: 2, replySerial: 1, body: [['u', 7]] })],
    ['answers something else', /timed out/, () => message({ type: 2, replySerial: 2, body: [['s', OUR_NAME]] })],
    ['answers Hello in half', /timed out/, () => message({ type: 2, replySerial: 1, claimedBodyBytes: 1000 })],
  ]
  for (const [what, words, answer] of greeted) {
    refused.push([
      what,
      words,
      async (c) => {
        await c.line()
        await c.send(OK)
        await c.line()
        await c.call()
        await c.send(answer())
      },
    ])
  }

  it.each(refused)('%s', async (_, words, script) => {
    await using peer = await startPeer(script)
    await expect(connectBus(peer.address, { after, connectAtMostMs: 300 })).rejects.toThrow(words)
  })
})

describe('a peer that fails while we listen', () => {
  /** Connects to a peer that lets us in and then does as the script says. */
  async function listening(script: (caller: Caller) => Promise<void>) {
    const heard: Signal[] = []
    const faults: string[] = []
    const reasons: string[] = []
    let ready = () => {}
    const go = new Promise<void>((resolve) => {
      ready = resolve
    })
    const peer: Peer = await startPeer(async (caller, before) => {
      await caller.admit()
      if (before > 0) return caller.goOn()
      await go
      await script(caller)
    })
    const bus: Bus = await connectBus(peer.address, { after, onFault: (problem) => faults.push(problem) })
    bus.onSignal((signal) => heard.push(signal))
    bus.onClose((reason) => reasons.push(reason))
    ready()
    return { peer, bus, heard, faults, reasons }
  }

  const dropped: [what: string, reason: RegExp, bytes: () => Buffer][] = [
    ['sends garbage', /begins with byte 120/, () => Buffer.from('x'.repeat(400))],
    ['sends a wrong endian byte', /begins with byte 0/, () => saying({ firstByte: 0 })],
    ['claims a body of 4 GB', /claims 4294967\d+ bytes/, () => saying({ claimedBodyBytes: 0xffffffff })],
    ['claims a body of 17 MiB', /claims 1782\d+ bytes/, () => saying({ claimedBodyBytes: 17 << 20 })],
    ['claims a body shorter than it is', /could not be decoded/, () => saying({ claimedBodyBytes: 1 })],
    ['says it is big-endian', /claims|longer/, () => saying({ firstByte: 0x42 })],
    ['puts a string beyond its message', /could not be decoded/, () => saying({ signature: 'ss' })],
    ['sends an array of nothing', /empty/, () => saying({ signature: 'a()', body: [['u', 8]] })],
    ['sends another signature than body', /could not be decoded/, () => saying({ signature: 'a{sv}' })],
    ['sends a signature that is none', /could not be decoded|Unknown type/, () => saying({ signature: 'z' })],
    ['sends a signature that does not end', /could not be decoded|unexpected end/, () => saying({ signature: 'a(s' })],
    ['hides a file descriptor in a variant', /could not be decoded/, () => saying({ body: [['v', ['h', 0]]] })],
    ['sends an object path that is none', /Invalid object path/, () => saying({ path: 'x' })],
    ['sends header fields that do not end', /longer than the header/, () => fieldBeyond()],
  ]
  function fieldBeyond(): Buffer {
    const bytes = saying()
    bytes.writeUInt32LE(5000, 20)
    return bytes
  }

  it.each(dropped)(
    '%s: the connection is given up, calls are rejected, and the next one works',
    async (_, reason, bytes) => {
      const { peer, bus, reasons, faults } = await listening(async (caller) => {
        await caller.call()
        await caller.send(bytes())
        await caller.send(WELL)
      })
      const call = bus.call(DRIVER, '/', DRIVER, 'GetId').catch((error: Error) => error.message)
      await until(() => reasons.length > 0, { what: 'the end of the connection', timeoutMs: 2000 })
      expect(reasons[0]).toMatch(reason)
      expect(await call).toBe(reasons[0])
      expect(faults).not.toEqual([])
      const again = await connectBus(peer.address, { after })
      await again.call(DRIVER, '/', DRIVER, 'GetId')
      again.close()
      await peer[Symbol.asyncDispose]()
    },
  )

  const skipped: [what: string, bytes: () => Buffer][] = [
    ['a signal with file descriptors', () => saying({ fds: 1, body: [['h', 0]] })],
    ['a signal with the signature h', () => saying({ body: [['h', 0]] })],
    ['a call', () => saying({ type: 1 })],
    ['a message of unknown type', () => saying({ type: 9 })],
    ['an answer that nobody waits for', () => message({ type: 2, replySerial: 777, body: [['s', 'x']] })],
    ['an error that nobody waits for', () => message({ type: 3, replySerial: 777, errorName: 'org.example.No' })],
  ]
  it.each(skipped)('%s is dropped, and what follows is heard', async (_, bytes) => {
    const { peer, bus, heard, reasons } = await listening(async (caller) => {
      await caller.send(bytes())
      await caller.send(WELL)
    })
    await until(() => heard.length > 0, { what: 'the signal after it' })
    expect(heard.map(({ body }) => body)).toEqual([['well']])
    expect(reasons).toEqual([])
    bus.close()
    await peer[Symbol.asyncDispose]()
  })

  it('an error without words, or with an impossible name, is the answer or none; nothing else suffers', async () => {
    const { peer, bus } = await listening(async (caller) => {
      await caller.send(message({ type: 3, replySerial: (await caller.call()).serial, errorName: 'org.example.No' }))
      await caller.goOn()
    })
    await expect(bus.call(DRIVER, '/', DRIVER, 'GetId')).rejects.toThrow('org.example.No')
    await bus.call(DRIVER, '/', DRIVER, 'GetId')
    bus.close()
    await peer[Symbol.asyncDispose]()
  })

  it('a PropertiesChanged that contradicts itself is given up like any other', async () => {
    await using peer = await startPeer(async (caller) => {
      await caller.admit()
      await caller.call()
      await caller.send(
        saying({
          member: 'PropertiesChanged',
          signature: 'sa{sv}as',
          body: [
            ['s', 'x'],
            ['u', 4000],
          ],
        }),
      )
    })
    const bus = await connectBus(peer.address, { after, properties: new Set(['ActiveState']) })
    bus.onSignal(() => {})
    const words = await bus.call(DRIVER, '/', DRIVER, 'GetId').catch((error: Error) => error.message)
    expect(words).toBe('a message could not be decoded (an array is longer than its message)')
  })

  it('one byte at a time is slow, and right', async () => {
    const { peer, bus, heard } = await listening(async (caller) => {
      for (const byte of Buffer.from([...saying(), ...WELL])) {
        await caller.send(Buffer.from([byte]))
        await new Promise(setImmediate)
      }
    })
    await until(() => heard.length === 2, { what: 'both signals' })
    expect(heard.map(({ body }) => body)).toEqual([['hello'], ['well']])
    bus.close()
    await peer[Symbol.asyncDispose]()
  })

  it('half a message and then nothing is found out by the ping', async () => {
    await using peer = await startPeer(async (caller) => {
      await caller.admit()
      await caller.send(WELL.subarray(0, 40))
    })
    const bus = await connectBus(peer.address, { after, pingEveryMs: 50, pongAtMostMs: 100 })
    const reason = new Promise<string>((resolve) => bus.onClose(resolve))
    expect(await reason).toMatch(/no longer answers/)
  })

  it('an end at any byte of a message is an end', async () => {
    for (const cut of [0, 1, 15, 16, 17, 40, WELL.length - 1, WELL.length]) {
      const { peer, reasons, heard } = await listening(async (caller) => {
        await caller.send(WELL.subarray(0, cut))
        caller.socket.end()
      })
      await until(() => reasons.length > 0, { what: `the end after ${cut} bytes`, timeoutMs: 2000 })
      expect(reasons).toEqual(['the bus closed the connection'])
      expect(heard).toHaveLength(cut === WELL.length ? 1 : 0)
      await peer[Symbol.asyncDispose]()
    }
  })

  it('a flood that nobody wants costs no memory and delays nothing', async () => {
    const flood = Buffer.from(saying({ path: '/flood' }).toString('latin1').repeat(2000), 'latin1')
    const { peer, bus, heard } = await listening(async (caller) => {
      for (let i = 0; i < 20; i++) await caller.send(flood)
      await caller.send(saying({ path: '/wanted' }))
      await pause(5)
    })
    const wanted: Signal[] = []
    heard.length = 0
    bus.onSignal(
      (signal) => wanted.push(signal),
      (head) => head.path === '/wanted',
    )
    await until(() => wanted.some(({ path }) => path === '/wanted'), { what: 'the wanted one' })
    bus.close()
    await peer[Symbol.asyncDispose]()
  })
})
