// The event stream over WebSocket: the same events, resumption and refusals as over SSE.
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventJson } from '../../../src/core/views/api-json.ts'
import type { HttpListener } from '../../../src/http/http.ts'
import { FROM_ZERO, testClock } from '../../rig/clock.ts'
import { ask, crash, emit, gateway, IDENTITY, lost, raw, STREAM, serve, until } from '../fake-gateway.ts'

async function follow(at: HttpListener, query = '', headers: Record<string, string> = {}) {
  const got: Record<string, unknown>[] = []
  const client = new WebSocket(`ws://127.0.0.1:${at.port}/api/v1/ws${query}`, { headers })
  onTestFinished(() => client.terminate())
  client.on('message', (text) => got.push(JSON.parse(String(text))))
  let closed: number | null = null
  client.on('close', (code) => {
    closed = code
  })
  await new Promise((resolve, reject) => client.on('open', resolve).on('error', reject))
  return { client, got, seqs: () => got.map(({ seq }) => seq), closed: () => closed }
}

test('each event is one message with the common JSON format', async () => {
  const it = gateway()
  const { tcp, http } = await serve(it)
  const { got } = await follow(tcp)
  emit(it, http, crash(4), lost(5))
  await until(() => got.length === 2, 'two events')
  expect(got).toEqual([eventJson(crash(4), IDENTITY), eventJson(lost(5), IDENTITY)])
})

test('since resumes and reports events that are no longer stored; unit and kind filter', async () => {
  const it = gateway([crash(3), lost(4), crash(5, 'devmgmt.service')])
  const { tcp } = await serve(it)
  const all = await follow(tcp, `?since=${STREAM}-1`)
  await until(() => all.got.length === 4, 'all events')
  expect(all.got[0]).toEqual({ schema: 1, event: 'dropped', dropped: 1, from_seq: 2 })
  expect(all.seqs().slice(1)).toEqual([3, 4, 5])
  expect(all.got[1]).toMatchObject({ replayed: true })
  const one = await follow(tcp, `?since=${STREAM}-2&unit=devmgmt`)
  await until(() => one.got.length === 1, 'one event')
  expect(one.seqs()).toEqual([5])
})

test('a client without access gets an error response', async () => {
  const { tcp } = await serve(gateway())
  const handshake =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
  const refused = async (path: string, headers: string) => {
    const [head = '', body = ''] = (await raw(tcp, `GET ${path} HTTP/1.1\r\n${headers}${handshake}\r\n`)).split(
      '\r\n\r\n',
    )
    return [Number(head.split(' ')[1]), JSON.parse(body).error.code]
  }
  expect(await refused('/api/v1/ws', 'Host: evil.example\r\n')).toEqual([403, 'unknown_host'])
  expect(await refused('/api/v1/ws', 'Host: 127.0.0.1\r\nOrigin: http://evil.example\r\n')).toEqual([
    403,
    'foreign_origin',
  ])
  expect(await refused('/api/v1/ws?kind=x', 'Host: 127.0.0.1\r\n')).toEqual([400, 'bad_kind'])
  expect(await refused('/metrics', 'Host: 127.0.0.1\r\n')).toEqual([400, 'no_upgrade'])
  expect(await refused('/nothing', 'Host: 127.0.0.1\r\n')).toEqual([404, 'not_found'])
  expect(await refused('/api/v1/ws', 'Host: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n')).toEqual([
    400,
    'chunked_body',
  ])
  const plain = await ask(tcp, '/api/v1/ws')
  expect([plain.status, plain.headers.upgrade]).toEqual([426, 'websocket'])
  expect(
    await raw(tcp, 'GET /api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
  ).toMatch(/^HTTP\/1.1 400 /)
})

test('a client that sends a large message is disconnected', async () => {
  const { tcp } = await serve(gateway())
  const { client, closed } = await follow(tcp)
  client.send('x'.repeat(5_000))
  await until(() => closed() !== null, 'the disconnection')
  expect(closed()).toBe(1009)
})

/** A client that has completed the handshake and sends frames as they are. */
async function rawClient(at: HttpListener) {
  const socket = connect(at.port ?? 0, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let gone = false
  socket.on('error', () => {})
  socket.on('close', () => {
    gone = true
  })
  socket.resume()
  socket.write('GET /api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\n')
  socket.write(
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  await until(() => socket.bytesRead > 0, 'the handshake and the first ping')
  const send = (count: number, ...frame: number[]) =>
    void socket.write(Buffer.from(Array<number[]>(count).fill(frame).flat()) as unknown as Uint8Array)
  return { send, gone: () => gone, bytesRead: () => socket.bytesRead }
}

const [EMPTY_MESSAGE, EMPTY_PING, EMPTY_PONG, EMPTY_PART] = [0x81, 0x89, 0x8a, 0x01]
const MASK = [0x80, 0, 0, 0, 0]
const EMPTY_PONG_BYTES = 2

test.each([
  ['messages', EMPTY_MESSAGE],
  ['pongs', EMPTY_PONG],
])('a client that sends thousands of %s is disconnected and counted', async (_what, first) => {
  const { tcp, http } = await serve(gateway())
  const other = await follow(tcp)
  const flooding = await rawClient(tcp)
  flooding.send(3_000, first, ...MASK)
  await until(flooding.gone, 'the disconnection')
  await until(() => http.health().streamClientsDropped === 1, 'the count')
  expect(other.closed()).toBeNull()
})

test('a client that sends some pongs between two heartbeats is kept', async () => {
  const clock = testClock(FROM_ZERO)
  const { tcp, http } = await serve(gateway(), clock)
  const chatty = await follow(tcp)
  for (let beats = 0; beats < 4; beats += 1) {
    for (let i = 0; i < 1_000; i += 1) chatty.client.pong()
    const pinged = new Promise((resolve) => chatty.client.once('ping', resolve))
    const ponged = new Promise((resolve) => chatty.client.once('pong', resolve))
    chatty.client.ping()
    await ponged
    clock.advance(15_000)
    await pinged
  }
  expect([chatty.closed(), http.health().streamClientsDropped]).toEqual([null, 0])
})

test('what a client sends at once is read in one turn of the event loop per message, so that other work is not delayed', async () => {
  const { tcp } = await serve(gateway())
  const flooding = await rawClient(tcp)
  const before = flooding.bytesRead()
  // Read in a single turn, these would be more than the 60 pings that ws permits before a pong has been sent.
  flooding.send(1_000, EMPTY_PING, ...MASK)
  await until(() => flooding.bytesRead() - before >= 1_000 * EMPTY_PONG_BYTES, 'a pong for each ping')
  expect(flooding.gone()).toBe(false)
})

test('a message in many parts is refused', async () => {
  const { tcp } = await serve(gateway())
  const flooding = await rawClient(tcp)
  flooding.send(1, EMPTY_PART, ...MASK)
  flooding.send(16, 0x00, ...MASK)
  await until(flooding.gone, 'the disconnection')
})

test('a client that does not reply to a ping before the next one is disconnected; one that replies is kept', async () => {
  const clock = testClock(FROM_ZERO)
  const { tcp } = await serve(gateway(), clock)
  const alive = await follow(tcp)
  const dead = await rawClient(tcp)
  for (let beats = 0; beats < 3; beats += 1) {
    const pinged = new Promise((resolve) => alive.client.once('ping', resolve))
    clock.advance(15_000)
    await pinged
    await ask(tcp, '/-/healthy')
  }
  await until(dead.gone, 'the unresponsive client to be disconnected')
  expect(alive.closed()).toBeNull()
})

test('streams are closed in order with the server, and by force with their listener', async () => {
  const it = gateway()
  const { tcp, http } = await serve(it)
  const first = await follow(tcp)
  await tcp.stop()
  await until(() => first.closed() !== null, 'the first one to be closed')
  const again = await http.serveTcp('127.0.0.1', 0)
  const second = await follow(again)
  await http.stop()
  await until(() => second.closed() !== null, 'the second one to be closed')
  expect(second.closed()).toBe(1001)
})
