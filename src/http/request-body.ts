// Request bodies: refuses those that a route does not take, and reads the others up to a limit.
import type { IncomingMessage } from 'node:http'
import { type HttpResponse, problem } from './route.ts'

/**
 * The error response for a body that the route does not take, or null. Chunked bodies are always refused, before they
 * are read: Node 20.11.0 reads chunk extensions without a limit (CVE-2024-22019).
 */
export function refuseBody(request: IncomingMessage, bytesAtMost: number): HttpResponse | null {
  if (request.headers['transfer-encoding'] !== undefined) {
    return problem(400, 'chunked_body', 'chunked request bodies are not supported; send Content-Length')
  }
  const bytes = Number(request.headers['content-length'] ?? 0)
  if (bytes === 0) return null
  if (bytesAtMost === 0) return problem(400, 'unexpected_body', 'this endpoint takes no request body')
  return bytes > bytesAtMost
    ? problem(413, 'body_too_large', `the request body is larger than ${bytesAtMost} bytes`)
    : null
}

/** The body as text; null if the client disconnected. `refuseBody` has checked its length, which Node enforces. */
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
