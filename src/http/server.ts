// A listening server with its limits: how much it reads, how long it waits, how many it serves, and how it ends.
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { ListenOptions, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../ports.ts'
import type { Listener } from './listener.ts'
import { sendRaw } from './respond.ts'
import { problem } from './route.ts'

const HEADER_BYTES_AT_MOST = 16 * 1024
const HEADERS_WITHIN_MS = 10_000
const REQUEST_WITHIN_MS = 20_000
const CHECK_EVERY_MS = 5_000
/** Longer than the usual scrape interval, so that Prometheus keeps its connection. */
const KEEP_ALIVE_MS = 75_000
/** A connection on which nothing moves, in either direction; streams have a heartbeat, an order waits 120 s for its job. */
const IDLE_AT_MOST_MS = 150_000
const CONNECTIONS_AT_MOST = 64
/** On stop, answers under way may take this long. */
const STOP_WITHIN_MS = 1_000

type Create = (options: ServerOptions, listener: RequestListener) => Server

/** Connections that are no HTTP any more, which Node lets go of. */
const upgraded = new WeakMap<Server, Set<Duplex>>()

/** A server that is not listening yet; `create` makes one of another kind than plain HTTP. */
export function createLimited(listener: Listener, create: Create = createServer): Server {
  const server = create(
    {
      maxHeaderSize: HEADER_BYTES_AT_MOST,
      requestTimeout: REQUEST_WITHIN_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    listener.request,
  )
  server.headersTimeout = HEADERS_WITHIN_MS
  server.timeout = IDLE_AT_MOST_MS
  server.maxConnections = CONNECTIONS_AT_MOST
  // Those who only hold a connection make room; the one that was turned away comes again.
  server.on('drop', () => server.closeIdleConnections())
  server.on('clientError', refuse)
  const others = new Set<Duplex>()
  upgraded.set(server, others)
  server.on('upgrade', (request, connection, head) => {
    others.add(connection)
    connection.on('close', () => others.delete(connection))
    listener.upgrade(request, connection, head)
  })
  return server
}

/** The same by TLS. */
export async function createSecure(listener: Listener, tls: object): Promise<Server> {
  const https = await import('node:https') // not before it is needed: it costs memory
  const handshake = { ...tls, handshakeTimeout: HEADERS_WITHIN_MS }
  const server = createLimited(listener, (limits, on) => https.createServer({ ...limits, ...handshake }, on))
  // Not the answer of a client error: nobody would read it before the handshake.
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy())
  return server
}

/** Resolves when it listens. */
export function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      server.on('error', () => {}) // accept(2) failed, as with too many open files: the next one may not
      resolve()
    })
  })
}

/** Resolves when nobody is connected any more; those who linger are cut off. */
export function close(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const undo = clock.after(STOP_WITHIN_MS, () => {
      server.closeAllConnections()
      for (const connection of upgraded.get(server) ?? []) connection.destroy()
    })
    server.close(() => {
      undo()
      resolve()
    })
    server.closeIdleConnections()
  })
}

/**
 * What the parser did not take: told in the format of all errors, and the connection closed. Not where something was
 * said already: it would stand in the middle of another answer.
 */
function refuse(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0 || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  sendRaw(socket, refusalOf(error.code))
}

function refusalOf(code: string | undefined) {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return problem(431, 'headers_too_large', `at most ${HEADER_BYTES_AT_MOST} bytes`)
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem(408, 'request_timeout', 'the request took too long')
    default:
      return problem(400, 'bad_request', 'this is not HTTP')
  }
}
