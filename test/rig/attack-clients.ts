// Hostile HTTP clients, in a process of their own: `attack-clients.ts PORT MALFORMED_REQUESTS`. Prints the responses as JSON.
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

const PORT = Number(process.argv[2])
const MALFORMED_REQUESTS = Number(process.argv[3])
const CONCURRENCY = 20

/** How often each response came: a status code, or `closed` without a response. */
type ResponseCounts = Record<string, number>

/** Sends everything at once; resolves with the status code of the response when the connection is closed. */
function send(bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let got = ''
    const socket = connect(PORT, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(30_000, () => socket.destroy())
    socket.on('data', (data) => {
      got += data.toString('latin1')
      if (got.includes('\r\n\r\n')) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(/^HTTP\/1\.1 (\d+)/.exec(got)?.[1] ?? 'closed'))
  })
}

async function sendMany(times: number, bytes: (i: number) => string | Uint8Array): Promise<ResponseCounts> {
  const counts: ResponseCounts = {}
  let next = 0
  const one = async () => {
    while (next < times) {
      const i = next++
      const code = await send(bytes(i))
      counts[code] = (counts[code] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, one))
  return counts
}

/** A connection that sends a few characters every 500 ms, and reconnects when it is closed. */
function slow(i: number): void {
  const socket = connect(PORT, '127.0.0.1', () => socket.write('GET /metrics HTTP/1.1\r\n'))
  const timer = setInterval(() => socket.write(i % 2 ? 'X' : 'X: y\r\n'), 500)
  socket.on('error', () => {})
  socket.on('close', () => {
    clearInterval(timer)
    setTimeout(() => slow(i), 100)
  })
}

const request = (path: string, headers: string, method = 'GET') =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${headers}\r\n`

/** A valid password, for requests that must be refused for another reason. */
const VALID_PASSWORD = `Authorization: Basic ${Buffer.from('prom:secret').toString('base64')}\r\n`

await send(request('/metrics', VALID_PASSWORD))
for (let i = 0; i < 50; i += 1) slow(i)

const garbage = await sendMany(MALFORMED_REQUESTS, (i) => {
  if (i % 4 === 0) return randomBytes(1 + (i % 2_000))
  if (i % 4 === 1) return `GET /${'%'.repeat(i % 50)}\0 HTTP/9.9\r\n\r\n`
  if (i % 4 === 2) return request('/metrics', `${'A'.repeat(i % 300)}\r\n`)
  return request(`/${randomBytes(20).toString('hex')}`, '', 'PROPFIND')
})
const hugeHeader = await sendMany(3, () => request('/metrics', `X: ${'x'.repeat(10 * 1024 * 1024)}\r\n`))
const chunked = await sendMany(200, (i) => {
  return `${request('/metrics', 'Transfer-Encoding: chunked\r\n', i % 2 ? 'POST' : 'GET')}5;${'e'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`
})
const rebinding = await sendMany(
  200,
  () => `GET /api/v1/units HTTP/1.1\r\nHost: evil.example\r\n${VALID_PASSWORD}Connection: close\r\n\r\n`,
)
const origin = await sendMany(200, () => request('/api/v1/stream', `${VALID_PASSWORD}Origin: http://evil.example\r\n`))
const token = await sendMany(1_000, (i) => {
  return request(
    '/api/v1/units/steady/restart',
    `Authorization: Bearer ${randomBytes(8).toString('hex')}${i}\r\n`,
    'POST',
  )
})
const password = await sendMany(60, (i) => {
  return request('/metrics', `Authorization: Basic ${Buffer.from(`prom:wrong${i}`).toString('base64')}\r\n`)
})
console.log(JSON.stringify({ garbage, hugeHeader, chunked, rebinding, origin, token, password }))
process.exit(0)
