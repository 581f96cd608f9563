// Ports of 127.0.0.1 that pass connections on, with or without ending TLS, and count the bytes on the wire.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

export interface CountedPort extends AsyncDisposable {
  readonly port: number
  /** Of both directions: the content of TCP packets. */
  bytes(): number
}

/** `tls`: the certificate with which TLS ends here. */
export async function countedPort(toPort: number, tls: TlsOptions | null = null): Promise<CountedPort> {
  const inner = tls === null ? null : await listening(createTlsServer(tls, (socket) => join(socket, toPort)))
  const innerPort = inner === null ? toPort : portOf(inner)
  let closed = 0
  const open = new Set<Socket>()
  const outer = await listening(
    createServer((socket) => {
      open.add(socket)
      socket.once('close', () => {
        open.delete(socket)
        closed += socket.bytesRead + socket.bytesWritten
      })
      join(socket, innerPort)
    }),
  )
  return {
    port: portOf(outer),
    bytes: () => [...open].reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, closed),
    async [Symbol.asyncDispose]() {
      outer.close()
      inner?.close()
      for (const socket of open) socket.destroy()
    },
  }
}

function join(from: Socket, toPort: number): void {
  const to = connect(toPort, '127.0.0.1')
  from.on('error', () => to.destroy()).pipe(to)
  to.on('error', () => from.destroy()).pipe(from)
}

function listening<T extends Server>(server: T): Promise<T> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
