// What only trusted clients get: over the local socket, or over TCP with a password, a client certificate or the token.
import { writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { expect, test } from 'vitest'
import type { Event } from '../../../src/core/event.ts'
import { redactedFor } from '../../../src/http/api/event-query.ts'
import type { HttpListener } from '../../../src/http/http.ts'
import { certificates } from '../../rig/certificates.ts'
import { describeUnless, missingPrograms } from '../../rig/unavailable.ts'
import { ask, crash, gateway, httpOf, lost, serve, temporaryDirectory } from '../fake-gateway.ts'

const ALL_UNITS = '/api/v1/stream?units=all'
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`prom:${password}`).toString('base64')}` })

/** Code and, of an error, its name. HEAD, because a stream does not end. */
async function outcome(at: HttpListener, headers: Record<string, string> = {}, path = ALL_UNITS) {
  const { status } = await ask(at, path, { method: 'HEAD', headers })
  return status === 200 ? [200] : [status, JSON.parse((await ask(at, path, { headers })).body).error.code]
}

function withToken() {
  const it = gateway([crash(1, 'mosquitto.service', { log: ['a journal line'] })])
  const token_file = join(temporaryDirectory(), 'token')
  writeFileSync(token_file, 'topsecret\n')
  it.rules = { enabled: true, token_file }
  return it
}

function serveWith(webConfig: string, it = gateway()) {
  const path = join(temporaryDirectory(), 'web.yml')
  writeFileSync(path, webConfig)
  return httpOf(it).serveTcp('127.0.0.1', 0, { path, onTlsToggled: () => {} })
}

test('without any authentication they are refused over TCP, and served over the local socket', async () => {
  const { tcp, socket } = await serve(gateway())
  expect(await outcome(tcp)).toEqual([403, 'no_authentication'])
  expect(await outcome(tcp, bearer('topsecret'))).toEqual([403, 'no_authentication'])
  expect(await outcome(tcp, {}, '/api/v1/ws?units=all')).toEqual([403, 'no_authentication'])
  expect(await outcome(socket)).toEqual([200])
  expect(await outcome(tcp, {}, '/api/v1/stream?units=mosquitto')).toEqual([400, 'bad_units'])
})

test('a foreign host is refused before, whatever it sends', async () => {
  const { tcp } = await serve(withToken())
  expect(await outcome(tcp, { ...bearer('topsecret'), host: 'evil.example' })).toEqual([403, 'unknown_host'])
})

test('the token of control is authentication, and also gives the journal lines of events', async () => {
  const it = withToken()
  const { tcp } = await serve(it)
  expect(await outcome(tcp)).toEqual([401, 'unauthorized'])
  expect(await outcome(tcp, bearer('topsecre'))).toEqual([401, 'unauthorized'])
  expect((await ask(tcp, ALL_UNITS)).headers['www-authenticate']).toBe('Bearer realm="gatewatch"')
  expect(await outcome(tcp, bearer('topsecret'))).toEqual([200])
  const events = async (token: string) => (await ask(tcp, '/api/v1/events', { headers: bearer(token) })).body
  expect(await events('topsecret')).toContain('a journal line')
  expect(await events('topsecre')).not.toContain('a journal line')
  it.rules.enabled = false
  expect(await outcome(tcp, bearer('topsecret'))).toEqual([403, 'no_authentication'])
})

test('a password is authentication', async () => {
  const tcp = await serveWith(`basic_auth_users: {prom: ${hashSync('secret', 4)}}`)
  expect(await outcome(tcp)).toEqual([401, 'unauthorized'])
  expect(await outcome(tcp, basic('wrong'))).toEqual([401, 'unauthorized'])
  expect(await outcome(tcp, basic('secret'))).toEqual([200])
})

test('a web_config_file that requires nothing is not', async () => {
  expect(await outcome(await serveWith('rate_limit: {interval: 1ms, burst: 100}'))).toEqual([403, 'no_authentication'])
})

describeUnless(missingPrograms('openssl'), 'client certificates', () => {
  test('are authentication if they are verified; TLS alone is not', async () => {
    const directory = temporaryDirectory()
    const ca = certificates(directory)
    const [server, client] = [ca.issue('server', 'IP:127.0.0.1'), ca.issue('client', 'DNS:client')]
    const tls = (clients: string) =>
      `tls_server_config:\n  cert_file: ${server.cert}\n  key_file: ${server.key}\n${clients}`
    const rule = (type: string) => `  client_auth_type: ${type}\n  client_ca_file: ${ca.ca}\n`
    const given = await serveWith(tls(rule('VerifyClientCertIfGiven')))
    expect(await overTls(given, ca.ca, client)).toEqual(200)
    expect(await overTls(given, ca.ca)).toEqual(401)
    expect(await overTls(await serveWith(tls(rule('RequireAndVerifyClientCert'))), ca.ca, client)).toEqual(200)
    expect(await overTls(await serveWith(tls(rule('RequireAnyClientCert'))), ca.ca, client)).toEqual(403)
    expect(await overTls(await serveWith(tls('')), ca.ca)).toEqual(403)
  })
})

/** The status of a request on a new connection, and of a second one that resumes its session: they must be the same. */
async function overTls(at: HttpListener, ca: string, client?: { cert: string; key: string }) {
  const { readFileSync } = await import('node:fs')
  const files = client && { cert: readFileSync(client.cert), key: readFileSync(client.key) }
  const status = (session?: Buffer) =>
    new Promise<{ code: number; session: Buffer | undefined; resumed: boolean }>((resolve, reject) => {
      const options = { ...files, ca: readFileSync(ca), host: '127.0.0.1', port: at.port, path: ALL_UNITS, session }
      const request = httpsRequest({ ...options, method: 'HEAD', agent: false } as never, (response) => {
        const socket = response.socket as import('node:tls').TLSSocket
        resolve({ code: response.statusCode ?? 0, session: tickets.at(-1), resumed: socket.isSessionReused() })
      })
      const tickets: Buffer[] = []
      request.on('socket', (socket) => socket.on('session', (ticket: Buffer) => tickets.push(ticket)))
      request.on('error', reject).end()
    })
  const first = await status()
  const second = await status(first.session)
  expect([second.resumed, second.code]).toEqual([true, first.code])
  return first.code
}

const OTHER = {
  because: { unit: 'db.service', relation: 'BindsTo' },
  after: { unit: 'a.service', event: 'crash', ms: 3 },
}
const evidence = { ranMs: 5, statusText: 'token is hunter2', signature: 'aabbccddeeff' }
const { kind: _kind, ...common } = crash(1)

test.each([
  { ...common, ...OTHER, kind: 'crash', log: ['hunter2'], evidence },
  { ...common, ...OTHER, kind: 'stop', result: 'success' },
  { ...lost(1), ...OTHER },
  { ...common, kind: 'evidence', of: 1, evidence, because: OTHER.because },
] as Event[])('an untrusted client sees of an event of the kind $kind what it saw before evidence existed', (event) => {
  expect(redactedFor(true, event)).toBe(event)
  const {
    log: _log,
    because: _because,
    after: _after,
    evidence: _evidence,
    ...former
  } = event as never as Record<string, unknown>
  const empty = event.kind === 'evidence' ? { evidence: {} } : {}
  expect(redactedFor(false, event)).toEqual({ ...former, ...empty })
})
