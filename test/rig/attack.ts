// Clients that mean ill, in a process of their own: `attack.ts PORT GARBAGE`, the latter how many requests. Prints what they were answered, as JSON.
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

const PORT = Number(process.argv[2])
const GARBAGE = Number(process.argv[3])
const AT_ONCE = 20

/** How often each thing was answered: a status code, or `closed` without a word. */
type Answers = Record<string, number>

/** Sends it all at once; gives the code of the answer, when the connection is over. */
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

async function many(times: number, bytes: (i: number) => string | Uint8Array): Promise<Answers> {
  const answers: Answers = {}
  let next = 0
  const one = async () => {
    while (next < times) {
      const i = next++
      const code = await send(bytes(i))
      answers[code] = (answers[code] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  return answers
}

/** A connection that sends a letter now and then, and begins anew when it is cut. */
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

/** Of one who may ask, but not so. */
const RIGHT = `Authorization: Basic ${Buffer.from('prom:secret').toString('base64')}\r\n`

await send(request('/metrics', RIGHT))
for (let i = 0; i < 50; i += 1) slow(i)

const garbage = await many(GARBAGE, (i) => {
  if (i % 4 === 0) return randomBytes(1 + (i % 2_000))
  if (i % 4 === 1) return `GET /${'%'.repeat(i % 50)}\0 HTTP/9.9\r\n\r\n`
  if (i % 4 === 2) return request('/metrics', `${'A'.repeat(i % 300)}\r\n`)
  return request(`/${randomBytes(20).toString('hex')}`, '', 'PROPFIND')
})
const hugeHeader = await many(3, () => request('/metrics', `X: ${'x'.repeat(10 * 1024 * 1024)}\r\n`))
const chunked = await many(200, (i) => {
  return `${request('/metrics', 'Transfer-Encoding: chunked\r\n', i % 2 ? 'POST' : 'GET')}5;${'e'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`
})
const rebinding = await many(
  200,
  () => `GET /api/v1/units HTTP/1.1\r\nHost: evil.example\r\n${RIGHT}Connection: close\r\n\r\n`,
)
const origin = await many(200, () => request('/api/v1/stream', `${RIGHT}Origin: http://evil.example\r\n`))
const token = await many(1_000, (i) => {
  return request(
    '/api/v1/units/steady/restart',
    `Authorization: Bearer ${randomBytes(8).toString('hex')}${i}\r\n`,
    'POST',
  )
})
const password = await many(60, (i) => {
  return request('/metrics', `Authorization: Basic ${Buffer.from(`prom:wrong${i}`).toString('base64')}\r\n`)
})
console.log(JSON.stringify({ garbage, hugeHeader, chunked, rebinding, origin, token, password }))
process.exit(0)
