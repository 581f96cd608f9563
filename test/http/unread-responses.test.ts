// Clients that do not read their responses: the memory of all of these is limited.
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { HttpListener } from '../../src/http/http.ts'
import { ask, type FakeGateway, gateway, serve, until } from './fake-gateway.ts'

/** More than the kernel takes for a client that does not read. */
const LARGE = 12 << 20

function withScrapes(it: FakeGateway, body: () => Buffer): void {
  const views = it.views as { metrics: FakeGateway['views']['metrics'] }
  views.metrics = async () => ({ type: 'text/plain', body: body() })
}

interface UnreadScrape {
  readonly socket: Socket
  readonly closed: () => boolean
}

/** Requests a scrape and reads nothing but its beginning. */
async function unreadScrape(at: HttpListener): Promise<UnreadScrape> {
  const socket = connect(at.port ?? 0, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let closed = false
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.write('GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  await new Promise((resolve) => socket.once('readable', resolve))
  return { socket, closed: () => closed }
}

/** How many bytes arrive until the connection ends or `bytes` have arrived. */
async function readRest({ socket, closed }: UnreadScrape, bytes: number): Promise<number> {
  socket.resume()
  await until(() => closed() || socket.bytesRead > bytes, 'the rest of the response')
  return socket.bytesRead
}

test('the oldest responses that are not read are given up, and counted', async () => {
  const it = gateway()
  withScrapes(it, () => Buffer.alloc(LARGE, 'up 1\n'))
  const { http, tcp } = await serve(it)
  const [first, second, third] = [await unreadScrape(tcp), await unreadScrape(tcp), await unreadScrape(tcp)]
  expect(await readRest(first, LARGE)).toBeLessThan(LARGE)
  expect(await readRest(second, LARGE)).toBeLessThan(LARGE)
  expect(await readRest(third, LARGE)).toBeGreaterThan(LARGE)
  const dropped = http.health().requests.filter(({ code }) => code === '408')
  expect(dropped).toMatchObject([{ route: '/metrics', count: 2 }])
})

test('another agent in the same process has a limit of its own', async () => {
  const its = [gateway(), gateway()]
  for (const it of its) withScrapes(it, () => Buffer.alloc(LARGE, 'up 1\n'))
  const served = await Promise.all(its.map((it) => serve(it)))
  const all = await Promise.all(served.map(({ tcp }) => unreadScrape(tcp)))
  for (const one of all) expect(await readRest(one, LARGE)).toBeGreaterThan(LARGE)
})

test('clients that read are served one after the other, however much it is', async () => {
  const it = gateway()
  withScrapes(it, () => Buffer.alloc(LARGE, 'up 1\n'))
  const { http, tcp } = await serve(it)
  for (let i = 0; i < 4; i += 1) expect((await ask(tcp, '/metrics')).bytes.length).toBe(LARGE)
  const counted = () => http.health().requests.map(({ code, count }) => [code, count])
  await until(() => counted()[0]?.[1] === 4, 'the count')
  expect(counted()).toEqual([['200', 4]])
})

test('a body that clients share counts once', async () => {
  const it = gateway()
  const body = Buffer.alloc(LARGE, 'up 1\n')
  withScrapes(it, () => body)
  const { tcp } = await serve(it)
  const all = [await unreadScrape(tcp), await unreadScrape(tcp), await unreadScrape(tcp)]
  for (const one of all) expect(await readRest(one, LARGE)).toBeGreaterThan(LARGE)
})
