// Writes a complete response with its length, compressed if the client accepts gzip and the response is large enough.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import { keepingLast, preferenceFor } from '../core/views/accept.ts'
import { LOOPBACK } from './peer.ts'
import type { HttpResponse } from './route.ts'
import { createUnreadLimit } from './unread-responses.ts'

/** Gzip takes 0.2 ms even for less, all of which TCP sends in the six packets that need no acknowledgement first (RFC 6928). */
const GZIP_FROM_BYTES = 8_192
/** Up to here (a scrape of 12 units has 25 KB) gzip runs synchronously: the thread pool would take twice the time. */
const GZIP_SYNC_UP_TO_BYTES = 65_536
/** A quarter of the usual memory (64 KB), which a scrape otherwise finds in no cache: 0.35 ms instead of 0.45, 2 % larger. */
const GZIP_SYNC = { windowBits: 13, memLevel: 6 }
const GZIP_HEADERS = { 'content-encoding': 'gzip' }

const gzipInThreadPool = (body: string | Buffer) => promisify<string | Buffer, Buffer>(gzip)(body) // zlib is loaded now

/** A client that does not mention gzip gets none; one that prefers the response as it is gets it like that. */
const acceptsGzip = keepingLast((header: string): boolean => {
  const { quality } = preferenceFor(header, { name: 'gzip' })
  return quality !== null && quality > 0 && quality >= (preferenceFor(header, { name: 'identity' }).quality ?? 0)
})

export interface Responder {
  send(request: IncomingMessage, response: ServerResponse, reply: HttpResponse): void
  /** Sends the response and closes the connection, so that the rest of what the client sends is not read. */
  sendLast(response: ServerResponse, reply: HttpResponse): void
}

/** All that its responses hold in memory while their clients do not read them has one limit. */
export function createResponder(peerOf: (address: string) => string): Responder {
  const limitUnread = createUnreadLimit()

  /** From a program on this gateway: compressing costs more than it saves. The Host of a tunnel that ends here has another port. */
  function isLocal({ socket, headers }: IncomingMessage): boolean {
    return peerOf(socket.remoteAddress ?? '') === LOOPBACK && headers.host?.endsWith(`:${socket.localPort}`) === true
  }

  function wantsGzip(request: IncomingMessage, body: string | Buffer): boolean {
    if (Buffer.byteLength(body) < GZIP_FROM_BYTES || isLocal(request)) return false
    return acceptsGzip(request.headers['accept-encoding']?.toString() ?? '')
  }

  function write(
    response: ServerResponse,
    reply: HttpResponse,
    body: string | Buffer,
    headers: Record<string, string>,
  ): void {
    if (response.destroyed || response.headersSent) return
    response.writeHead(reply.status, {
      'content-type': reply.type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      vary: 'accept, accept-encoding',
      ...reply.headers,
      ...headers,
    })
    limitUnread(response, body)
    // For HEAD, Node sends only the headers.
    response.end(body)
  }

  return {
    send(request, response, reply) {
      if (!wantsGzip(request, reply.body)) return write(response, reply, reply.body, {})
      compressed(reply.body).then(
        (body) => write(response, reply, body, GZIP_HEADERS),
        () => write(response, reply, reply.body, {}),
      )
    },
    sendLast(response, reply) {
      const { socket } = response
      response.on('finish', () => socket?.destroySoon())
      write(response, reply, reply.body, { connection: 'close' })
    },
  }
}

/** The compressed form of each shared body. */
const shared = new WeakMap<Buffer, Promise<Buffer>>()

/** Compresses the body; a shared one only once. */
function compressed(body: string | Buffer): Promise<Buffer> {
  if (typeof body === 'string') return compress(body)
  const result = shared.get(body) ?? compress(body)
  shared.set(body, result)
  return result
}

async function compress(body: string | Buffer): Promise<Buffer> {
  return Buffer.byteLength(body) <= GZIP_SYNC_UP_TO_BYTES ? gzipSync(body, GZIP_SYNC) : gzipInThreadPool(body)
}

/** Sends a response on a connection that has no response object, and closes it. */
export function sendRaw(connection: Duplex, reply: HttpResponse, more: Readonly<Record<string, string>> = {}): void {
  const headers = {
    Connection: 'close',
    'Content-Type': reply.type,
    'Content-Length': String(Buffer.byteLength(reply.body)),
    ...reply.headers,
    ...more,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const head = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}`, ...lines].join('\r\n')
  connection.end(`${head}\r\n\r\n${reply.body}`, () => connection.destroy())
}
