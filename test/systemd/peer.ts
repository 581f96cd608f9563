// A bus daemon that says exactly what a test wants said, at a socket of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { message, type Value } from './wire.ts'

export const OUR_NAME = ':1.7'
export const DRIVER = 'org.freedesktop.DBus'
const HELLO_OK = message({
  type: 2,
  replySerial: 1,
  sender: DRIVER,
  destination: OUR_NAME,
  body: [['s', OUR_NAME]],
})

export interface Caller {
  readonly socket: Socket
  /** The next line of the authentication, without its end. */
  line(): Promise<string>
  /** The next whole message: its serial and the text of it all, to look for names in. */
  call(): Promise<{ readonly serial: number; readonly text: string }>
  send(bytes: Buffer | string): Promise<void>
  /** Lets the client in, up to the answer to its Hello. */
  admit(): Promise<void>
  /** Answers with these values. */
  answer(serial: number, ...body: Value[]): Promise<void>
  /** Answers everything with nothing, until the client leaves. */
  goOn(): Promise<void>
}

export interface Peer extends AsyncDisposable {
  readonly address: string
  /** How many clients came. */
  readonly callers: () => number
}

/** `script` is told each client that connects, and how many came before it. */
export async function startPeer(script: (caller: Caller, before: number) => Promise<void>): Promise<Peer> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-peer-'))
  const sockets = new Set<Socket>()
  let callers = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    script(callerAt(socket), callers++).catch(() => socket.destroy()) // a client that left in the middle
  })
  await new Promise<void>((resolve) => server.listen(join(directory, 'bus'), resolve))
  return {
    address: `unix:path=${join(directory, 'bus')}`,
    callers: () => callers,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function callerAt(socket: Socket): Caller {
  let held = Buffer.alloc(0)
  let wake = () => {}
  let gone = false
  socket.on('data', (chunk) => {
    held = Buffer.from(held.toString('latin1') + chunk.toString('latin1'), 'latin1')
    wake()
  })
  socket.on('close', () => {
    gone = true
    wake()
  })
  const until = async <T>(take: () => T | null): Promise<T> => {
    for (;;) {
      const taken = take()
      if (taken !== null) return taken
      if (gone) throw new Error('the client left')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const cut = (bytes: number) => {
    const part = held.subarray(0, bytes)
    held = held.subarray(bytes)
    return part
  }
  const caller: Caller = {
    socket,
    line: () =>
      until(() => {
        const end = held.indexOf('\r\n')
        return end < 0
          ? null
          : cut(end + 2)
              .toString('latin1')
              .trim()
              .replace(/^\0/, '')
      }),
    call: () =>
      until(() => {
        if (held.length < 16) return null
        const bytes = 16 + Math.ceil(held.readUInt32LE(12) / 8) * 8 + held.readUInt32LE(4)
        if (held.length < bytes) return null
        const serial = held.readUInt32LE(8)
        return { serial, text: cut(bytes).toString('latin1') }
      }),
    send: (bytes) => new Promise((resolve) => socket.write(bytes.toString('latin1'), 'latin1', () => resolve())),
    async admit() {
      await caller.line()
      await caller.send('OK 0123456789abcdef0123456789abcdef\r\n')
      await caller.line()
      await caller.call()
      await caller.send(HELLO_OK)
    },
    answer: (serial, ...body) =>
      caller.send(message({ type: 2, replySerial: serial, sender: DRIVER, destination: OUR_NAME, body })),
    async goOn() {
      for (;;) await caller.answer((await caller.call()).serial)
    },
  }
  return caller
}
