// Limits on connections, over real ones: for each address and in total, and which connections give way.

import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Http, HttpListener } from '../../src/http/http.ts'
import { LOOPBACK } from '../../src/http/peer.ts'
import { certificates } from '../rig/certificates.ts'
import * as files from '../rig/gatewatch.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until as untilValue } from '../rig/until.ts'
import { ask, type FakeGateway, frozenClock, gateway, httpOf, serve, until } from './fake-gateway.ts'

/** Every address of 127.0.0.0/8 is one of this machine; here only the usual one counts as loopback. */
const peerOf = (address: string) => (address === '127.0.0.1' ? LOOPBACK : address)
const [A, B] = ['127.0.0.2', '127.0.0.3']

const GET = 'GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
const UNFINISHED = 'GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1\r\n'
const SLOW = 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
const STREAM = 'GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'

interface Client {
  readonly socket: Socket
  received(): string
  closed(): boolean
}

/** Connects from an address (null: to the local socket) and sends the bytes; resolves when it is connected. */
async function client(at: HttpListener, from: string | null, bytes: string): Promise<Client> {
  const socket =
    from === null ? connect(at.address) : connect({ port: at.port ?? 0, host: '127.0.0.1', localAddress: from })
  onTestFinished(() => void socket.destroy())
  let received = ''
  let closed = false
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write(bytes)
  return { socket, received: () => received, closed: () => closed }
}

/** One after the other, so that their order is known. */
async function clients(at: HttpListener, from: string | null, count: number, bytes: string): Promise<Client[]> {
  const all: Client[] = []
  for (let i = 0; i < count; i += 1) all.push(await client(at, from, bytes))
  return all
}

const answered = (all: readonly Client[]) => all.every((one) => one.received() !== '')
const closedOf = (all: readonly Client[]) => all.flatMap((one, i) => (one.closed() ? [i] : []))

/** Scrapes begin and do not end before `end` is called. */
function withOpenScrapes(it: FakeGateway) {
  const open: (() => void)[] = []
  const views = it.views as { metrics: FakeGateway['views']['metrics'] }
  views.metrics = () =>
    new Promise((resolve) => open.push(() => resolve({ type: 'text/plain', body: Buffer.from('up 1\n') })))
  return {
    count: () => open.length,
    end: () => {
      for (const end of open.splice(0)) end()
    },
  }
}

const codeOf = (body: string) => JSON.parse(body).error.code
const counted = (http: Http, route: string, code: string) =>
  http.health().requests.find((row) => row.route === route && row.code === code)?.count ?? 0

test('80 slow clients of one address: 16 stay, the others are dropped, and every other client is served', async () => {
  const { http, tcp } = await serve(gateway(), frozenClock, { peerOf })
  const slow = await clients(tcp, A, 80, UNFINISHED)
  await until(() => closedOf(slow).length === 64, '64 to be dropped')
  expect(closedOf(slow)).toEqual(Array.from({ length: 64 }, (_, i) => i)) // the oldest ones
  expect(slow[0]?.received()).toMatch(/^HTTP\/1.1 429 .*"too_many_requests"/s)
  expect(slow[0]?.received()).toContain('retry-after: 5')
  expect((await ask(tcp, '/-/healthy', { from: B })).status).toBe(200)
  expect((await ask(tcp, '/-/healthy')).status).toBe(200)
  expect(counted(http, 'unreadable', '429')).toBe(64)
  // Also one of the same address: a slow one gives way.
  expect((await ask(tcp, '/-/healthy', { from: A })).status).toBe(200)
  await until(() => closedOf(slow).length === 65, 'a slow one to be dropped')
})

test('an address has at most 16 requests in progress; another one is refused until one of them has ended', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it, frozenClock, { peerOf })
  const scrapes = withOpenScrapes(it)
  const busy = await clients(tcp, A, 16, SLOW)
  await until(() => scrapes.count() === 16, '16 scrapes')
  const refused = await ask(tcp, '/-/healthy', { from: A })
  expect([refused.status, codeOf(refused.body), refused.headers['retry-after'], refused.headers['connection']]).toEqual(
    [...[429, 'too_many_requests', '5', 'close']],
  )
  expect(counted(http, '/-/healthy', '429')).toBe(1)
  expect((await ask(tcp, '/-/healthy', { from: B })).status).toBe(200)
  scrapes.end()
  await until(() => answered(busy), 'the responses')
  expect(closedOf(busy)).toEqual([])
  expect((await ask(tcp, '/-/healthy', { from: A })).status).toBe(200)
})

test('pipelined requests count one by one', async () => {
  const it = gateway()
  const { tcp } = await serve(it, frozenClock, { peerOf })
  const scrapes = withOpenScrapes(it)
  await clients(tcp, A, 8, SLOW + SLOW)
  await until(() => scrapes.count() === 16, '16 scrapes')
  expect((await ask(tcp, '/-/healthy', { from: A })).status).toBe(429)
})

test('an address has at most 8 streams, of both kinds, beside its 16 requests', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it, frozenClock, { peerOf })
  const webSocket = () => new WebSocket(`ws://127.0.0.1:${tcp.port}/api/v1/ws`, { localAddress: A })
  const opened = async (socket: WebSocket) => {
    onTestFinished(() => socket.terminate())
    return new Promise<number>((resolve) => {
      socket.on('error', () => {})
      socket.on('open', () => resolve(101))
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    })
  }
  const streams = await clients(tcp, A, 6, STREAM)
  await until(() => answered(streams), '6 streams')
  const webSockets = [webSocket(), webSocket()]
  expect(await Promise.all(webSockets.map(opened))).toEqual([101, 101])
  const refused = await ask(tcp, '/api/v1/stream', { from: A })
  expect([refused.status, codeOf(refused.body)]).toEqual([429, 'too_many_streams'])
  expect(await opened(webSocket())).toBe(429)
  expect([counted(http, '/api/v1/stream', '429'), counted(http, '/api/v1/ws', '429')]).toEqual([1, 1])
  const other = await client(tcp, B, STREAM)
  await until(() => answered([other]), 'the stream of another address')

  const scrapes = withOpenScrapes(it)
  await clients(tcp, A, 16, SLOW)
  await until(() => scrapes.count() === 16, '16 scrapes')
  // No stream gave way to them.
  expect(closedOf(streams)).toEqual([])
  scrapes.end()
  webSockets[0]?.terminate()
  streams[0]?.socket.destroy()
  for (let i = 0; i < 2; i += 1) {
    const head = () => ask(tcp, '/api/v1/stream', { from: A, method: 'HEAD' })
    await untilValue(head, { what: 'room for a stream', is: ({ status }) => status === 200 })
    const again = await client(tcp, A, STREAM)
    await until(() => answered([again]), 'a stream again')
    expect(again.received().split(' ')[1]).toBe('200')
  }
})

test('a stream that has ended does not count, though its connection remains', async () => {
  const { tcp } = await serve(gateway(), frozenClock, { peerOf })
  const head = await clients(tcp, A, 8, STREAM.replace('GET', 'HEAD'))
  await until(() => answered(head), 'the headers')
  const stream = await client(tcp, A, STREAM)
  await until(() => answered([stream]), 'a response')
  expect(stream.received().split(' ')[1]).toBe('200')
  expect(closedOf(head)).toEqual([])
})

test('loopback and the local socket have only the total limit', async () => {
  const it = gateway()
  const { tcp, socket } = await serve(it, frozenClock, { peerOf })
  const scrapes = withOpenScrapes(it)
  const all = [...(await clients(tcp, '127.0.0.1', 30, SLOW)), ...(await clients(socket, null, 30, SLOW))]
  await until(() => scrapes.count() === 60, 'all scrapes')
  const streams = await clients(tcp, '127.0.0.1', 12, STREAM)
  await until(() => answered(streams), '12 streams')
  expect((await ask(tcp, '/-/healthy')).status).toBe(200)
  expect((await ask(socket, '/-/healthy')).status).toBe(200)
  scrapes.end()
  await until(() => answered(all), 'the responses')
})

test('with 64 connections the oldest with an unfinished header gives way, then the one that is idle for longest', async () => {
  const { http, tcp } = await serve(gateway(), frozenClock, { peerOf })
  const idle = await clients(tcp, '127.0.0.1', 62, GET)
  await until(() => answered(idle), 'their responses')
  const unfinished = await clients(tcp, '127.0.0.1', 2, UNFINISHED)
  const next = async () => {
    const one = await client(tcp, B, GET)
    await until(() => answered([one]), 'a response')
    return one.received().split(' ')[1]
  }
  expect(await next()).toBe('200')
  await until(() => unfinished[0]?.closed() ?? false, 'the oldest to be dropped')
  expect(unfinished[0]?.received()).toMatch(/^HTTP\/1.1 503 .*"too_many_connections"/s)
  expect([unfinished[1]?.closed(), closedOf(idle)]).toEqual([false, []])
  // The first byte of a header on an idle connection makes it unfinished.
  idle[7]?.socket.write('G')
  await until(() => idle[7]?.socket.bytesWritten === GET.length + 1, 'the byte to be sent')
  expect(await next()).toBe('200')
  expect(await next()).toBe('200')
  await until(
    () => closedOf(idle).length === 1 && (unfinished[1]?.closed() ?? false),
    'the unfinished ones to be dropped',
  )
  expect(closedOf(idle)).toEqual([7])
  expect(counted(http, 'unreadable', '503')).toBe(3)
  // One that is used again is no longer the oldest.
  idle[0]?.socket.write(GET)
  await until(() => idle[0]?.received().match(/HTTP\/1.1 200/g)?.length === 2, 'another response')
  expect(await next()).toBe('200')
  await until(() => closedOf(idle).length === 2, 'an idle one to be closed')
  expect(closedOf(idle)).toEqual([1, 7])
  expect(counted(http, 'unreadable', '503')).toBe(3)
})

test('with 64 requests in progress, others are refused', async () => {
  const it = gateway()
  const { tcp } = await serve(it, frozenClock, { peerOf })
  const scrapes = withOpenScrapes(it)
  const busy = await clients(tcp, '127.0.0.1', 64, SLOW)
  await until(() => scrapes.count() === 64, '64 scrapes')
  const refused = await ask(tcp, '/-/healthy', { from: A })
  expect([refused.status, codeOf(refused.body)]).toEqual([503, 'too_many_connections'])
  scrapes.end()
  await until(() => answered(busy), 'the responses')
  expect((await ask(tcp, '/-/healthy', { from: A })).status).toBe(200)
})

describeUnless(missingPrograms('openssl'), 'over TLS', () => {
  const directory = files.temporaryDirectory()
  const { ca, issue } = certificates(directory)
  afterAll(() => files.removeDirectory(directory))

  test('an unfinished handshake gives way too, and an idle connection stays', async () => {
    const { cert, key } = issue('server', 'IP:127.0.0.1')
    const path = join(directory, 'web.yml')
    writeFileSync(path, `tls_server_config: {cert_file: ${cert}, key_file: ${key}}\n`)
    const http = httpOf(gateway(), frozenClock, { peerOf })
    const tcp = await http.serveTcp('127.0.0.1', 0, { path, onTlsToggled: () => {} })
    const secure = async (bytes: string) => {
      const socket = connectTls({
        port: tcp.port ?? 0,
        host: '127.0.0.1',
        localAddress: A,
        ca: readFileSync(ca),
      } as never)
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {})
      let closed = false
      socket.on('close', () => {
        closed = true
      })
      const response = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))))
      socket.write(bytes)
      return { response: await response, closed: () => closed }
    }
    const idle = [await secure(GET), await secure(GET)]
    expect(idle.map(({ response }) => response.split(' ')[1])).toEqual(['200', '200'])
    const slow = await clients(tcp, A, 40, '\x16\x03')
    await until(() => closedOf(slow).length === 26, 'the excess to be dropped')
    expect(idle.map((one) => one.closed())).toEqual([false, false])
    expect((await secure(GET)).response).toMatch(/^HTTP\/1.1 200 /)
    expect(counted(http, 'unreadable', '429')).toBe(27)
  })
})
