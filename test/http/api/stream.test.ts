// Events as they happen: resume, filters, heartbeat, and readers that do not keep up.
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { eventJson } from '../../../src/core/api-json.ts'
import type { HttpListener } from '../../../src/http/http.ts'
import { ask, crash, emit, gateway, handClock, IDENTITY, lost, STREAM, serve, until } from '../fake-gateway.ts'

/** Reads a stream; `frames` are what came so far. */
function follow(at: HttpListener, path = '/api/v1/stream', headers: string[] = []) {
  const socket: Socket = at.port === null ? connect(at.address) : connect(at.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const it = { socket, text: '', closed: false, frames: () => framesOf(it.text) }
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    it.text += text
  })
  socket.on('close', () => {
    it.closed = true
  })
  socket.on('error', () => {})
  // HTTP/1.0: the body comes without chunk lengths.
  socket.write(`GET ${path} HTTP/1.0\r\n${headers.map((h) => `${h}\r\n`).join('')}\r\n`)
  return it
}

function framesOf(text: string): string[] {
  const at = text.indexOf('\r\n\r\n')
  return at < 0
    ? []
    : text
        .slice(at + 4)
        .split('\n\n')
        .slice(0, -1)
}

const ids = (frames: string[]) => frames.flatMap((frame) => /^id: (.*)$/m.exec(frame)?.[1] ?? [])

test('what happens from now on is told, with its id, its kind and the event', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it)
  const reader = follow(tcp)
  await until(() => reader.frames().length === 1, 'the greeting')
  emit(it, http, lost(4))
  await until(() => reader.frames().length === 2, 'the event')
  expect(reader.text).toContain('Content-Type: text/event-stream'.toLowerCase())
  expect(reader.frames()[1]).toBe(`id: ${STREAM}-4\nevent: lost\ndata: ${JSON.stringify(eventJson(lost(4), IDENTITY))}`)
})

test('a reader that comes back with Last-Event-ID misses nothing and gets nothing twice', async () => {
  const it = gateway()
  const { http, socket } = await serve(it)
  const reader = follow(socket, '/api/v1/stream', [`Last-Event-ID: ${STREAM}-1`])
  await until(() => reader.frames().length >= 3, 'history')
  emit(it, http, crash(4), crash(5))
  await until(() => reader.frames().length >= 5, 'news')
  expect(ids(reader.frames())).toEqual([2, 3, 4, 5].map((seq) => `${STREAM}-${seq}`))
  const replayed = reader
    .frames()
    .slice(1)
    .map((frame) => JSON.parse(frame.split('data: ')[1] ?? '').replayed)
  expect(replayed).toEqual([true, true, false, false])
})

test('an id of another stream means everything', async () => {
  const { tcp } = await serve(gateway())
  const reader = follow(tcp, '/api/v1/stream', ['Last-Event-ID: ffffffffffffffff-2'])
  await until(() => ids(reader.frames()).length === 3, 'everything')
})

test('events that history has forgotten are told as dropped; numbers that were never used are not', async () => {
  const { tcp } = await serve(gateway([crash(5), crash(106, 'mosquitto.service', { seqGap: 100 })]))
  const reader = follow(tcp, `/api/v1/stream?since=${STREAM}-2`)
  await until(() => ids(reader.frames()).length === 2, 'both')
  const told = reader.frames().filter((frame) => frame.startsWith('event: dropped'))
  expect(told).toEqual(['event: dropped\ndata: {"schema":1,"event":"dropped","dropped":2,"from_seq":3}'])
})

test('a reader gets the units and kinds it asked for', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it)
  const reader = follow(tcp, '/api/v1/stream?unit=mosquitto&kind=crash')
  await until(() => reader.frames().length === 1, 'the greeting')
  emit(it, http, crash(4, 'devmgmt.service'), lost(5), crash(6))
  await until(() => reader.frames().length === 2, 'the event')
  expect(ids(reader.frames())).toEqual([`${STREAM}-6`])
  expect((await ask(tcp, '/api/v1/stream?kind=nothing')).status).toBe(400)
})

test('a silent stream has a heartbeat every 15 s, and no timer without readers', async () => {
  const clock = handClock()
  const { tcp } = await serve(gateway(), clock)
  const reader = follow(tcp)
  await until(() => reader.frames().length === 1, 'the greeting')
  clock.pass(14_999)
  clock.pass(1)
  clock.pass(15_000)
  await until(() => reader.frames().length === 3, 'two heartbeats')
  expect(reader.frames()).toEqual([':', ':', ':'])
  reader.socket.destroy()
  await until(() => clock.pending() === 0, 'no timer')
})

test('a reader that takes nothing is cut off and counted, and the others are told at once', async () => {
  const it = gateway([])
  const clock = handClock()
  const { http, tcp } = await serve(it, clock)
  const slow = follow(tcp)
  const quick = follow(tcp)
  await until(() => slow.frames().length === 1 && quick.frames().length === 1, 'both greetings')
  slow.socket.pause()
  // Large ones, since the kernel takes some megabytes for a reader that takes nothing.
  for (let seq = 1; seq <= 400; seq += 1) {
    emit(it, http, crash(seq, 'mosquitto.service', { subState: 'x'.repeat(50_000) }))
    await until(() => quick.socket.bytesRead > seq * 50_000, 'the quick one')
  }
  await until(() => quick.frames().length === 401 && clock.pending() === 2, 'heartbeat and the one who is slow')
  clock.pass(29_999)
  expect(http.health().streamClientsDropped).toBe(0)
  clock.pass(1)
  expect(http.health().streamClientsDropped).toBe(1)
  expect(quick.closed).toBe(false)
  slow.socket.resume()
  await until(() => slow.closed, 'the slow one cut off')
})

test('a reader that was slow for a while reads on from history, gaps announced', async () => {
  const it = gateway([])
  const { http, tcp } = await serve(it, handClock())
  const reader = follow(tcp)
  await until(() => reader.frames().length === 1, 'the greeting')
  reader.socket.pause()
  for (let seq = 1; seq <= 20_000; seq += 1) {
    emit(it, http, crash(seq))
    it.events = it.events.slice(-100)
    if (seq % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  reader.socket.resume()
  await until(() => ids(reader.frames()).at(-1) === `${STREAM}-20000`, 'the newest')
  const frames = reader.frames().slice(1)
  const dropped = frames.flatMap((frame) => /"dropped":(\d+)/.exec(frame)?.[1] ?? []).map(Number)
  expect(dropped.length).toBeGreaterThan(0)
  expect(ids(frames).length + dropped.reduce((a, b) => a + b)).toBe(20_000)
})

test('streams leave connections for others: the 17th is refused', async () => {
  const { tcp } = await serve(gateway())
  const readers = Array.from({ length: 16 }, () => follow(tcp))
  await until(() => readers.every((reader) => reader.frames().length === 1), '16 readers')
  const refused = await ask(tcp, '/api/v1/stream')
  expect([refused.status, JSON.parse(refused.body).error.code]).toEqual([503, 'too_many_streams'])
  readers[0]?.socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  const again = follow(tcp)
  await until(() => again.frames().length === 1, 'room again')
})

test('lines of the journal are told on the socket, and never by TCP', async () => {
  const it = gateway()
  const { http, tcp, socket } = await serve(it)
  const [near, far] = [follow(socket), follow(tcp)]
  await until(() => near.frames().length === 1 && far.frames().length === 1, 'the greetings')
  emit(it, http, crash(4, 'a.service', { log: ['a secret'] }))
  await until(() => near.frames().length === 2 && far.frames().length === 2, 'the event')
  const back = [follow(socket, '/api/v1/stream', [`Last-Event-ID: ${STREAM}-3`])]
  back.push(follow(tcp, '/api/v1/stream', [`Last-Event-ID: ${STREAM}-3`]))
  await until(() => back.every((reader) => reader.frames().length === 2), 'history')
  expect([near, far, ...back].map((reader) => reader.text.includes('"log":["a secret"]'))).toEqual([
    ...[true, false, true, false],
  ])
})

test('what a reader has caught up with is not told again when it comes late', async () => {
  const it = gateway()
  const { http, socket } = await serve(it)
  it.events = [...it.events, crash(4)]
  it.state = { ...it.state, seq: 4 }
  const reader = follow(socket, '/api/v1/stream', [`Last-Event-ID: ${STREAM}-3`])
  await until(() => reader.frames().length === 2, 'history')
  http.accept({ before: it.state, after: it.state, events: [crash(4)], at: { monoMs: 0, wallMs: 0 } })
  emit(it, http, crash(5))
  await until(() => reader.frames().length === 3, 'news')
  expect(ids(reader.frames())).toEqual([4, 5].map((seq) => `${STREAM}-${seq}`))
})
