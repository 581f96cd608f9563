// Unit control over HTTP: commands are refused unless enabled, authorized and secure, and run otherwise.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { expect, test } from 'vitest'
import { clientIdentityOf } from '../../../src/http/authorize.ts'
import type { HttpListener } from '../../../src/http/http.ts'
import { certificates } from '../../rig/certificates.ts'
import { ask, gateway, httpOf, serve, temporaryDirectory } from '../fake-gateway.ts'

const RESTART = '/api/v1/units/mosquitto/restart'

function controlled(token = 'topsecret\n') {
  const it = gateway()
  const token_file = join(temporaryDirectory(), 'token')
  writeFileSync(token_file, token)
  it.rules = { enabled: true, token_file }
  return { it, token_file }
}

async function command(at: HttpListener, path: string, headers: Record<string, string> = {}) {
  const got = await ask(at, path, { method: 'POST', headers })
  const reply = JSON.parse(got.body)
  return [got.status, reply.error?.code ?? reply.outcome]
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

test('without control.enabled, a token file or the right token, no command runs', async () => {
  const off = gateway()
  expect(await command((await serve(off)).tcp, RESTART, bearer('topsecret'))).toEqual([403, 'control_off'])
  const none = gateway()
  none.rules = { enabled: true, token_file: null }
  const { tcp: open } = await serve(none)
  expect(await command(open, RESTART, bearer(''))).toEqual([403, 'no_token'])
  none.rules = { enabled: true, token_file: '/no/such/token' }
  expect(await command(open, RESTART, bearer('null'))).toEqual([403, 'no_token'])

  const { it } = controlled()
  const { tcp } = await serve(it)
  for (const token of ['topsecre', 'topsecret2', 'TOPSECRET', ' ', 'topsecret\\n'])
    expect(await command(tcp, RESTART, bearer(token))).toEqual([401, 'unauthorized'])
  expect(await command(tcp, RESTART)).toEqual([401, 'unauthorized'])
  expect(await command(tcp, RESTART, { authorization: 'Basic topsecret' })).toEqual([401, 'unauthorized'])
  expect([...off.commandsRun, ...none.commandsRun, ...it.commandsRun]).toEqual([])
})

test('an empty token file is the same as none', async () => {
  const { it } = controlled('\n')
  expect(await command((await serve(it)).tcp, RESTART, bearer(''))).toEqual([403, 'no_token'])
})

test('with the token a command runs, and a changed token applies at once', async () => {
  const { it, token_file } = controlled()
  const { tcp } = await serve(it)
  expect(await command(tcp, RESTART, bearer('topsecret'))).toEqual([200, 'done'])
  expect(await command(tcp, '/api/v1/units/devmgmt.service/stop?wait=false', bearer('topsecret'))).toEqual([
    202,
    'queued',
  ])
  writeFileSync(token_file, 'another')
  expect(await command(tcp, RESTART, bearer('topsecret'))).toEqual([401, 'unauthorized'])
  expect(it.commandsRun).toEqual([
    { action: 'restart', unit: 'mosquitto.service', via: 'http', who: null, noWait: false },
    { action: 'stop', unit: 'devmgmt.service', via: 'http', who: null, noWait: true },
  ])
})

test('a refusal by the configuration or by systemd is an error response', async () => {
  const { it } = controlled()
  const { tcp } = await serve(it)
  expect(await command(tcp, '/api/v1/units/sshd/stop', bearer('topsecret'))).toEqual([403, 'denied'])
  expect(await command(tcp, '/api/v1/units/mosquitto/reload', bearer('topsecret'))).toEqual([409, 'refused'])
  expect(await command(tcp, '/api/v1/units/mosquitto/kill', bearer('topsecret'))).toEqual([404, 'not_found'])
  expect((await ask(tcp, RESTART)).status).toBe(405)
})

const UNIT_FILE_COMMANDS = ['units/mosquitto/enable', 'units/mosquitto/disable', 'daemon-reload']

test.each(UNIT_FILE_COMMANDS)(
  '%s is possible only over the local socket and only if the agent runs as root',
  async (path) => {
    const { it } = controlled()
    const { tcp, socket } = await serve(it)
    expect(await command(socket, `/api/v1/${path}`)).toEqual([403, 'not_possible'])
    it.asRoot = true
    expect(await command(tcp, `/api/v1/${path}`)).toEqual([403, 'not_possible'])
    expect(await command(tcp, `/api/v1/${path}`, bearer('topsecret'))).toEqual([403, 'not_possible'])
    expect([it.commandsRun, it.unitFilesReloaded]).toEqual([[], 0])
    expect(await command(socket, `/api/v1/${path}`)).toEqual([200, 'done'])
    expect(it.commandsRun.length + it.unitFilesReloaded).toBe(1)
  },
)

test('even then the configuration decides: control.enabled and, for a unit, control.units', async () => {
  const { it } = controlled()
  it.asRoot = true
  const { socket } = await serve(it)
  expect(await command(socket, '/api/v1/units/sshd/enable')).toEqual([403, 'denied'])
  it.rules = { enabled: false, token_file: null }
  expect(await command(socket, '/api/v1/daemon-reload')).toEqual([403, 'denied'])
  expect([it.commandsRun, it.unitFilesReloaded]).toEqual([[], 0])
})

test('a page of another origin or a rebound name is refused even with the token', async () => {
  const { it } = controlled()
  const { tcp } = await serve(it)
  expect(await command(tcp, RESTART, { ...bearer('topsecret'), host: 'evil.example' })).toEqual([403, 'unknown_host'])
  const page = { ...bearer('topsecret'), host: '127.0.0.1', origin: 'http://evil.example' }
  expect(await command(tcp, RESTART, page)).toEqual([403, 'foreign_origin'])
  expect(it.commandsRun).toEqual([])
})

test('on the local socket no token is needed, since the file permissions decide', async () => {
  const { it } = controlled()
  const { socket } = await serve(it)
  expect(await command(socket, RESTART)).toEqual([200, 'done'])
  expect(it.commandsRun[0]?.via).toBe('socket')
})

test('the token replaces the password on this route, and on no other', async () => {
  const { it } = controlled()
  const path = join(temporaryDirectory(), 'web.yml')
  writeFileSync(path, `basic_auth_users: {prom: ${hashSync('secret', 4)}}`)
  const tcp = await httpOf(it).serveTcp('127.0.0.1', 0, { path, onTlsToggled: () => {} })
  expect(await command(tcp, RESTART, bearer('topsecret'))).toEqual([200, 'done'])
  expect(await command(tcp, RESTART, bearer('wrong'))).toEqual([401, 'unauthorized'])
  expect((await ask(tcp, '/metrics', { headers: bearer('topsecret') })).status).toBe(401)
})

test.each([
  ['127.0.0.1', true],
  ['::ffff:127.8.9.1', true],
  ['::1', true],
  ['192.168.1.127', false],
  ['::ffff:10.127.0.0', false],
  ['::2', false],
  ['', false],
])('a client at %j without TLS counts as local: %s', (remoteAddress, secure) => {
  expect(clientIdentityOf({ remoteAddress } as never, 'tcp')).toEqual({ secure, who: null })
})

test('over TLS a command runs, and the name on a valid client certificate is in the event', async () => {
  const { it } = controlled()
  const directory = temporaryDirectory()
  const ca = certificates(directory)
  const server = ca.issue('server', 'IP:127.0.0.1')
  const web = join(directory, 'web.yml')
  const clients = `  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ${ca.ca}\n`
  writeFileSync(web, `tls_server_config:\n  cert_file: ${server.cert}\n  key_file: ${server.key}\n${clients}`)
  const tcp = await httpOf(it).serveTcp('127.0.0.1', 0, { path: web, onTlsToggled: () => {} })
  const { request } = await import('node:https')
  const { readFileSync } = await import('node:fs')
  const fleet = ca.issue('fleet', 'DNS:fleet')
  const files = { ca: readFileSync(ca.ca), cert: readFileSync(fleet.cert), key: readFileSync(fleet.key) }
  const status = await new Promise((resolve, reject) => {
    const options = {
      ...files,
      host: '127.0.0.1',
      port: tcp.port,
      path: RESTART,
      method: 'POST',
      headers: bearer('topsecret'),
    }
    request(options, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
  expect([status, it.commandsRun[0]?.who]).toEqual([200, 'fleet'])
})

test('a command from another host without TLS is refused', async () => {
  const { it } = controlled()
  const { runCommand } = await import('../../../src/http/api/control.ts')
  const request = {
    transport: 'tcp' as const,
    peer: '192.0.2.1',
    trusted: false,
    secure: false,
    who: null,
    headers: bearer('topsecret'),
    params: { unit: 'mosquitto', action: 'stop' },
    query: new URLSearchParams(),
    body: '',
  }
  const reply = await runCommand(it.views.control, request)
  expect('body' in reply && [reply.status, JSON.parse(String(reply.body)).error.code]).toEqual([403, 'tls_required'])
})

test('the status lists the units that this client may control over its transport', async () => {
  const { it } = controlled()
  it.commands = { ...it.commands, refusal: (unit) => (unit.startsWith('mosquitto') ? null : 'no') }
  const { tcp, socket } = await serve(it)
  const controlOf = async (at: HttpListener) => JSON.parse((await ask(at, '/api/v1/status')).body).control
  expect([await controlOf(tcp), await controlOf(socket)]).toEqual([
    { units: ['mosquitto.service'] },
    { units: ['mosquitto.service'] },
  ])
  it.rules = { enabled: true, token_file: null }
  expect([await controlOf(tcp), await controlOf(socket)]).toEqual([null, { units: ['mosquitto.service'] }])
  it.rules = { enabled: false, token_file: null }
  expect([await controlOf(tcp), await controlOf(socket)]).toEqual([null, null])
})
