// The limits of the server: malformed and hostile requests get an error response, and do not affect other clients.
import { createHook } from 'node:async_hooks'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { HttpListener } from '../../src/http/http.ts'
import { ask, gateway, raw, serve, until } from './fake-gateway.ts'

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

test('what cannot be read is counted with the code of its error response', async () => {
  const { http, tcp } = await serve(gateway())
  await raw(tcp, `GET / HTTP/1.1\r\n${HEAD}X: ${'x'.repeat(20_000)}\r\n\r\n`)
  await raw(tcp, 'garbage\r\n\r\n')
  const counted = http.health().requests.map(({ route, code, count }) => [route, code, count])
  expect(counted).toEqual([
    ['unreadable', '431', 1],
    ['unreadable', '400', 1],
  ])
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

test('garbage after a valid request does not corrupt its response', async () => {
  const { tcp } = await serve(gateway())
  const text = await raw(tcp, `GET /-/healthy HTTP/1.1\r\n${HEAD}\r\n\x00garbage`)
  expect(text.match(/HTTP\/1.1/g)?.length ?? 0).toBeLessThanOrEqual(1)
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

test('time limits of requests are checked only while a client is connected, and then for slow clients, too', async () => {
  const intervals = new Set<number>()
  const hook = createHook({
    init(id, type, _trigger, resource) {
      if (type === 'Timeout' && '_repeat' in resource && resource._repeat === 5_000) intervals.add(id)
    },
    destroy: (id) => void intervals.delete(id),
  }).enable()
  onTestFinished(() => void hook.disable())
  const { http, tcp } = await serve(gateway())
  expect(intervals.size).toBe(0)
  const text = raw(tcp, 'GET /metrics HT')
  await until(() => intervals.size === 1, 'the check')
  expect(refused(await text)).toEqual([408, 'request_timeout'])
  expect(http.health().requests).toEqual([{ route: 'unreadable', code: '408', count: 1 }])
  await until(() => intervals.size === 0, 'the end of the check')
}, 30_000)
