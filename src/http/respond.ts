// Writes a complete response with its length, compressed if the client accepts gzip and the response is large enough.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import { preferenceFor } from '../core/views/accept.ts'
import type { HttpResponse } from './route.ts'
import { createUnreadLimit } from './unread-responses.ts'

/** Below this size, gzip saves less than one packet. */
const GZIP_FROM_BYTES = 1_024
/** Up to here (a scrape of 12 units has 25 KB) gzip runs synchronously: the thread pool would take twice the time. */
const GZIP_SYNC_UP_TO_BYTES = 65_536
const GZIP_HEADERS = { 'content-encoding': 'gzip' }

const gzipInThreadPool = (body: string | Buffer) => promisify<string | Buffer, Buffer>(gzip)(body) // zlib is loaded now

export interface Responder {
  send(request: IncomingMessage, response: ServerResponse, reply: HttpResponse): void
  /** Sends the response and closes the connection, so that the rest of what the client sends is not read. */
  sendLast(response: ServerResponse, reply: HttpResponse): void
}

/** All that its responses hold in memory while their clients do not read them has one limit. */
export function createResponder(): Responder {
  const limitUnread = createUnreadLimit()

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

function wantsGzip({ headers }: IncomingMessage, body: string | Buffer): boolean {
  return Buffer.byteLength(body) >= GZIP_FROM_BYTES && acceptsGzip(headers['accept-encoding']?.toString())
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
  return Buffer.byteLength(body) <= GZIP_SYNC_UP_TO_BYTES ? gzipSync(body) : gzipInThreadPool(body)
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

/** A client that does not mention gzip gets none; one that prefers the response as it is gets it like that. */
function acceptsGzip(header = ''): boolean {
  const { quality } = preferenceFor(header, { name: 'gzip' })
  return quality !== null && quality > 0 && quality >= (preferenceFor(header, { name: 'identity' }).quality ?? 0)
}
