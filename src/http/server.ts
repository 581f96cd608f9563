// HTTP and HTTPS servers with limits on header size and time, and their orderly shutdown.
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { ListenOptions, Socket } from 'node:net'
import type { Clock } from '../ports.ts'
import type { Connections } from './connections.ts'
import type { RequestHandler } from './request-handler.ts'
import { sendRaw } from './respond.ts'
import { type HttpResponse, problem } from './route.ts'

const HEADER_BYTES_AT_MOST = 16 * 1024
const HEADERS_WITHIN_MS = 10_000
const REQUEST_WITHIN_MS = 20_000
const CHECK_EVERY_MS = 5_000
/** The longest delay that setInterval supports. */
const NEVER_MS = 2 ** 31 - 1
/** Longer than the usual scrape interval, so that Prometheus can keep its connection. */
const KEEP_ALIVE_MS = 75_000
/** For a connection without any traffic; streams have a heartbeat, a command waits up to 120 s for its job. */
const IDLE_AT_MOST_MS = 150_000
/** A last limit, for accept(2). What exceeds the limits of `Connections` still gets a response that explains it. */
const ACCEPTED_AT_MOST = 80
/** On stop, requests in progress may take this long. */
const STOP_WITHIN_MS = 1_000

type ServerFactory = (options: ServerOptions, listener: RequestListener) => Server

/** A server that does not listen yet; `create` replaces plain HTTP. */
export function createHttpServer(
  handler: RequestHandler,
  connections: Connections,
  create: ServerFactory = createServer,
): Server {
  const server = create(
    {
      maxHeaderSize: HEADER_BYTES_AT_MOST,
      requestTimeout: REQUEST_WITHIN_MS,
      connectionsCheckingInterval: NEVER_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    handler.request,
  )
  server.headersTimeout = HEADERS_WITHIN_MS
  server.timeout = IDLE_AT_MOST_MS
  server.maxConnections = ACCEPTED_AT_MOST
  server.on('connection', connections.add)
  checkWhileConnected(server)
  server.on('clientError', refuseUnparsed)
  server.on('upgrade', handler.upgrade)
  return server
}

/**
 * Checks the time limits of requests only while a client is connected. Node.js would do it all the time, and so wake up the
 * processor every 5 s; it reads the interval again when the server reports that it listens.
 */
function checkWhileConnected(server: Server): void {
  let connected = 0
  const checkEvery = (ms: number) => {
    Object.assign(server, { connectionsCheckingInterval: ms })
    if (server.listening) server.emit('listening')
  }
  server.on('connection', (socket) => {
    connected += 1
    if (connected === 1) checkEvery(CHECK_EVERY_MS)
    socket.on('close', () => {
      connected -= 1
      if (connected === 0) checkEvery(NEVER_MS)
    })
  })
}

/** The same over TLS. */
export async function createHttpsServer(
  handler: RequestHandler,
  connections: Connections,
  tls: object,
): Promise<Server> {
  const https = await import('node:https') // loaded only when needed: it costs memory
  const handshake = { ...tls, handshakeTimeout: HEADERS_WITHIN_MS }
  const server = createHttpServer(handler, connections, (limits, on) =>
    https.createServer({ ...limits, ...handshake }, on),
  )
  // Without an error response: the client cannot read one before the handshake is complete.
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy())
  return server
}

/** Resolves when the server listens. */
export function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      server.on('error', () => {}) // accept(2) failed, e.g. too many open files: the next connection may succeed
      resolve()
    })
  })
}

/** Resolves when all connections are closed; those still open after a second are destroyed. */
export function close(server: Server, connections: Connections, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(STOP_WITHIN_MS, connections.destroyAll)
    server.close(() => {
      cancel()
      resolve()
    })
    server.closeIdleConnections()
  })
}

/**
 * Refuses what the parser could not read, and closes the connection. Without an error response if the connection has
 * carried a response before: the error could end up in the middle of it.
 */
function refuseUnparsed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0 || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  sendRaw(socket, parserErrorOf(error))
}

/** The error response for what the parser could not read. */
export function parserErrorOf(error: Error & { code?: string }): HttpResponse {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return problem(431, 'headers_too_large', `the request headers are larger than ${HEADER_BYTES_AT_MOST} bytes`)
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem(408, 'request_timeout', 'the request was not received in time')
    default:
      return problem(400, 'bad_request', 'the request is not valid HTTP')
  }
}
