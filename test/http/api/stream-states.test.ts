// The states on the stream: over SSE and WebSocket, of watched and of all units, and for clients that do not keep up.
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { withUnits } from '../../../src/core/state.ts'
import { newUnit, type Unit } from '../../../src/core/unit.ts'
import type { Http } from '../../../src/http/http.ts'
import { runningUnit } from '../../metrics/scrape-inputs.ts'
import { FROM_ZERO, testClock } from '../../rig/clock.ts'
import { ask, crash, emit, type FakeGateway, gateway, serve, until } from '../fake-gateway.ts'
import { follow } from './sse-reader.ts'

const STARTING = { activeState: 'activating', subState: 'start' }
const SINCE = '2026-11-19T11:22:03.412Z'

/** Replaces units of the gateway, as a step without events. */
function change(it: FakeGateway, http: Http, ...units: Unit[]): void {
  const before = it.state
  const others = before.units.filter(({ name }) => !units.some((unit) => unit.name === name))
  it.state = { ...withUnits(before, [...others, ...units]), seq: before.seq }
  http.accept({ before, after: it.state, events: [], at: { monoMs: 0, wallMs: 0 } })
}

function unit(name: string, state: Partial<NonNullable<Unit['snapshot']>> = {}): Unit {
  const running = runningUnit(name)
  return { ...running, snapshot: { ...(running.snapshot as NonNullable<Unit['snapshot']>), ...state } }
}

const stateOf = (service: string, active_state: string, sub_state: string) => ({
  state: { service, active_state, sub_state, since: SINCE },
})

test('a change of state is sent without an id, beside the events; none without a change', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it)
  const reader = follow(tcp)
  await until(() => reader.frames().length === 1, 'the first heartbeat')
  change(it, http, unit('mosquitto.service', STARTING))
  change(it, http, unit('mosquitto.service', { ...STARTING, nRestarts: 7 }))
  emit(it, http, crash(4))
  change(it, http, unit('mosquitto.service'))
  await until(() => reader.frames().length === 4, 'two states and an event')
  const [, starting, event, active] = reader.frames()
  const message = (sub: [string, string]) =>
    `event: state\ndata: ${JSON.stringify(stateOf('mosquitto.service', ...sub))}`
  expect([starting, active]).toEqual([message(['activating', 'start']), message(['active', 'running'])])
  expect(event).toMatch(/^id: .*-4\nevent: crash\n/)
})

test('a client gets the states of the units that it requested, and none with kind or states=0', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it)
  const queries = ['', '?unit=devmgmt', '?kind=crash', '?states=0', '?states=1&kind=crash']
  const readers = queries.map((query) => follow(tcp, `/api/v1/stream${query}`))
  await until(() => readers.every((reader) => reader.frames().length === 1), 'the first heartbeats')
  change(it, http, unit('mosquitto.service'), unit('devmgmt.service'))
  await until(() => (readers[0]?.frames().length ?? 0) === 3, 'both states')
  const states = readers.map(({ text }) => [...text.matchAll(/"service":"([a-z]+)/g)].map((match) => match[1]))
  expect(states).toEqual([['mosquitto', 'devmgmt'], ['devmgmt'], [], [], ['mosquitto', 'devmgmt']])
  for (const [query, code] of [
    ['states=2', 'bad_states'],
    ['units=some', 'bad_units'],
  ]) {
    const { status, body } = await ask(tcp, `/api/v1/stream?${query}`)
    expect([status, JSON.parse(body).error.code]).toEqual([400, code])
  }
})

test('over WebSocket, each message is an event, and states are sent with states=1 only', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it)
  const connected = ['', '?states=1'].map(async (query) => {
    const got: Record<string, unknown>[] = []
    const client = new WebSocket(`ws://127.0.0.1:${tcp.port}/api/v1/ws${query}`)
    onTestFinished(() => client.terminate())
    client.on('message', (text) => got.push(JSON.parse(String(text))))
    await new Promise((resolve, reject) => client.on('open', resolve).on('error', reject))
    return got
  })
  const [bare, both] = await Promise.all(connected)
  change(it, http, unit('mosquitto.service'))
  emit(it, http, crash(4))
  await until(() => bare?.length === 1 && both?.length === 2, 'the messages')
  expect(bare?.map(({ seq }) => seq)).toEqual([4])
  expect(both?.[0]).toEqual(stateOf('mosquitto.service', 'active', 'running'))
})

test('units=all adds the units that are not watched, and follows them only while a client wants them', async () => {
  const it = gateway()
  const clock = testClock(FROM_ZERO)
  const { http, socket } = await serve(it, clock)
  const watched = follow(socket)
  const all = follow(socket, '/api/v1/stream?units=all')
  await until(() => [watched, all].every((reader) => reader.frames().length === 1), 'the first heartbeats')
  it.report?.({ unit: 'ssh.service', activeState: 'active', subState: 'running', sinceMs: null })
  clock.advance(200)
  change(it, http, unit('mosquitto.service'))
  await until(() => all.frames().length === 3 && watched.frames().length === 2, 'the states')
  expect(all.text).toContain(
    '{"state":{"service":"ssh.service","active_state":"active","sub_state":"running","since":null}}',
  )
  expect(watched.text).not.toContain('ssh')
  clock.advance(20_000)
  expect(it.report).not.toBe(null)
  all.socket.destroy()
  await until(() => it.report === null, 'the end of following')
  watched.socket.destroy()
  await until(() => clock.pending() === 0, 'all timers to be cancelled')
})

test('the list of all units is for trusted clients, and shows which ones are watched', async () => {
  const it = gateway()
  const { tcp, socket } = await serve(it)
  expect((await ask(tcp, '/api/v1/units?units=all')).status).toBe(403)
  const { body } = await ask(socket, '/api/v1/units?units=all')
  const state = { load_state: 'loaded', active_state: 'active', sub_state: 'running' }
  expect(JSON.parse(body).units).toEqual([
    { service: 'mosquitto.service', description: 'About mosquitto.service', ...state, watched: true },
    { service: 'ssh.service', description: 'About ssh.service', ...state, watched: false },
  ])
  expect((await ask(socket, '/api/v1/units?units=some')).status).toBe(400)
  it.hasBus = false
  expect((await ask(socket, '/api/v1/units?units=all')).status).toBe(503)
})

test('a request for all units without a stream is forgotten after 10 s; without systemd it is refused', async () => {
  const it = gateway()
  const clock = testClock(FROM_ZERO)
  const { socket } = await serve(it, clock)
  expect((await ask(socket, '/api/v1/stream?units=all', { method: 'HEAD' })).status).toBe(200)
  expect(it.report).not.toBe(null)
  clock.advance(10_000)
  expect([it.report, clock.pending()]).toEqual([null, 0])
  it.hasBus = false
  const { status, body } = await ask(socket, '/api/v1/stream?units=all')
  expect([status, JSON.parse(body).error.code, it.report]).toEqual([503, 'no_bus', null])
})

test('a client that was slow gets the newest state of each unit; one for which too many units wait is disconnected', async () => {
  const it = gateway([])
  const clock = testClock(FROM_ZERO)
  const { http, socket } = await serve(it, clock)
  const reader = follow(socket)
  const all = follow(socket, '/api/v1/stream?units=all')
  await until(() => [reader, all].every(({ frames }) => frames().length === 1), 'the first heartbeats')
  reader.socket.pause()
  // Large events, since the kernel buffers some megabytes for a reader that takes nothing.
  for (let seq = 1; seq <= 400; seq++) {
    emit(it, http, crash(seq, 'mosquitto.service', { subState: 'x'.repeat(50_000) }))
    await until(() => all.socket.bytesRead > seq * 50_000, 'the other client')
  }
  await until(() => clock.pending() === 3, 'the timers of the heartbeat, the slow client and the request')
  for (let i = 0; i < 100; i++)
    change(it, http, unit('mosquitto.service', { subState: `s${i}` }), unit('devmgmt.service'))
  expect(http.health().streamClientsDropped).toBe(0)
  reader.socket.resume()
  await until(() => reader.text.includes('event: state'), 'a state')
  clock.advance(1_000)
  await until(() => reader.text.includes('"devmgmt.service","active_state":"active"'), 'the other state')
  const subStates = [...reader.text.matchAll(/"active","sub_state":"([a-z0-9]+)"/g)].map((match) => match[1])
  expect(subStates).toEqual(['s99', 'running'])

  for (let i = 0; i < 2_100; i++) it.report?.({ unit: `u${i}.service`, ...STARTING, sinceMs: null })
  await until(() => all.closed, 'the other client to be disconnected')
  expect([http.health().streamClientsDropped, reader.closed]).toEqual([1, false])
})

test('a step costs nothing without clients that want states', async () => {
  const it = gateway()
  const { http, tcp } = await serve(it)
  const reader = follow(tcp, '/api/v1/stream?states=0')
  await until(() => reader.frames().length === 1, 'the first heartbeat')
  const before = it.state
  const after = {
    ...before,
    units: new Proxy([newUnit('a.service')], { get: () => expect.fail('the units were read') }),
  }
  http.accept({ before, after, events: [], at: { monoMs: 0, wallMs: 0 } })
})
