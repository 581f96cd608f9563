// Malformed, oversized and forbidden HTTP requests, one kind after another, with 50 slow clients throughout.
import { randomBytes } from 'node:crypto'
import { basicAuth, type ResponseCounts, request, type Server, send, sendMany, sendSlowly } from './client.ts'

const CONCURRENCY = 20
/** A valid password, for requests that must be refused for another reason. */
const VALID = basicAuth('prom', 'secret')

/** The responses by kind. `malformed`: how many malformed requests. */
export async function malformedRequests(server: Server, malformed: number): Promise<Record<string, ResponseCounts>> {
  const repeat = (times: number, bytes: (i: number) => string | Uint8Array) =>
    sendMany(CONCURRENCY, (i) => (i < times ? bytes(i) : null), server)

  await send(server, request('/metrics', VALID))
  for (let i = 0; i < 50; i += 1) sendSlowly(server, i)
  const garbage = await repeat(malformed, (i) => {
    if (i % 4 === 0) return randomBytes(1 + (i % 2_000))
    if (i % 4 === 1) return `GET /${'%'.repeat(i % 50)}\0 HTTP/9.9\r\n\r\n`
    if (i % 4 === 2) return request('/metrics', `${'A'.repeat(i % 300)}\r\n`)
    return request(`/${randomBytes(20).toString('hex')}`, '', 'PROPFIND')
  })
  const hugeHeader = await repeat(3, () => request('/metrics', `X: ${'x'.repeat(10 * 1024 * 1024)}\r\n`))
  const chunked = await repeat(200, (i) => {
    return `${request('/metrics', 'Transfer-Encoding: chunked\r\n', i % 2 ? 'POST' : 'GET')}5;${'e'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`
  })
  const rebinding = await repeat(
    200,
    () => `GET /api/v1/units HTTP/1.1\r\nHost: evil.example\r\n${VALID}Connection: close\r\n\r\n`,
  )
  const origin = await repeat(200, () => request('/api/v1/stream', `${VALID}Origin: http://evil.example\r\n`))
  const token = await repeat(1_000, (i) => {
    const headers = `Authorization: Bearer ${randomBytes(8).toString('hex')}${i}\r\n`
    return request('/api/v1/units/steady/restart', headers, 'POST')
  })
  const password = await repeat(60, (i) => request('/metrics', basicAuth('prom', `wrong${i}`)))
  return { garbage, hugeHeader, chunked, rebinding, origin, token, password }
}
