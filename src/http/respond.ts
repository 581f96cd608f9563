// Writes an answer: whole, with its length, compressed where that is wanted and pays.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { gzip, gzipSync } from 'node:zlib'
import type { HttpResponse } from './route.ts'

/** Below this, gzip saves less than one packet. */
const GZIP_FROM_BYTES = 1_024
/** Up to here (a scrape of 12 units has 25 KB) it is packed at once: another thread would cost twice the time. */
const GZIP_AT_ONCE_BYTES = 65_536
const PACKED = { 'content-encoding': 'gzip' }

export function send(request: IncomingMessage, response: ServerResponse, said: HttpResponse): void {
  const bytes = Buffer.byteLength(said.body)
  if (bytes < GZIP_FROM_BYTES || !acceptsGzip(request.headers['accept-encoding'])) {
    write(response, said, said.body, {})
    return
  }
  if (bytes <= GZIP_AT_ONCE_BYTES) {
    write(response, said, gzipSync(said.body), PACKED)
    return
  }
  gzip(said.body, (error, packed) => {
    if (error) write(response, said, said.body, {})
    else write(response, said, packed, PACKED)
  })
}

/** Answers, and closes the connection: the rest of what the client sends is not to be read. */
export function sendLast(response: ServerResponse, said: HttpResponse): void {
  const { socket } = response
  response.on('finish', () => socket?.destroySoon())
  write(response, said, said.body, { connection: 'close' })
}

function write(
  response: ServerResponse,
  said: HttpResponse,
  body: string | Buffer,
  more: Record<string, string>,
): void {
  if (response.destroyed || response.headersSent) return
  response.writeHead(said.status, {
    'content-type': said.type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    vary: 'accept, accept-encoding',
    ...said.headers,
    ...more,
  })
  // To HEAD, Node sends the headers alone.
  response.end(body)
}

/** Answers where there is no response object, and closes the connection. */
export function sendRaw(connection: Duplex, said: HttpResponse, more: Readonly<Record<string, string>> = {}): void {
  const headers = {
    Connection: 'close',
    'Content-Type': said.type,
    'Content-Length': String(Buffer.byteLength(said.body)),
    ...said.headers,
    ...more,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const head = [`HTTP/1.1 ${said.status} ${STATUS_CODES[said.status]}`, ...lines].join('\r\n')
  connection.end(`${head}\r\n\r\n${said.body}`, () => connection.destroy())
}

/** RFC 9110, 12.5.3, as far as gzip goes. */
function acceptsGzip(header: string | string[] | undefined): boolean {
  const codings = String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.split(';').map((part) => part.trim()))
  const chosen = codings.find(([name]) => name === 'gzip') ?? codings.find(([name]) => name === '*')
  return chosen !== undefined && !/^q=0(\.0*)?$/.test(chosen[1] ?? '')
}
