// Compares the OpenAPI description with the route table and with real responses, field by field.
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import type { Event } from '../../../src/core/event.ts'
import { eventJson, type Json } from '../../../src/core/views/api-json.ts'
import { stateJson } from '../../../src/core/views/unit-state.ts'
import { openApi } from '../../../src/http/api/openapi.ts'
import { routesOf } from '../../../src/http/api/routes.ts'
import { SCHEMAS } from '../../../src/http/api/schemas.ts'
import { ask, checkOf, crash, gateway, IDENTITY, lost, serve } from '../fake-gateway.ts'
import { schemaErrors } from '../openapi-schema.ts'

const responseSchema = (path: string, method: string, code: string) => {
  const escaped = path.replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')
  return `/paths/${escaped}/${method}/responses/${code}/content/application~1json/schema`
}

test('every route is described, and nothing else', () => {
  const table = routesOf(gateway().views, {} as never).map(
    ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
  )
  const paths = Object.entries(openApi('0')['paths'] as Json).flatMap(([path, methods]) =>
    Object.keys(methods as Json).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(paths.sort()).toEqual(table.sort())
})

test.each([
  ['/api/v1/units', '/api/v1/units'],
  ['/api/v1/units?units=all', '/api/v1/units'],
  ['/api/v1/units/mosquitto', '/api/v1/units/{unit}'],
  ['/api/v1/events', '/api/v1/events'],
  ['/api/v1/events?limit=0', '/api/v1/events'],
  ['/api/v1/units/nothing', '/api/v1/units/{unit}'],
  ['/api/v1/openapi.json', '/api/v1/openapi.json'],
])('the response of %s matches its description', async (url, path) => {
  const got = await ask((await serve(gateway())).socket, url)
  const code = got.status === 200 ? '200' : 'default'
  expect(schemaErrors(responseSchema(path, 'get', code), JSON.parse(got.body))).toEqual([])
})

test.each([
  ['200', undefined],
  ['503', 'not connected'],
])('readiness as JSON matches its description of %s', async (code, problem) => {
  const it = gateway()
  it.checks = [checkOf('bus', problem), checkOf('remote_write')]
  const got = await ask((await serve(it)).socket, '/-/ready', { headers: { accept: 'application/json' } })
  expect(String(got.status)).toBe(code)
  expect(schemaErrors(responseSchema('/-/ready', 'get', code), JSON.parse(got.body))).toEqual([])
})

const { kind: _kind, ...crashed } = crash(1)
const base = { ...crashed, seqGap: 2 }
/** What events of the agent itself have instead of a unit. */
const AGENT = { unit: null, counters: null }
const IDS = { formerMachineId: 'a', machineId: 'b', formerGatewayId: null, gatewayId: 'gw-7' }

const BECAUSE = { unit: 'b.service', relation: 'BindsTo' }
const AFTER = { unit: 'c.service', event: 'crash', ms: 120 }
const EVIDENCE = {
  ranMs: 1,
  firstRunOfBoot: true,
  sameCause24h: 1,
  sameCause7d: 2,
  memory: { limit: 1, peak: 1, lastSeen: 1 },
  statusText: 'busy',
  resources: { cpuMs: 1, memoryPeak: 1, ioReadBytes: 1, ioWriteBytes: 1, ipReceivedBytes: 1, ipSentBytes: 1 },
  oom: { by: 'kernel', process: 'a', bytes: 1, limitOf: 'a.service' },
  coredump: { executable: '/usr/bin/a', signal: 'SIGSEGV', frames: ['main (a + 0x1)'] },
  fileChangedMs: 1,
  signature: '0123456789ab',
}

test.each([
  { ...base, kind: 'start' },
  { ...base, kind: 'restart', invocationId: null },
  { ...base, kind: 'stop', result: 'success' },
  { ...base, kind: 'crash', log: ['a line'], exitCode: 3, signal: null },
  lost(1),
  { ...base, kind: 'gave_up' },
  { ...base, kind: 'flapping', flapping: true, crashesInWindow: 5, windowSeconds: 300 },
  { ...base, kind: 'summary', counted: base.counters, byResult: { signal: 121 }, firstMs: 0, lastMs: 1 },
  { ...base, kind: 'unit_appeared', loadState: 'loaded' },
  { ...base, kind: 'start_refused', result: 'dependency' },
  { ...base, kind: 'command', action: 'restart', outcome: 'done', via: 'http', who: null },
  { ...base, kind: 'evidence', of: 1, evidence: EVIDENCE, because: BECAUSE },
  { ...base, kind: 'crash', exitCode: 3, signal: null, evidence: EVIDENCE, because: BECAUSE, after: AFTER },
  { ...base, ...AGENT, kind: 'identity_changed', ...IDS },
  { ...base, ...AGENT, kind: 'command', action: 'clear', outcome: 'done', via: 'socket', who: null },
] as Event[])('an event of the kind $kind matches its description', (event) => {
  expect(schemaErrors('/components/schemas/Event', eventJson(event, IDENTITY))).toEqual([])
})

test.each([null, 1_795_169_723_412])('a state message matches its description, with since %s', (sinceMs) => {
  const state = { unit: 'a.service', activeState: 'active', subState: 'running', sinceMs }
  expect(schemaErrors('/components/schemas/StateMessage', stateJson(state))).toEqual([])
})

test('an extra and a missing field are found', () => {
  expect(schemaErrors('/components/schemas/Event', { ...eventJson(crash(1), IDENTITY), more: 1 })).not.toEqual([])
  expect(
    schemaErrors('/components/schemas/Event', { ...eventJson(crash(1), IDENTITY), result: undefined }),
  ).not.toEqual([])
})

test.each(Object.entries(SCHEMAS))('the schema of %s is valid', (_name, schema) => {
  expect(new Ajv2020({ strict: false }).validateSchema(schema)).toBe(true)
})
