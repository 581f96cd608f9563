// The event stream (SSE): resumption, filters, heartbeat, and readers that do not keep up.
import { expect, test } from 'vitest'
import { eventJson } from '../../../src/core/views/api-json.ts'
import { FROM_ZERO, testClock } from '../../rig/clock.ts'
import { ask, crash, emit, gateway, IDENTITY, lost, STREAM, serve, until } from '../fake-gateway.ts'
import { follow, ids } from './sse-reader.ts'

test('a new event is sent with its id, its kind and its data', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it)
  const reader = follow(tcp)
  await until(() => reader.frames().length === 1, 'the first heartbeat')
  emit(it, http, lost(4))
  await until(() => reader.frames().length === 2, 'the event')
  expect(reader.text).toContain('Content-Type: text/event-stream'.toLowerCase())
  expect(reader.frames()[1]).toBe(`id: ${STREAM}-4\nevent: lost\ndata: ${JSON.stringify(eventJson(lost(4), IDENTITY))}`)
})

test('a reader that resumes with Last-Event-ID misses nothing and gets nothing twice', async () => {
  const it = gateway()
  const { http, socket } = await serve(it)
  const reader = follow(socket, '/api/v1/stream', [`Last-Event-ID: ${STREAM}-1`])
  await until(() => reader.frames().length >= 3, 'history')
  emit(it, http, crash(4), crash(5))
  await until(() => reader.frames().length >= 5, 'the new events')
  expect(ids(reader.frames())).toEqual([2, 3, 4, 5].map((seq) => `${STREAM}-${seq}`))
  const replayed = reader
    .frames()
    .slice(1)
    .map((frame) => JSON.parse(frame.split('data: ')[1] ?? '').replayed)
  expect(replayed).toEqual([true, true, false, false])
})

test('an id of another stream returns all events', async () => {
  const { tcp } = await serve(gateway())
  const reader = follow(tcp, '/api/v1/stream', ['Last-Event-ID: ffffffffffffffff-2'])
  await until(() => ids(reader.frames()).length === 3, 'all events')
})

test('events that are no longer stored are reported as dropped; unused numbers are not', async () => {
  const { tcp } = await serve(gateway([crash(5), crash(106, 'mosquitto.service', { seqGap: 100 })]))
  const reader = follow(tcp, `/api/v1/stream?since=${STREAM}-2`)
  await until(() => ids(reader.frames()).length === 2, 'both events')
  const reports = reader.frames().filter((frame) => frame.startsWith('event: dropped'))
  expect(reports).toEqual(['event: dropped\ndata: {"schema":1,"event":"dropped","dropped":2,"from_seq":3}'])
})

test('a reader gets only the units and kinds it requested', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it)
  const reader = follow(tcp, '/api/v1/stream?unit=mosquitto&kind=crash')
  await until(() => reader.frames().length === 1, 'the first heartbeat')
  emit(it, http, crash(4, 'devmgmt.service'), lost(5), crash(6))
  await until(() => reader.frames().length === 2, 'the event')
  expect(ids(reader.frames())).toEqual([`${STREAM}-6`])
  expect((await ask(tcp, '/api/v1/stream?kind=nothing')).status).toBe(400)
})

test('a silent stream has a heartbeat every 15 s, and no timer without readers', async () => {
  const clock = testClock(FROM_ZERO)
  const { tcp } = await serve(gateway(), clock)
  const reader = follow(tcp)
  await until(() => reader.frames().length === 1, 'the first heartbeat')
  clock.advance(14_999)
  clock.advance(1)
  clock.advance(15_000)
  await until(() => reader.frames().length === 3, 'two heartbeats')
  expect(reader.frames()).toEqual([':', ':', ':'])
  reader.socket.destroy()
  await until(() => clock.pending() === 0, 'the timer to be cancelled')
})

test('a reader that takes nothing is disconnected and counted, and the others are not delayed', async () => {
  const it = gateway([])
  const clock = testClock(FROM_ZERO)
  const { http, tcp } = await serve(it, clock)
  const slow = follow(tcp)
  const quick = follow(tcp)
  await until(() => slow.frames().length === 1 && quick.frames().length === 1, 'both first heartbeats')
  slow.socket.pause()
  // Large events, since the kernel buffers some megabytes for a reader that takes nothing.
  for (let seq = 1; seq <= 400; seq += 1) {
    emit(it, http, crash(seq, 'mosquitto.service', { subState: 'x'.repeat(50_000) }))
    await until(() => quick.socket.bytesRead > seq * 50_000, 'the quick reader')
  }
  await until(
    () => quick.frames().length === 401 && clock.pending() === 2,
    'the heartbeat and the timer of the slow reader',
  )
  clock.advance(29_999)
  expect(http.health().streamClientsDropped).toBe(0)
  clock.advance(1)
  expect(http.health().streamClientsDropped).toBe(1)
  expect(quick.closed).toBe(false)
  slow.socket.resume()
  await until(() => slow.closed, 'the slow reader to be disconnected')
})

test('a reader that was slow for a while continues from history, and gaps are reported', async () => {
  const it = gateway([])
  const { http, tcp } = await serve(it, testClock(FROM_ZERO))
  const reader = follow(tcp)
  await until(() => reader.frames().length === 1, 'the first heartbeat')
  reader.socket.pause()
  for (let seq = 1; seq <= 20_000; seq += 1) {
    emit(it, http, crash(seq))
    it.events = it.events.slice(-100)
    if (seq % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  reader.socket.resume()
  await until(() => ids(reader.frames()).at(-1) === `${STREAM}-20000`, 'the newest event')
  const frames = reader.frames().slice(1)
  const dropped = frames.flatMap((frame) => /"dropped":(\d+)/.exec(frame)?.[1] ?? []).map(Number)
  expect(dropped.length).toBeGreaterThan(0)
  expect(ids(frames).length + dropped.reduce((a, b) => a + b)).toBe(20_000)
})

test('the 17th stream is refused, which leaves connections for other clients', async () => {
  const { tcp } = await serve(gateway())
  const readers = Array.from({ length: 16 }, () => follow(tcp))
  await until(() => readers.every((reader) => reader.frames().length === 1), '16 readers')
  const refused = await ask(tcp, '/api/v1/stream')
  expect([refused.status, JSON.parse(refused.body).error.code]).toEqual([503, 'too_many_streams'])
  readers[0]?.socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  const again = follow(tcp)
  await until(() => again.frames().length === 1, 'room for another stream')
})

test('journal lines are sent over the socket, and not over TCP without authentication', async () => {
  const it = gateway()
  const { http, tcp, socket } = await serve(it)
  const [near, far] = [follow(socket), follow(tcp)]
  await until(() => near.frames().length === 1 && far.frames().length === 1, 'the first heartbeats')
  emit(it, http, crash(4, 'a.service', { log: ['a secret'] }))
  await until(() => near.frames().length === 2 && far.frames().length === 2, 'the event')
  const back = [follow(socket, '/api/v1/stream', [`Last-Event-ID: ${STREAM}-3`])]
  back.push(follow(tcp, '/api/v1/stream', [`Last-Event-ID: ${STREAM}-3`]))
  await until(() => back.every((reader) => reader.frames().length === 2), 'history')
  expect([near, far, ...back].map((reader) => reader.text.includes('"log":["a secret"]'))).toEqual([
    ...[true, false, true, false],
  ])
})

test('an event that a reader got from history is not sent again when the step arrives', async () => {
  const it = gateway()
  const { http, socket } = await serve(it)
  it.events = [...it.events, crash(4)]
  it.state = { ...it.state, seq: 4 }
  const reader = follow(socket, '/api/v1/stream', [`Last-Event-ID: ${STREAM}-3`])
  await until(() => reader.frames().length === 2, 'history')
  http.accept({ before: it.state, after: it.state, events: [crash(4)], at: { monoMs: 0, wallMs: 0 } })
  emit(it, http, crash(5))
  await until(() => reader.frames().length === 3, 'the new events')
  expect(ids(reader.frames())).toEqual([4, 5].map((seq) => `${STREAM}-${seq}`))
})
