import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Bus, errorNameOf, type Signal } from '../../src/dbus/bus.ts'
import { connectBus } from '../../src/dbus/connection.ts'
import { until } from '../rig/until.ts'
import { clock } from './clock.ts'
import { DRIVER, OUR_NAME, type Peer, type PeerClient, startPeer } from './peer.ts'
import { type MessageParts, message } from './wire.ts'

const { after } = clock
const OK = 'OK 0123456789abcdef0123456789abcdef\r\n'

const signal: MessageParts = {
  type: 4,
  path: '/org/example',
  interface: 'org.example.A',
  member: 'Said',
  sender: ':1.2',
  body: [['s', 'hello']],
}
const signalWith = (parts: Partial<MessageParts> = {}) => message({ ...signal, ...parts })
const NEXT = signalWith({ body: [['s', 'next']] })

/** Exceptions that would end the agent: none may get this far. */
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

/** Runs `act` after the client's first line. */
function afterOurLine(act: (caller: PeerClient) => unknown): (caller: PeerClient) => Promise<void> {
  return async (caller) => {
    await caller.line()
    await act(caller)
  }
}

describe('a peer that fails while we connect', () => {
  const refused: [what: string, reason: RegExp, script: (caller: PeerClient) => Promise<void>][] = [
    ['disconnects at once', /during authentication/, async (c) => void c.socket.destroy()],
    ['ends at once', /during authentication|timed out/, async (c) => void c.socket.end()],
    ['disconnects after our first line', /during authentication/, afterOurLine((c) => c.socket.destroy())],
    ['ends in the middle of a line', /during authentication/, afterOurLine((c) => c.socket.end('OK 01'))],
    ['rejects us', /authentication failed/, afterOurLine((c) => c.send('REJECTED EXTERNAL\r\n'))],
    ['rejects us with nothing', /authentication failed/, afterOurLine((c) => c.send('\r\n'))],
    ['sends garbage', /authentication failed/, afterOurLine((c) => c.send('\x00\xff\x80{}\n'))],
    ['never ends its line', /does not speak D-Bus/, afterOurLine((c) => c.send('x'.repeat(20_000)))],
    ['sends nothing', /timed out/, async () => {}],
    ['sends nothing after our first line', /timed out/, afterOurLine(() => {})],
    ['sends nothing after accepting us', /timed out/, afterOurLine((c) => c.send(OK))],
    ['disconnects after accepting us', /during authentication/, afterOurLine((c) => c.socket.end(OK))],
    ['speaks HTTP', /failed|does not speak/, async (c) => void (await c.send('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  ]
  const greeted: [what: string, reason: RegExp, reply: () => Buffer][] = [
    [
      'refuses Hello',
      /refused the connection: org.example.No/,
      () => message({ type: 3, replySerial: 1, errorName: 'org.example.No', body: [['s', 'no']] }),
    ],
    [
      'refuses Hello with an error that has no name',
      /refused the connection/,
      () => message({ type: 3, replySerial: 1, errorName: '', body: [] }),
    ],
    ['replies to Hello with nothing', /no unique name/, () => message({ type: 2, replySerial: 1 })],
    ['replies to Hello with a number', /no unique name/, () => message({ type: 2, replySerial: 1, body: [['u', 7]] })],
    ['replies to something else', /timed out/, () => message({ type: 2, replySerial: 2, body: [['s', OUR_NAME]] })],
    [
      'sends half of the reply to Hello',
      /timed out/,
      () => message({ type: 2, replySerial: 1, claimedBodyBytes: 1000 }),
    ],
  ]
  for (const [what, reason, reply] of greeted) {
    refused.push([
      what,
      reason,
      async (c) => {
        await c.line()
        await c.send(OK)
        await c.line()
        await c.call()
        await c.send(reply())
      },
    ])
  }

  it.each(refused)('%s', async (_, reason, script) => {
    await using peer = await startPeer(script)
    await expect(connectBus(peer.address, { after, connectAtMostMs: 300 })).rejects.toThrow(reason)
  })
})

describe('a peer that fails while we listen', () => {
  /** Connects to a peer that accepts us and then runs the script. */
  async function listening(script: (caller: PeerClient) => Promise<void>) {
    const received: Signal[] = []
    const faults: string[] = []
    const reasons: string[] = []
    let ready = () => {}
    const go = new Promise<void>((resolve) => {
      ready = resolve
    })
    const peer: Peer = await startPeer(async (caller, before) => {
      await caller.admit()
      if (before > 0) return caller.replyToAll()
      await go
      await script(caller)
    })
    const bus: Bus = await connectBus(peer.address, { after, onFault: (problem) => faults.push(problem) })
    bus.onSignal((signal) => received.push(signal))
    bus.onClose((reason) => reasons.push(reason))
    ready()
    return { peer, bus, received, faults, reasons }
  }

  const dropped: [what: string, reason: RegExp, bytes: () => Buffer][] = [
    ['sends garbage', /invalid byte order 120/, () => Buffer.from('x'.repeat(400))],
    ['sends a wrong byte order', /invalid byte order 0/, () => signalWith({ firstByte: 0 })],
    ['claims a body of 4 GB', /4294967\d+ bytes exceeds/, () => signalWith({ claimedBodyBytes: 0xffffffff })],
    ['claims a body of 17 MiB', /1782\d+ bytes exceeds/, () => signalWith({ claimedBodyBytes: 17 << 20 })],
    ['claims a body shorter than it is', /could not be decoded/, () => signalWith({ claimedBodyBytes: 1 })],
    ['claims to be big-endian', /exceeds|longer/, () => signalWith({ firstByte: 0x42 })],
    ['puts a string beyond its message', /could not be decoded/, () => signalWith({ signature: 'ss' })],
    ['sends an array of nothing', /empty/, () => signalWith({ signature: 'a()', body: [['u', 8]] })],
    [
      'sends a signature that does not match the body',
      /could not be decoded/,
      () => signalWith({ signature: 'a{sv}' }),
    ],
    ['sends an invalid signature', /could not be decoded|Unknown type/, () => signalWith({ signature: 'z' })],
    [
      'sends a signature that does not end',
      /could not be decoded|unexpected end/,
      () => signalWith({ signature: 'a(s' }),
    ],
    ['hides a file descriptor in a variant', /could not be decoded/, () => signalWith({ body: [['v', ['h', 0]]] })],
    ['sends an invalid object path', /Invalid object path/, () => signalWith({ path: 'x' })],
  ]

  it.each(dropped)(
    '%s: the connection is closed, calls are rejected, and the next connection works',
    async (_, reason, bytes) => {
      const { peer, bus, reasons, faults } = await listening(async (caller) => {
        await caller.call()
        await caller.send(bytes())
        await caller.send(NEXT)
      })
      const call = bus.call(DRIVER, '/', DRIVER, 'GetId').catch((error: Error) => error.message)
      await until(() => reasons.length > 0, { what: 'the end of the connection' })
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
    ['a signal with file descriptors', () => signalWith({ fds: 1, body: [['h', 0]] })],
    ['a signal with the signature h', () => signalWith({ body: [['h', 0]] })],
    ['a signal with a header field that does not end', () => fieldBeyond()],
    ['a call', () => signalWith({ type: 1 })],
    ['a message of unknown type', () => signalWith({ type: 9 })],
    ['a reply without a pending call', () => message({ type: 2, replySerial: 777, body: [['s', 'x']] })],
    ['an error without a pending call', () => message({ type: 3, replySerial: 777, errorName: 'org.example.No' })],
  ]
  function fieldBeyond(): Buffer {
    const bytes = signalWith()
    bytes.writeUInt32LE(5000, 20)
    return bytes
  }
  it.each(skipped)('%s is dropped, and the next signal is received', async (_, bytes) => {
    const { peer, bus, received, reasons } = await listening(async (caller) => {
      await caller.send(bytes())
      await caller.send(NEXT)
    })
    await until(() => received.length > 0, { what: 'the signal after it' })
    expect(received.map(({ body }) => body)).toEqual([['next']])
    expect(reasons).toEqual([])
    bus.close()
    await peer[Symbol.asyncDispose]()
  })

  it('an error without a message fails its call only', async () => {
    const { peer, bus } = await listening(async (caller) => {
      await caller.send(message({ type: 3, replySerial: (await caller.call()).serial, errorName: 'org.example.No' }))
      await caller.replyToAll()
    })
    await expect(bus.call(DRIVER, '/', DRIVER, 'GetId')).rejects.toThrow('org.example.No')
    await bus.call(DRIVER, '/', DRIVER, 'GetId')
    bus.close()
    await peer[Symbol.asyncDispose]()
  })

  it('an inconsistent PropertiesChanged closes the connection like any other message', async () => {
    await using peer = await startPeer(async (caller) => {
      await caller.admit()
      await caller.call()
      await caller.send(
        signalWith({
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
    const reason = await bus.call(DRIVER, '/', DRIVER, 'GetId').catch((error: Error) => error.message)
    expect(reason).toBe('a message could not be decoded (an array is longer than its message)')
  })

  it('messages that arrive one byte at a time are decoded correctly', async () => {
    const { peer, bus, received } = await listening(async (caller) => {
      for (const byte of Buffer.from([...signalWith(), ...NEXT])) {
        await caller.send(Buffer.from([byte]))
        await new Promise(setImmediate)
      }
    })
    await until(() => received.length === 2, { what: 'both signals' })
    expect(received.map(({ body }) => body)).toEqual([['hello'], ['next']])
    bus.close()
    await peer[Symbol.asyncDispose]()
  })

  it('half a message and then nothing is detected by the ping', async () => {
    await using peer = await startPeer(async (caller) => {
      await caller.admit()
      await caller.send(NEXT.subarray(0, 40))
    })
    const bus = await connectBus(peer.address, { after, pingEveryMs: 50, pongAtMostMs: 100 })
    const reason = new Promise<string>((resolve) => bus.onClose(resolve))
    expect(await reason).toMatch(/stopped responding/)
  })

  it('the end of the stream at any byte of a message closes the connection', async () => {
    for (const cut of [0, 1, 15, 16, 17, 40, NEXT.length - 1, NEXT.length]) {
      const { peer, reasons, received } = await listening(async (caller) => {
        await caller.send(NEXT.subarray(0, cut))
        caller.socket.end()
      })
      await until(() => reasons.length > 0, { what: `the end after ${cut} bytes` })
      expect(reasons).toEqual(['the bus closed the connection'])
      expect(received).toHaveLength(cut === NEXT.length ? 1 : 0)
      await peer[Symbol.asyncDispose]()
    }
  })

  it('a flood of unwanted signals costs no memory and delays nothing', async () => {
    const flood = Buffer.from(signalWith({ path: '/flood' }).toString('latin1').repeat(2000), 'latin1')
    const { peer, bus, received } = await listening(async (caller) => {
      for (let i = 0; i < 20; i++) await caller.send(flood)
      await caller.send(signalWith({ path: '/wanted' }))
      await pause(5)
    })
    const wanted: Signal[] = []
    received.length = 0
    bus.onSignal(
      (signal) => wanted.push(signal),
      (header) => header.path === '/wanted',
    )
    await until(() => wanted.some(({ path }) => path === '/wanted'), { what: 'the wanted one' })
    bus.close()
    await peer[Symbol.asyncDispose]()
  })
})

it('each call that gets an error or no reply is reported once, with its member', async () => {
  await using peer = await startPeer(async (caller) => {
    await caller.admit()
    await caller.reply((await caller.call()).serial)
    const { serial } = await caller.call()
    await caller.send(message({ type: 3, replySerial: serial, errorName: 'org.example.No', body: [['s', 'no']] }))
    await caller.call()
    await caller.call()
  })
  const failures: string[] = []
  const onFailure = (member: string, error: Error) => failures.push(`${member} ${errorNameOf(error)}`)
  const bus = await connectBus(peer.address, { after, onFailure })
  const call = (member: string, timeoutMs: number) =>
    bus.call('org.example', '/', 'org.example.A', member, '', [], timeoutMs).catch(() => {})
  await call('Good', 5_000)
  await call('Bad', 5_000)
  await call('Mute', 50)
  const waiting = call('Last', 5_000)
  bus.close('the test ends')
  await waiting
  expect(failures).toEqual(['Bad org.example.No', 'Mute timeout', 'Last closed'])
})
