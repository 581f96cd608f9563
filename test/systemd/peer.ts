// A scripted bus daemon on a socket of its own: it sends exactly the bytes that a test wants.
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

export interface PeerClient {
  readonly socket: Socket
  /** The next line of the authentication, without its line end. */
  line(): Promise<string>
  /** The next complete message: its serial, and all its bytes as text to search for names. */
  call(): Promise<{ readonly serial: number; readonly text: string }>
  send(bytes: Buffer | string): Promise<void>
  /** Accepts the client: authentication and the reply to Hello. */
  admit(): Promise<void>
  /** Replies with these values. */
  reply(serial: number, ...body: Value[]): Promise<void>
  /** Sends an empty reply to every call, until the client disconnects. */
  replyToAll(): Promise<void>
}

export interface Peer extends AsyncDisposable {
  readonly address: string
  /** The number of clients that have connected. */
  readonly connections: () => number
}

/** Runs `script` for each client that connects, with the number of clients before it. */
export async function startPeer(script: (caller: PeerClient, before: number) => Promise<void>): Promise<Peer> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-peer-'))
  const sockets = new Set<Socket>()
  let callers = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    script(callerAt(socket), callers++).catch(() => socket.destroy()) // the client disconnected during the script
  })
  await new Promise<void>((resolve) => server.listen(join(directory, 'bus'), resolve))
  return {
    address: `unix:path=${join(directory, 'bus')}`,
    connections: () => callers,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function callerAt(socket: Socket): PeerClient {
  let buffered = Buffer.alloc(0)
  let wake = () => {}
  let gone = false
  socket.on('data', (chunk) => {
    buffered = Buffer.from(buffered.toString('latin1') + chunk.toString('latin1'), 'latin1')
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
      if (gone) throw new Error('the client disconnected')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const cut = (bytes: number) => {
    const part = buffered.subarray(0, bytes)
    buffered = buffered.subarray(bytes)
    return part
  }
  const caller: PeerClient = {
    socket,
    line: () =>
      until(() => {
        const end = buffered.indexOf('\r\n')
        return end < 0
          ? null
          : cut(end + 2)
              .toString('latin1')
              .trim()
              .replace(/^\0/, '')
      }),
    call: () =>
      until(() => {
        if (buffered.length < 16) return null
        const bytes = 16 + Math.ceil(buffered.readUInt32LE(12) / 8) * 8 + buffered.readUInt32LE(4)
        if (buffered.length < bytes) return null
        const serial = buffered.readUInt32LE(8)
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
    reply: (serial, ...body) =>
      caller.send(message({ type: 2, replySerial: serial, sender: DRIVER, destination: OUR_NAME, body })),
    async replyToAll() {
      for (;;) await caller.reply((await caller.call()).serial)
    },
  }
  return caller
}
