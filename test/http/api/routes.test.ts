// Every route, over a real TCP port and a real unix socket.
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { newUnit } from '../../../src/core/unit.ts'
import { eventJson, unitJson } from '../../../src/core/views/api-json.ts'
import type { HttpListener } from '../../../src/http/http.ts'
import { ask, checkOf, crash, emit, type FakeGateway, gateway, IDENTITY, lost, STREAM, serve } from '../fake-gateway.ts'

test.each(['tcp', 'socket'] as const)('every GET route responds over %s', async (side) => {
  const at = (await serve(gateway()))[side]
  const paths: [string, string][] = [
    ['/', 'text/plain; charset=utf-8'],
    ['/metrics', 'text/plain; version=0.0.4'],
    ['/-/healthy', 'text/plain; charset=utf-8'],
    ['/-/ready', 'text/plain; charset=utf-8'],
    ['/api/v1/status', 'application/json'],
    ['/api/v1/units', 'application/json'],
    ['/api/v1/units/mosquitto.service', 'application/json'],
    ['/api/v1/events', 'application/json'],
  ]
  for (const [path, type] of paths) {
    const got = await ask(at, path)
    expect([path, got.status, got.headers['content-type']]).toEqual([path, 200, type])
    expect(got.headers['content-length']).toBe(String(got.bytes.length))
  }
})

test('the start page lists the paths', async () => {
  const { tcp } = await serve(gateway())
  expect((await ask(tcp, '/')).body).toContain('\n/metrics\n')
})

test('readiness as text has a line per problem: with 200 after `ready`, with 503 after `not ready`', async () => {
  const it = gateway()
  const { tcp } = await serve(it)
  expect(await ask(tcp, '/-/ready')).toMatchObject({ status: 200, body: 'ready\n' })
  const note = { ...checkOf('configuration'), message: 'socket takes effect after a restart of gatewatch' }
  it.checks = [checkOf('bus'), note, checkOf('mqtt', 'ECONNREFUSED'), checkOf('units')]
  const warnings = 'configuration: socket takes effect after a restart of gatewatch\nmqtt: ECONNREFUSED\n'
  expect(await ask(tcp, '/-/ready')).toMatchObject({ status: 200, body: `ready\n${warnings}` })
  it.checks = [checkOf('bus', 'not connected'), checkOf('state_file', 'EROFS'), checkOf('mqtt', 'ECONNREFUSED')]
  const reasons = 'bus: not connected\nstate_file: EROFS\nmqtt: ECONNREFUSED\n'
  expect(await ask(tcp, '/-/ready')).toMatchObject({ status: 503, body: `not ready\n${reasons}` })
  expect(await ask(tcp, '/-/healthy')).toMatchObject({ status: 200, body: 'ok\n' })
})

test('readiness as JSON has every check', async () => {
  const it = gateway()
  const { tcp } = await serve(it)
  const ready = async () => {
    const { status, headers, body } = await ask(tcp, '/-/ready', { headers: { accept: 'application/json' } })
    return { status, type: headers['content-type'], body: JSON.parse(body) }
  }
  const since = '2026-11-20T10:15:00.000Z'
  const bus = { name: 'bus', healthy: true, message: 'OK', since }
  const type = 'application/json'
  it.checks = [checkOf('bus'), checkOf('clock', 'not synchronised')]
  const clock = { name: 'clock', healthy: false, message: 'not synchronised', since }
  expect(await ready()).toEqual({ status: 200, type, body: { ready: true, checks: [bus, clock] } })
  it.checks = [checkOf('bus'), checkOf('event_loop', 'blocked for 2.0 s')]
  const loop = { name: 'event_loop', healthy: false, message: 'blocked for 2.0 s', since }
  expect(await ready()).toEqual({ status: 503, type, body: { ready: false, checks: [bus, loop] } })
})

test.each([
  ['*/*', 'text/plain; charset=utf-8'],
  ['text/html, */*;q=0.8', 'text/plain; charset=utf-8'],
  ['text/plain, application/json;q=0.5', 'text/plain; charset=utf-8'],
  ['application/json;q=0', 'text/plain; charset=utf-8'],
  ['application/json;q=0.5, */*', 'text/plain; charset=utf-8'],
  ['Application/JSON, text/plain, */*', 'application/json'],
  ['application/*, text/*;q=0.5', 'application/json'],
])('readiness for a client that accepts %s is %s', async (accept, type) => {
  const { tcp } = await serve(gateway())
  expect((await ask(tcp, '/-/ready', { headers: { accept } })).headers['content-type']).toBe(type)
})

test('a scrape passes the Accept header on', async () => {
  const { tcp } = await serve(gateway())
  const got = await ask(tcp, '/metrics', { headers: { accept: 'application/openmetrics-text' } })
  expect(got.body.split('\n')[0]).toBe('# application/openmetrics-text')
})

test('units have the common JSON format; a bare name means a service; a name may contain a backslash', async () => {
  const { tcp } = await serve(gateway())
  const units = JSON.parse((await ask(tcp, '/api/v1/units')).body)
  expect(units.units[0]).toEqual(unitJson(newUnit('mosquitto.service')))
  expect(JSON.parse((await ask(tcp, '/api/v1/units/mosquitto')).body).service).toBe('mosquitto.service')
  const mount = await ask(tcp, '/api/v1/units/dev-disk-by%5Cx2dlabel-data.mount')
  expect(JSON.parse(mount.body).service).toBe('dev-disk-by\\x2dlabel-data.mount')
})

test('the status contains the agent and its units', async () => {
  const { socket } = await serve(gateway())
  const status = JSON.parse((await ask(socket, '/api/v1/status')).body)
  expect(status).toMatchObject({ version: '0.1.0', bus: { connected: true } })
  expect(status.units).toHaveLength(3)
})

test('an unwatched unit and an unknown path are 404 error responses', async () => {
  const { tcp } = await serve(gateway())
  const unknown = await ask(tcp, '/api/v1/units/nginx.service')
  expect(unknown.status).toBe(404)
  expect(JSON.parse(unknown.body)).toEqual({ error: { code: 'unknown_unit', message: 'nginx.service is not watched' } })
  for (const path of [
    '/nothing',
    '/api/v1/units/',
    '/api/v1/units/%zz',
    '/metrics/',
    '//metrics',
    '/-/healthy/../ready',
  ]) {
    const got = await ask(tcp, path)
    expect([path, got.status, JSON.parse(got.body).error.code]).toEqual([path, 404, 'not_found'])
  }
})

test('events: all, the newest, those after an id, of one unit, of one kind', async () => {
  const { tcp } = await serve(gateway())
  const events = async (query: string) => JSON.parse((await ask(tcp, `/api/v1/events${query}`)).body)
  const seqs = async (query: string) => (await events(query)).events.map((e: { seq: number }) => e.seq)
  expect((await events('')).events[0]).toEqual(eventJson(crash(1), IDENTITY))
  expect(await events('?limit=1')).toMatchObject({ events: [{ seq: 3 }], next: `${STREAM}-3` })
  expect(await events(`?since=${STREAM}-1&limit=1`)).toMatchObject({ events: [{ seq: 2 }], next: `${STREAM}-2` })
  expect(await events(`?since=${STREAM}-3`)).toEqual({ events: [], next: `${STREAM}-3`, dropped: 0 })
  expect(await seqs('?since=ffffffffffffffff-3')).toEqual([1, 2, 3])
  expect(await seqs('?since=nonsense')).toEqual([1, 2, 3])
  expect(await seqs('?unit=devmgmt')).toEqual([3])
  expect(await seqs('?unit=dev*')).toEqual([3])
  expect(await seqs('?unit=mos*.service,devmgmt&kind=lost')).toEqual([2])
  expect(await seqs('?kind=lost')).toEqual([2])
  expect(await seqs('?kind=lost,crash&unit=mosquitto.service')).toEqual([1, 2])
})

test('events: the response counts those that are no longer stored', async () => {
  const { tcp } = await serve(gateway([crash(5), lost(8)]))
  const got = JSON.parse((await ask(tcp, `/api/v1/events?since=${STREAM}-2`)).body)
  expect(got).toMatchObject({ events: [{ seq: 5 }, { seq: 8 }], dropped: 4 })
})

test('events: a page over TCP has at most 500, the local socket has no limit', async () => {
  const { tcp, socket } = await serve(gateway(Array.from({ length: 1_500 }, (_, i) => crash(i + 1))))
  const page = async (at: HttpListener, query: string) => JSON.parse((await ask(at, `/api/v1/events?${query}`)).body)
  const first = await page(tcp, 'since=x-0&limit=1200')
  expect([first.events.length, first.next]).toEqual([500, `${STREAM}-500`])
  const second = await page(tcp, `since=${first.next}`)
  expect([second.events.length, second.next]).toEqual([500, `${STREAM}-1000`])
  expect((await page(socket, 'limit=1200')).events.length).toBe(1_200)
})

test('events: journal lines of a crash are only in the response over the local socket', async () => {
  const it = gateway()
  const { http, tcp, socket } = await serve(it)
  const log = ['password is hunter2']
  emit(it, http, crash(4, 'a.service', { log }))
  const path = '/api/v1/events?unit=a.service'
  expect(JSON.parse((await ask(socket, path)).body).events).toMatchObject([{ seq: 4, log }])
  const overTcp = await ask(tcp, path)
  expect(JSON.parse(overTcp.body).events).toMatchObject([{ seq: 4, event: 'crash' }])
  expect(overTcp.body).not.toContain('hunter2')
  expect(overTcp.body).not.toContain('"log"')
})

test.each(['0', '-1', '1.5', 'many', ''])('events: limit=%s is refused, and the error quotes it', async (limit) => {
  const { tcp } = await serve(gateway())
  const got = await ask(tcp, `/api/v1/events?limit=${limit}`)
  expect(got.status).toBe(400)
  expect(JSON.parse(got.body).error).toEqual({
    code: 'bad_limit',
    message: `limit must be a whole number above 0, not "${limit}"`,
  })
})

test('events: an unknown kind is refused, and the error lists the known ones', async () => {
  const { tcp } = await serve(gateway())
  const got = await ask(tcp, '/api/v1/events?kind=crashes')
  expect([got.status, JSON.parse(got.body).error.code]).toEqual([400, 'bad_kind'])
  expect(got.body).toContain('gave_up')
  const patterns = await ask(tcp, `/api/v1/events?unit=${'*a,'.repeat(17)}`)
  expect([patterns.status, JSON.parse(patterns.body).error.code]).toEqual([400, 'bad_unit'])
})

test('clear and import work over the socket and are refused over TCP', async () => {
  const it = gateway()
  const { tcp, socket } = await serve(it)
  for (const path of ['/api/v1/clear', '/api/v1/import']) {
    const refused = await ask(tcp, path, { method: 'POST' })
    expect([refused.status, JSON.parse(refused.body).error.code]).toEqual([403, 'socket_only'])
  }
  expect(it.cleared).toEqual([])
  expect(await ask(socket, '/api/v1/clear', { method: 'POST' })).toMatchObject({ status: 200, body: '{"cleared":3}\n' })
  expect(it.cleared).toEqual([{ keepEvents: false, logFile: null }])
  const options = JSON.stringify({ keep_events: true, log_file: '/var/log/gatewatch.log' })
  expect((await ask(socket, '/api/v1/clear', { method: 'POST', body: options })).status).toBe(200)
  expect(it.cleared[1]).toEqual({ keepEvents: true, logFile: '/var/log/gatewatch.log' })
  const body = JSON.stringify({ mosquitto: { starts: 5, crashes: 2 }, 'nginx.service': { starts: 1 } })
  const imported = await ask(socket, '/api/v1/import', { method: 'POST', body })
  expect(JSON.parse(imported.body)).toEqual({ imported: ['mosquitto.service'], not_watched: ['nginx.service'] })
  expect(it.imported?.get('mosquitto.service')).toEqual({ starts: 5, stops: 0, crashes: 2, restarts: 0, lost: 0 })
})

test.each([
  ['nonsense', 'the body must be a JSON object'],
  ['[]', 'the body must be a JSON object'],
  ['{"keep_events": 1}', 'keep_events must be true or false'],
  ['{"log_file": 1}', 'log_file must be a path'],
  ['{"keep-events": true}', '"keep-events": unknown key; use keep_events, log_file'],
  ['{"log_file": "/etc/passwd"}', '/etc/passwd is neither the log_file nor the events_file'],
])('clear with %s is refused, and the error explains why', async (body, message) => {
  const it = gateway()
  const { socket } = await serve(it)
  const got = await ask(socket, '/api/v1/clear', { method: 'POST', body })
  expect([got.status, JSON.parse(got.body).error]).toEqual([400, { code: 'bad_clear', message }])
  expect(it.cleared).toEqual([])
})

test.each([
  ['nonsense', 'the body must be a JSON object of units'],
  ['[]', 'the body must be a JSON object of units'],
  ['{"a.service": 5}', 'a.service: must be an object of counts'],
  ['{"a.service": {}}', 'a.service: has no counts'],
  ['{"a.service": {"starts": -1}}', 'a.service.starts: must be a whole number from 0 to 140737488355328'],
  ['{"a.service": {"start": 1}}', 'a.service.start: unknown counter; use starts, stops, crashes, restarts, lost'],
])('import of %s is refused, and the error explains why', async (body, message) => {
  const it = gateway()
  const { socket } = await serve(it)
  const got = await ask(socket, '/api/v1/import', { method: 'POST', body })
  expect([got.status, JSON.parse(got.body).error]).toEqual([400, { code: 'bad_import', message }])
  expect(it.imported).toBeNull()
})

test('HEAD responds like GET without the body', async () => {
  const { tcp } = await serve(gateway())
  const get = await ask(tcp, '/metrics')
  const head = await ask(tcp, '/metrics', { method: 'HEAD' })
  expect(head).toMatchObject({ status: 200, body: '' })
  expect(head.headers['content-length']).toBe(get.headers['content-length'])
  expect((await ask(tcp, '/api/v1/stream', { method: 'HEAD' })).headers['content-type']).toBe('text/event-stream')
})

test('another method is refused with 405, and Allow lists the supported ones', async () => {
  const { tcp, socket } = await serve(gateway())
  const post = await ask(tcp, '/metrics', { method: 'POST' })
  expect([post.status, post.headers['allow']]).toEqual([405, 'GET, HEAD'])
  expect(JSON.parse(post.body).error.code).toBe('method_not_allowed')
  const get = await ask(socket, '/api/v1/clear')
  expect([get.status, get.headers['allow']]).toEqual([405, 'POST'])
})

/** Not the port of the agent: the request comes through a tunnel that ends on the gateway. */
const TUNNEL = { host: '127.0.0.1:19107' }

test('a large response is compressed if the client accepts gzip, unless it is on the gateway itself', async () => {
  const { tcp } = await serve(gateway())
  const headers = { accept: 'x', 'accept-encoding': 'gzip' }
  const plain = await ask(tcp, '/metrics', { headers: { ...TUNNEL, accept: 'x' } })
  const compressed = await ask(tcp, '/metrics', { headers: { ...TUNNEL, ...headers } })
  const local = await ask(tcp, '/metrics', { headers })
  expect([local.headers['content-encoding'], local.body]).toEqual([undefined, plain.body])
  expect(compressed.headers['content-encoding']).toBe('gzip')
  expect(gunzipSync(compressed.bytes as unknown as Uint8Array).toString()).toBe(plain.body)
  expect(plain.headers['content-encoding']).toBeUndefined()
  const small = await ask(tcp, '/-/healthy', { headers: { ...TUNNEL, 'accept-encoding': 'gzip' } })
  expect(small.headers['content-encoding']).toBeUndefined()
})

test.each([
  ['gzip;q=0, *', undefined],
  ['*;q=0', undefined],
  ['br, deflate', undefined],
  ['identity', undefined],
  ['gzip;q=0.5, identity', undefined],
  ['gzip;q=0.5, *', undefined],
  ['gzip;q=0.5', 'gzip'],
  ['gzip, identity', 'gzip'],
  ['*;q=0, gzip;q=0.1', 'gzip'],
  ['identity;q=0, *;q=0.5', 'gzip'],
  ['GZIP, br', 'gzip'],
])('a response for Accept-Encoding: %s has the coding %s', async (accepted, coding) => {
  const { tcp } = await serve(gateway())
  const got = await ask(tcp, '/metrics', { headers: { ...TUNNEL, 'accept-encoding': accepted } })
  expect(got.headers['content-encoding']).toBe(coding)
})

test('an exception is a 500 and one log line until it changes, and later requests work', async () => {
  const it = gateway()
  const { tcp } = await serve(it)
  it.broken = new Error('out of order')
  for (let i = 0; i < 3; i += 1) {
    const got = await ask(tcp, '/api/v1/status')
    expect([got.status, JSON.parse(got.body).error.code]).toEqual([500, 'internal'])
    expect(got.body).not.toContain('out of order')
  }
  expect(it.logged).toEqual(['error http: GET /api/v1/status failed: out of order'])
  it.broken = null
  expect((await ask(tcp, '/api/v1/status')).status).toBe(200)
})

test('/federate responds 503 to selectors that take too long: they are valid, and another gateway may be faster', async () => {
  const it = gateway()
  const views = it.views as { federate: FakeGateway['views']['federate'] }
  views.federate = async () => ({ gaveUp: 'took longer than 2 s' })
  const { tcp } = await serve(it)
  const { status, body } = await ask(tcp, '/federate')
  expect([status, JSON.parse(body).error]).toEqual([
    503,
    { code: 'too_slow', message: 'the selectors took longer than 2 s; use fewer or simpler ones' },
  ])
})

test('/federate is passed the peer whose request it is, so that peers can take turns', async () => {
  const it = gateway()
  const views = it.views as { federate: FakeGateway['views']['federate'] }
  views.federate = async (_matches, peer) => ({ type: 'text/plain', body: `for ${peer}` })
  const { tcp, socket } = await serve(it)
  expect([(await ask(tcp, '/federate')).body, (await ask(socket, '/federate')).body]).toEqual(['for loopback', 'for '])
})
