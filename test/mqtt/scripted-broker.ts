// A broker that a test writes down: what it sends on each connection, over any transport.
import { createServer, type Server, type Socket } from 'node:net'

/** Accepts an MQTT 5 connection. */
export const CONNACK = Buffer.from([0x20, 3, 0, 0, 0])

export interface ScriptedBroker extends AsyncDisposable {
  readonly url: string
  readonly port: number
  connections(): number
  /** Everything received after the CONNECT, by connection. */
  received(connection: number): Buffer
}

/** Calls `respond` after the first bytes of each connection. `listen`: where, if not on a loopback port. */
export async function startScriptedBroker(
  respond: (socket: Socket, connection: number) => void,
  server: Server = createServer(),
  listen: { readonly path: string } | { readonly port: number; readonly host: string } = { port: 0, host: '127.0.0.1' },
): Promise<ScriptedBroker> {
  const sockets = new Set<Socket>()
  const received: Buffer[][] = []
  const accept = (socket: Socket) => {
    const bytes: Buffer[] = []
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => {
      received.push(bytes)
      socket.on('data', (data: Buffer) => void bytes.push(data))
      respond(socket, received.length - 1)
    })
  }
  server.on('setSecureContext' in server ? 'secureConnection' : 'connection', accept)
  await new Promise<void>((resolve) => server.listen(listen, resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    connections: () => received.length,
    received: (connection) => Buffer.concat(received[connection] ?? []),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
