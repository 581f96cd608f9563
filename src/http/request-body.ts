// Whether a request may carry the body it announces, and reading it, bounded.
import type { IncomingMessage } from 'node:http'
import { type HttpResponse, problem } from './route.ts'

/**
 * The refusal of a body that is not wanted, or null. Chunks are never wanted: their extensions are read without a bound
 * by Node 20.11.0 (CVE-2024-22019), so the connection has to go before they are.
 */
export function refuseBody(request: IncomingMessage, atMostBytes: number): HttpResponse | null {
  if (request.headers['transfer-encoding'] !== undefined) {
    return problem(400, 'chunked_body', 'send a body with Content-Length, or none')
  }
  const bytes = Number(request.headers['content-length'] ?? 0)
  if (bytes === 0) return null
  if (atMostBytes === 0) return problem(400, 'unexpected_body', 'no body belongs here')
  return bytes > atMostBytes ? problem(413, 'body_too_large', `at most ${atMostBytes} bytes`) : null
}

/** The body as text; null where the client went away. Its length was announced and checked, and Node holds it to that. */
export function readBody(request: IncomingMessage): Promise<string | null> {
  return new Promise((resolve) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => resolve(body))
    request.on('close', () => resolve(null))
    request.on('error', () => resolve(null))
  })
}
