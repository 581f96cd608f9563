// Explanations over HTTP: of units and of events, and who may have them.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { expect, test } from 'vitest'
import type { UnitStatus } from '../../../src/core/unit-status.ts'
import type { Json } from '../../../src/core/views/api-json.ts'
import type { HttpListener } from '../../../src/http/http.ts'
import { INACTIVE, RUNNING, status } from '../../core/explain/explained.ts'
import { ask, crash, gateway, httpOf, IDENTITY, STREAM, serve, temporaryDirectory } from '../fake-gateway.ts'
import { schemaErrors } from '../openapi-schema.ts'

const UNIT = '/api/v1/units/mosquitto/explain'
const EXECUTABLE = '/usr/bin/sink'

async function getJson(at: HttpListener, path: string, headers: Record<string, string> = {}) {
  const reply = await ask(at, path, { headers })
  return { code: reply.status, body: JSON.parse(reply.body) as Json }
}
const errorOf = ({ code, body }: { code: number; body: Json }) => [code, (body['error'] as Json)['code']]

function withStatus(details: (unit: string) => UnitStatus | null | 'busy') {
  const it = gateway([
    crash(1, 'mosquitto.service', { log: ['a line'], result: 'exit-code', exitCode: 203, signal: null }),
  ])
  it.details = details
  return it
}

test.each([
  [UNIT, '/api/v1/units/{unit}/explain'],
  [`/api/v1/events/${STREAM}-1/explain`, '/api/v1/events/{id}/explain'],
])('%s has sentences, the timeline and log lines, as described', async (url, path) => {
  const { socket } = await serve(withStatus((unit) => status(unit)))
  const { code, body } = await getJson(socket, url)
  expect(code).toBe(200)
  expect(body).toMatchObject({
    service: 'mosquitto.service',
    event: { id: `${STREAM}-1`, exit_code: 203 },
    timeline: [{ ms_before: 0, service: 'mosquitto.service', event: 'crash' }],
    timeline_left_out: 0,
    log: ['a line'],
  })
  expect(String(body['sentences'])).toContain(`The program is ${EXECUTABLE}`)
  const escaped = path.replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')
  expect(schemaErrors(`/paths/${escaped}/get/responses/200/content/application~1json/schema`, body)).toEqual([])
})

test('a unit that does not run is explained by the units that it needs', async () => {
  const device = status('dev-x.device', { ...INACTIVE, description: '/dev/x' })
  const unit = status('sink.service', { ...INACTIVE, dependencies: { BindsTo: ['dev-x.device'] } })
  const { socket } = await serve(withStatus((name) => (name === 'dev-x.device' ? device : unit)))
  const { body } = await getJson(socket, '/api/v1/units/sink/explain')
  expect(String(body['sentences'])).toContain('systemd does not see the device /dev/x')
  expect(body['event']).toBeNull()
})

test('unknown units and events are not found; a watched unit without a unit file is explained', async () => {
  const { socket } = await serve(withStatus((unit) => status(unit, { ...INACTIVE, loadState: 'not-found' })))
  expect(errorOf(await getJson(socket, '/api/v1/units/nothing/explain'))).toEqual([404, 'unknown_unit'])
  expect(errorOf(await getJson(socket, '/api/v1/units/a@.service/explain'))).toEqual([404, 'unknown_unit'])
  for (const id of [`${STREAM}-9`, 'ffffffffffffffff-1', '1', `${STREAM}--1`])
    expect(errorOf(await getJson(socket, `/api/v1/events/${id}/explain`))).toEqual([404, 'unknown_event'])
  const { code, body } = await getJson(socket, UNIT)
  expect([code, String(body['sentences'])]).toEqual([200, expect.stringContaining('systemd found no unit file')])
})

test('while systemd does not respond, only watched units are explained, from what was recorded', async () => {
  const { socket } = await serve(withStatus(() => null))
  expect(errorOf(await getJson(socket, '/api/v1/units/sink/explain'))).toEqual([503, 'no_bus'])
  const { body } = await getJson(socket, UNIT)
  expect(body['sentences']).toContain(
    'The present state of mosquitto.service is not known, because systemd did not respond.',
  )
  const busy = await serve(withStatus(() => 'busy'))
  expect(errorOf(await getJson(busy.socket, UNIT))).toEqual([503, 'busy'])
  expect(errorOf(await getJson(busy.socket, `/api/v1/events/${STREAM}-1/explain`))).toEqual([503, 'busy'])
})

test('over TCP only authenticated clients get them, without the path of the program', async () => {
  const it = withStatus((unit) => status(unit))
  const { tcp } = await serve(it)
  for (const path of [UNIT, `/api/v1/events/${STREAM}-1/explain`, '/api/v1/units/nothing/explain'])
    expect(errorOf(await getJson(tcp, path))).toEqual([403, 'no_authentication'])
  const web = join(temporaryDirectory(), 'web.yml')
  writeFileSync(web, `basic_auth_users:\n  prom: ${hashSync('secret', 4)}\n`)
  const http = httpOf(withStatus((unit) => status(unit)))
  const secured = await http.serveTcp('127.0.0.1', 0, { path: web, onTlsToggled: () => {} })
  const authorization = `Basic ${Buffer.from('prom:secret').toString('base64')}`
  expect((await ask(secured, UNIT)).status).toBe(401)
  const { code, body } = await getJson(secured, UNIT, { authorization })
  expect([code, body['log']]).toEqual([200, ['a line']])
  expect(JSON.stringify(body)).not.toContain(EXECUTABLE)
})

test('an event that arrives while systemd is queried is explained', async () => {
  const it = withStatus((unit) => {
    it.events = [...it.events, crash(2, 'mosquitto.service', { result: 'watchdog', signal: 'SIGABRT' })]
    return status(unit, RUNNING)
  })
  const { socket } = await serve(it)
  const { body } = await getJson(socket, UNIT)
  expect(body['event']).toMatchObject({ id: `${STREAM}-2`, gateway_id: IDENTITY.gatewayId })
})
