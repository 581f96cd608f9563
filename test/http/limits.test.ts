// Malformed and hostile requests: each gets an error response, and other clients are not affected.
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { HttpListener } from '../../src/http/http.ts'
import { ask, gateway, raw, serve } from './fake-gateway.ts'

function refused(text: string): [number, string] {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return [Number(head.split(' ')[1]), JSON.parse(body).error.code]
}

const HEAD = 'Host: 127.0.0.1\r\n'

test.each([
  ['GET with a body', `GET /metrics HTTP/1.1\r\n${HEAD}Content-Length: 5\r\n\r\nhello`, 400, 'unexpected_body'],
  [
    'GET with an announced body',
    `GET /metrics HTTP/1.1\r\n${HEAD}Content-Length: 5000000\r\n\r\n`,
    400,
    'unexpected_body',
  ],
  ['HEAD with chunks', `HEAD /x HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`, 400, null],
  [
    'GET with chunks',
    `GET / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
    400,
    'chunked_body',
  ],
  ['a body for an unknown path', `POST /x HTTP/1.1\r\n${HEAD}Content-Length: 1\r\n\r\na`, 400, 'unexpected_body'],
  ['garbage', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400, 'bad_request'],
  ['HTTP/1.1 without Host', 'GET /metrics HTTP/1.1\r\n\r\n', 400, null],
  ['two lengths', `GET / HTTP/1.1\r\n${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400, 'bad_request'],
  ['huge headers', `GET / HTTP/1.1\r\n${HEAD}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
])('%s is refused and the connection closed', async (_what, bytes, status, code) => {
  const { tcp } = await serve(gateway())
  const text = await raw(tcp, bytes)
  if (code === null) expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  else expect(refused(text)).toEqual([status, code])
  expect((await ask(tcp, '/-/healthy')).status).toBe(200)
})

test('a flood of chunk extensions is cut off at once (CVE-2024-22019)', async () => {
  const { tcp, socket } = await serve(gateway())
  for (const [at, path] of [
    [tcp, '/metrics'],
    [socket, '/api/v1/import'],
  ] as [HttpListener, string][]) {
    const text = await raw(
      at,
      `POST ${path} HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(4 * 1024 * 1024)}`,
    )
    if (text !== '') expect(refused(text)).toEqual([400, 'chunked_body'])
  }
})

test('a client that pipelines requests and reads no responses is disconnected, chunked or not', async () => {
  const { tcp } = await serve(gateway())
  const request = `GET /metrics HTTP/1.1\r\n${HEAD}\r\n`
  const chunks = `GET /metrics HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n2;`
  for (const bytes of [request.repeat(1_000), request + chunks + 'a'.repeat(1_000_000)]) {
    const got = await raw(tcp, bytes)
    expect(got.match(/HTTP\/1.1/g)?.length ?? 0).toBeLessThanOrEqual(2)
  }
})

test('an import above 1 MiB is refused by its Content-Length', async () => {
  const { socket } = await serve(gateway())
  const text = await raw(socket, `POST /api/v1/import HTTP/1.1\r\n${HEAD}Content-Length: 1048577\r\n\r\n{`)
  expect(refused(text)).toEqual([413, 'body_too_large'])
})

test('an incomplete import changes nothing', async () => {
  const it = gateway()
  const { socket } = await serve(it)
  const client = connect(socket.address)
  client.write(`POST /api/v1/import HTTP/1.1\r\n${HEAD}Content-Length: 100\r\n\r\n{"a"`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  client.destroy()
  expect((await ask(socket, '/-/healthy')).status).toBe(200)
  expect(it.imported).toBeNull()
})

test('a URL above 8 KiB is refused', async () => {
  const { tcp } = await serve(gateway())
  const got = await ask(tcp, `/metrics?${'x'.repeat(8 * 1024)}`)
  expect([got.status, JSON.parse(got.body).error.code]).toEqual([414, 'url_too_long'])
})

test('a request target that is not a path is refused', async () => {
  const { tcp } = await serve(gateway())
  expect((await raw(tcp, `OPTIONS * HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`)).split(' ')[1]).toBe('400')
  expect(await raw(tcp, `CONNECT evil:443 HTTP/1.1\r\n${HEAD}\r\n`)).toBe('')
})

test.each([
  ['evil.example', 403],
  ['gw-7.evil.example', 403],
  ['127.0.0.1:9100', 200],
  ['[::1]:9100', 200],
  ['192.168.4.20', 200],
  ['localhost:9100', 200],
  ['GW-7:9100', 200],
  ['gw-7.local', 200],
  ['gateway.fleet.example', 200],
])('the API responds to Host %j with %i', async (host, status) => {
  const { tcp } = await serve(gateway(), undefined, () => ['gateway.fleet.example'])
  expect((await ask(tcp, '/api/v1/units', { headers: { host } })).status).toBe(status)
})

test('a reload of http.allowed_hosts applies to the next request, for Host and for Origin', async () => {
  let allowed: readonly string[] = []
  const { tcp } = await serve(gateway(), undefined, () => allowed)
  const host = 'Gateway.fleet.example'
  const byName = async () => (await ask(tcp, '/api/v1/units', { headers: { host } })).status
  const byPage = async () =>
    (await ask(tcp, '/api/v1/units', { headers: { host: '127.0.0.1', origin: `https://${host}` } })).status
  expect([await byName(), await byPage()]).toEqual([403, 403])
  allowed = [host]
  expect([await byName(), await byPage()]).toEqual([200, 200])
  allowed = ['other.example']
  expect([await byName(), await byPage()]).toEqual([403, 403])
})

test('an empty Host is refused', async () => {
  const { tcp } = await serve(gateway())
  const text = await raw(tcp, 'GET /api/v1/units HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n')
  expect(refused(text)).toEqual([403, 'unknown_host'])
})

test('garbage after a valid request does not corrupt its response', async () => {
  const { tcp } = await serve(gateway())
  const text = await raw(tcp, `GET /-/healthy HTTP/1.1\r\n${HEAD}\r\n\x00garbage`)
  expect(text.match(/HTTP\/1.1/g)?.length ?? 0).toBeLessThanOrEqual(1)
})

test('metrics and health are served under any host name', async () => {
  const { tcp, socket } = await serve(gateway())
  for (const path of ['/metrics', '/-/healthy', '/-/ready']) {
    expect((await ask(tcp, path, { headers: { host: 'gw-7.fleet.example' } })).status).toBe(200)
  }
  expect((await ask(socket, '/api/v1/units', { headers: { host: 'anything' } })).status).toBe(200)
})

test('a page of another origin can neither read nor stream', async () => {
  const { tcp } = await serve(gateway(), undefined, () => ['Gateway.fleet.example'])
  const host = '127.0.0.1:9100'
  const from = async (origin: string, path: string) =>
    (await ask(tcp, path, { method: 'HEAD', headers: { host, origin } })).status
  expect(await from('http://evil.example', '/api/v1/stream')).toBe(403)
  expect(await from('null', '/api/v1/units')).toBe(403)
  expect(await from('http://127.0.0.1:8080', '/api/v1/units')).toBe(403)
  expect(await from('http://gw-7', '/api/v1/units')).toBe(403)
  expect(await from('http://127.0.0.1:9100', '/api/v1/units')).toBe(200)
  expect(await from('https://gateway.fleet.example', '/api/v1/units')).toBe(200)
})

test('clients that send slowly or nothing do not delay others', async () => {
  const { tcp } = await serve(gateway())
  const slow = Array.from({ length: 30 }, () => connect(tcp.port ?? 0, '127.0.0.1'))
  onTestFinished(() => {
    for (const socket of slow) socket.destroy()
  })
  for (const socket of slow) socket.write('GET /metrics HT')
  const startedAt = performance.now()
  for (let i = 0; i < 20; i += 1) expect((await ask(tcp, '/metrics')).status).toBe(200)
  expect(performance.now() - startedAt).toBeLessThan(8_000)
})

test('at most 64 clients are connected; idle connections are closed to make room', async () => {
  const { tcp } = await serve(gateway())
  const idle = Array.from({ length: 64 }, () => connect(tcp.port ?? 0, '127.0.0.1'))
  onTestFinished(() => {
    for (const socket of idle) socket.destroy()
  })
  const responses = idle.map((socket) => new Promise((resolve) => socket.once('data', resolve)))
  for (const socket of idle) socket.write(`GET /-/healthy HTTP/1.1\r\n${HEAD}\r\n`)
  await Promise.all(responses)
  await expect(ask(tcp, '/-/healthy')).rejects.toThrow()
  expect((await ask(tcp, '/-/healthy')).status).toBe(200)
})
