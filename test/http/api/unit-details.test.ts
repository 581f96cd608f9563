// One unit in detail: what each client gets of it, and what remains while systemd does not respond.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { UnitHistory } from '../../../src/core/explain/history.ts'
import { withUnits } from '../../../src/core/state.ts'
import { newUnit } from '../../../src/core/unit.ts'
import type { UnitStatus } from '../../../src/core/unit-status.ts'
import { unitJson } from '../../../src/core/views/api-json.ts'
import type { HttpListener } from '../../../src/http/http.ts'
import { ask, gateway, serve, temporaryDirectory } from '../fake-gateway.ts'
import { schemaErrors } from '../openapi-schema.ts'

const STATUS: UnitStatus = {
  unit: 'mosquitto.service',
  description: 'An MQTT broker',
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  fileState: 'enabled',
  frozen: false,
  triggers: [{ unit: 'mosquitto.timer', activeState: 'active', nextMs: 1_795_169_723_000 }],
  changedAtMonoMs: 400_000,
  activeAtMonoMs: 300_000,
  cause: { result: 'exit-code', exitCode: 3, signal: null, coreDumped: false },
  result: 'exit-code',
  exitCode: 3,
  signal: null,
  mainPid: 4711,
  restarts: 4,
  memoryBytes: 3 << 20,
  cpuSeconds: 1.5,
  tasks: 2,
  user: 'mosquitto',
  workingDirectory: '/secret-directory',
  file: '/lib/systemd/system/mosquitto.service',
  dropIns: ['/etc/systemd/system/mosquitto.service.d/limits.conf'],
  commands: [{ setting: 'ExecStart', line: '/usr/sbin/mosquitto --secret-argument' }],
  environmentNames: ['SECRET_NAME'],
  environmentFiles: ['/etc/secret-file'],
  dependencies: { Requires: ['sysinit.target'] },
  start: {
    wasActive: true,
    loadError: null,
    hasJob: false,
    restart: 'always',
    restartDelayMs: 100,
    limit: null,
    conditions: [],
    conditionsMet: null,
    assertsMet: null,
  },
}

const FACTS = {
  description: 'An MQTT broker',
  file_state: 'enabled',
  active_entered: '2026-11-20T10:08:20.000Z',
  cause: { result: 'exit-code', exit_code: 3, signal: null },
  result: 'exit-code',
  exit_code: 3,
  signal: null,
  triggered_by: [{ unit: 'mosquitto.timer', active_state: 'active', next: '2026-11-20T10:15:23.000Z' }],
  main_pid: 4711,
  restarts: 4,
  memory_bytes: 3 << 20,
  cpu_seconds: 1.5,
  tasks: 2,
  file: '/lib/systemd/system/mosquitto.service',
  drop_ins: ['/etc/systemd/system/mosquitto.service.d/limits.conf'],
  dependencies: { Requires: ['sysinit.target'] },
}

const PROCESS = {
  user: 'mosquitto',
  working_directory: '/secret-directory',
  commands: [{ setting: 'ExecStart', line: '/usr/sbin/mosquitto --secret-argument' }],
  environment_names: ['SECRET_NAME'],
  environment_files: ['/etc/secret-file'],
}

const AGENTS_OWN = JSON.parse(JSON.stringify(unitJson(newUnit('mosquitto.service'))))
const AT_MS = Date.parse('2026-11-20T10:00:00Z')
const HISTORY: UnitHistory = {
  days: [Math.floor(AT_MS / 86_400_000), 2, 0, 1, 0],
  signatures: [
    {
      signature: '0123456789ab',
      cause: { result: 'exit-code', exitCode: 3, signal: null, coreDumped: false },
      count: 1,
      first: AT_MS / 1000,
      last: AT_MS / 1000,
    },
  ],
  causes: [],
  uncounted: 0,
}
const HISTORY_JSON = {
  days: [{ day: '2026-11-20', starts: 2, stops: 0, crashes: 1, lost: 0 }],
  signatures: [
    {
      signature: '0123456789ab',
      result: 'exit-code',
      exit_code: 3,
      signal: null,
      core_dumped: false,
      count: 1,
      first: '2026-11-20T10:00:00.000Z',
      last: '2026-11-20T10:00:00.000Z',
    },
  ],
}
const WATCHED = { ...AGENTS_OWN, watched: true, history: HISTORY_JSON }
const TOKEN = { authorization: 'Bearer topsecret' }

async function served(details: (unit: string) => UnitStatus | null | 'busy') {
  const it = gateway()
  const units = it.state.units.map((unit) => (unit.name === 'mosquitto.service' ? { ...unit, history: HISTORY } : unit))
  it.state = { ...it.state, ...withUnits(it.state, units) }
  const token_file = join(temporaryDirectory(), 'token')
  writeFileSync(token_file, 'topsecret')
  it.rules = { enabled: true, token_file }
  const read: string[] = []
  it.details = (unit) => {
    read.push(unit)
    return details(unit)
  }
  return { ...(await serve(it)), read }
}

/** The status and the body, which matches its description. */
async function unitOver(at: HttpListener, name = 'mosquitto', headers: Record<string, string> = {}) {
  const { status, body } = await ask(at, `/api/v1/units/${name}`, { headers })
  const json = JSON.parse(body)
  const code = status === 200 ? '200' : 'default'
  const path = `/paths/~1api~1v1~1units~1%7Bunit%7D/get/responses/${code}/content/application~1json/schema`
  expect(schemaErrors(path, json)).toEqual([])
  return [status, json.error?.code ?? json] as const
}

test('over TCP without authentication only what the list of units has, not its history, and systemd is not queried', async () => {
  const { tcp, read } = await served(() => STATUS)
  expect(await unitOver(tcp)).toEqual([200, AGENTS_OWN])
  expect(await unitOver(tcp, 'mosquitto', { authorization: 'Bearer wrong' })).toEqual([200, AGENTS_OWN])
  expect(await unitOver(tcp, 'sshd')).toEqual([404, 'unknown_unit'])
  expect(read).toEqual([])
})

test('with authentication also what systemd shows, but not how the processes are started', async () => {
  const { tcp, read } = await served(() => STATUS)
  expect(await unitOver(tcp, 'mosquitto', TOKEN)).toEqual([200, { ...WATCHED, ...FACTS }])
  expect((await ask(tcp, '/api/v1/units/mosquitto', { headers: TOKEN })).body).not.toMatch(/secret/i)
  expect(read).toEqual(['mosquitto.service', 'mosquitto.service'])
})

test('over the local socket everything', async () => {
  const { socket } = await served(() => STATUS)
  expect(await unitOver(socket)).toEqual([200, { ...WATCHED, ...FACTS, ...PROCESS }])
})

test.each([null, 'busy'] as const)('if systemd was not read (%s), what the agent knows remains', async (outcome) => {
  const { socket, tcp } = await served(() => outcome)
  expect(await unitOver(socket)).toEqual([200, { ...WATCHED }])
  expect(await unitOver(tcp, 'mosquitto', TOKEN)).toEqual([200, { ...WATCHED }])
  const code = outcome === null ? 'no_bus' : 'busy'
  expect(await unitOver(socket, 'sshd')).toEqual([503, code])
})

test('a unit that is not watched is shown to trusted clients only, without counters', async () => {
  const { socket, tcp } = await served((unit) => ({ ...STATUS, unit }))
  const state = {
    service: 'sshd.service',
    load_state: 'loaded',
    active_state: 'active',
    sub_state: 'running',
    frozen: false,
    since: '2026-11-20T10:10:00.000Z',
    watched: false,
  }
  expect(await unitOver(socket, 'sshd')).toEqual([200, { ...state, ...FACTS, ...PROCESS }])
  expect(await unitOver(tcp, 'sshd.service', TOKEN)).toEqual([200, { ...state, ...FACTS }])
  expect(await unitOver(tcp, 'sshd')).toEqual([404, 'unknown_unit'])
})

test('what systemd cannot load is not found, and is not looked for if it cannot be a unit', async () => {
  const { socket, read } = await served((unit) => ({
    ...STATUS,
    unit,
    loadState: 'not-found',
    activeState: 'inactive',
  }))
  expect(await unitOver(socket, 'nothing')).toEqual([404, 'unknown_unit'])
  expect(await unitOver(socket, 'sink@.service')).toEqual([404, 'unknown_unit'])
  expect(await unitOver(socket, '..%2F..%2Fetc.service')).toEqual([404, 'unknown_unit'])
  expect(read).toEqual(['nothing.service'])
  const { socket: other } = await served((unit) => ({ ...STATUS, unit, loadState: 'not-found' }))
  expect((await unitOver(other, 'deleted-while-running'))[0]).toBe(200)
})
