// web_config_file over real connections: TLS, client certificates and passwords, with curl and with Node.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HttpListener } from '../../../src/http/http.ts'
import { type Certificates, certificates } from '../../rig/certificates.ts'
import { FROM_ZERO, testClock } from '../../rig/clock.ts'
import * as files from '../../rig/gatewatch.ts'
import { describeUnless, missingPrograms } from '../../rig/unavailable.ts'
import { ask, crash, type FakeGateway, frozenClock, gateway, httpOf, temporaryDirectory } from '../fake-gateway.ts'

const SECRET = hashSync('secret', 4)
const OTHER = hashSync('other', 4)

async function serveWith(text: string, it: FakeGateway = gateway(), directory = temporaryDirectory()) {
  const path = join(directory, 'web.yml')
  const write = (content: string) => writeFileSync(path, content)
  write(text)
  const clock = testClock({ ...FROM_ZERO, realTimers: true })
  const http = httpOf(it, clock)
  let toggled = 0
  const noteToggled = () => {
    toggled += 1
  }
  const tcp = await http.serveTcp('127.0.0.1', 0, { path, onTlsToggled: noteToggled })
  return { tcp, write, it, toggled: () => toggled, path, refresh: () => clock.advance(1_000) }
}

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})
const status = async (tcp: HttpListener, headers: Record<string, string> = {}, path = '/metrics') =>
  (await ask(tcp, path, { headers })).status

test('without a password or with a wrong one every path is refused; the right one works repeatedly', async () => {
  const { tcp } = await serveWith(`basic_auth_users:\n  prom: ${SECRET}\n`)
  for (const path of ['/metrics', '/', '/-/healthy', '/api/v1/units', '/nothing', '/api/v1/stream', '/federate']) {
    const got = await ask(tcp, path)
    expect([path, got.status, JSON.parse(got.body).error.code]).toEqual([path, 401, 'unauthorized'])
    expect(got.headers['www-authenticate']).toMatch(/^Basic realm=/)
  }
  for (const [user, password] of [
    ['prom', 'Secret'],
    ['unknown', 'secret'],
    ['unknown', 'fakepassword'], // the password of the hash that is compared for unknown users
    ['prom', ''],
    ['', ''],
  ] as const)
    expect(await status(tcp, basic(user, password))).toBe(401)
  expect(await status(tcp, { authorization: `Basic ${Buffer.from('prom').toString('base64')}` })).toBe(401)
  expect(await status(tcp, { authorization: 'Bearer secret' })).toBe(401)
  for (let i = 0; i < 3; i += 1) expect(await status(tcp, basic('prom', 'secret'))).toBe(200)
})

test('each check of a password runs with the optimising compiler, and a known password is not checked', async () => {
  const path = join(temporaryDirectory(), 'web.yml')
  writeFileSync(path, `basic_auth_users: {prom: ${SECRET}}`)
  let runs = 0
  const http = httpOf(gateway(), frozenClock, {
    async optimized(work) {
      runs += 1
      return work()
    },
  })
  const tcp = await http.serveTcp('127.0.0.1', 0, { path, onTlsToggled: () => {} })
  for (let i = 0; i < 3; i += 1) expect(await status(tcp, basic('prom', 'secret'))).toBe(200)
  expect(runs).toBe(1)
  expect(await status(tcp, basic('prom', 'other'))).toBe(401)
  expect(runs).toBe(2)
})

test('the configured headers are on every response, errors included', async () => {
  const { tcp } = await serveWith(
    `basic_auth_users: {prom: ${SECRET}}\nhttp_server_config: {headers: {X-Frame-Options: deny}}`,
  )
  expect((await ask(tcp, '/metrics')).headers['x-frame-options']).toBe('deny')
  expect((await ask(tcp, '/x', { headers: basic('prom', 'secret') })).headers['x-frame-options']).toBe('deny')
})

test('journal lines are sent over TCP only to authenticated clients', async () => {
  const it = () => gateway([crash(1, 'mosquitto.service', { log: ['out of memory'] })])
  const events = async (tcp: HttpListener, headers = {}) => (await ask(tcp, '/api/v1/events', { headers })).body
  expect(await events((await serveWith('{}', it())).tcp)).not.toContain('out of memory')
  const { tcp } = await serveWith(`basic_auth_users: {prom: ${SECRET}}`, it())
  expect(await events(tcp, basic('prom', 'secret'))).toContain('out of memory')
})

test('requests above rate_limit are refused, and accepted again later', async () => {
  const { tcp, refresh } = await serveWith('rate_limit: {interval: 500ms, burst: 2}')
  expect([await status(tcp), await status(tcp), await status(tcp)]).toEqual([200, 200, 429])
  refresh()
  expect([await status(tcp), await status(tcp), await status(tcp)]).toEqual([200, 200, 429])
})

test('a changed file applies; an invalid one is reported and the previous one stays in effect', async () => {
  const { tcp, write, refresh, it, toggled } = await serveWith(`basic_auth_users: {prom: ${SECRET}}`)
  write(`basic_auth_users: {prom: ${OTHER}}`)
  refresh()
  expect(await status(tcp, basic('prom', 'secret'))).toBe(401)
  expect(await status(tcp, basic('prom', 'other'))).toBe(200)
  write('basic_auth_user: {}')
  refresh()
  expect(await status(tcp, basic('prom', 'other'))).toBe(200)
  expect(await status(tcp)).toBe(401)
  expect(tcp.problem()).toMatch(/web.yml:1:1: unknown field "basic_auth_user"/)
  write('{}')
  refresh()
  expect(await status(tcp)).toBe(200)
  expect(tcp.problem()).toBeNull()
  expect(it.logged.map((line) => line.replace(/\/\S+\//, ''))).toEqual([
    'info http: web.yml reloaded',
    expect.stringContaining(
      'error http: web_config_file not reloaded, keeping the previous one: web.yml:1:1: unknown field',
    ),
    'info http: web.yml reloaded',
  ])
  expect(toggled()).toBe(0)
})

test('if the file cannot be used, nothing is served', async () => {
  await expect(serveWith('basic_auth_users: {prom: secret}')).rejects.toThrow(/web.yml:1:19: the password of "prom"/)
  const http = httpOf(gateway())
  const missing = { path: '/no/such/web.yml', onTlsToggled: () => {} }
  await expect(http.serveTcp('127.0.0.1', 0, missing)).rejects.toThrow('/no/such/web.yml')
})

describeUnless(missingPrograms('openssl', 'curl'), 'TLS', () => {
  let made: { readonly at: string; readonly ca: Certificates; readonly server: { cert: string; key: string } }
  beforeAll(() => {
    // Shared by all tests of this file: generating keys takes long.
    const at = files.temporaryDirectory()
    const ca = certificates(at)
    made = { at, ca, server: ca.issue('server', 'IP:127.0.0.1') }
  })

  afterAll(() => files.removeDirectory(made.at))

  const tls = (more = '', { cert, key } = made.server) =>
    `tls_server_config:\n  cert_file: ${cert}\n  key_file: ${key}\n${more}`
  const curl = (tcp: HttpListener, ...args: string[]) =>
    new Promise<string>((resolve) => {
      const url = `https://127.0.0.1:${tcp.port}/metrics`
      const wanted = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', made.ca.ca, ...args, url]
      execFile('curl', wanted, (_error, stdout, stderr) =>
        resolve(stderr === '' ? stdout : (stderr.split('\n')[0] ?? '')),
      )
    })
  const certificateOf = (tcp: HttpListener) =>
    new Promise<DetailedPeerCertificate>((resolve, reject) => {
      const socket = connect({ port: tcp.port ?? 0, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate(true))
        socket.destroy()
      })
      socket.on('error', reject)
    })

  test('is required, from version 1.2 on', async () => {
    const { tcp } = await serveWith(tls())
    expect(tcp.scheme).toBe('https')
    expect(await curl(tcp)).toBe('200')
    expect(await curl(tcp, '--tls-max', '1.1')).toMatch(/curl: \(35\)/)
    await expect(ask(tcp, '/metrics')).rejects.toThrow(/hang up|ECONNRESET/)
    expect(await curl(tcp)).toBe('200')
  })

  test('works together with a password', async () => {
    const { tcp } = await serveWith(`${tls()}basic_auth_users: {prom: ${SECRET}}\n`)
    expect(await curl(tcp)).toBe('401')
    expect(await curl(tcp, '-u', 'prom:secret')).toBe('200')
  })

  test('requires a client certificate with the right name', async () => {
    const fleet = made.ca.issue('fleet', 'DNS:fleet.example,DNS:other.example')
    const other = made.ca.issue('other', 'DNS:other.example')
    const by = ({ cert, key }: { cert: string; key: string }) => ['--cert', cert, '--key', key]
    const rules = `  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ${made.ca.ca}\n`
    const { tcp } = await serveWith(tls(`${rules}  client_allowed_sans: [fleet.example]\n`))
    expect(await curl(tcp, ...by(fleet))).toBe('200')
    expect(await curl(tcp, ...by(other))).toMatch(/^curl: /)
    expect(await curl(tcp)).toMatch(/^curl: /)
    const any = await serveWith(tls('  client_auth_type: RequireAnyClientCert\n'))
    expect(await curl(any.tcp, ...by(other))).toBe('200')
    expect(await curl(any.tcp)).toMatch(/^curl: /)
    const given = await serveWith(tls(`  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ${made.ca.ca}\n`))
    expect(await curl(given.tcp)).toBe('200')
    expect(await curl(given.tcp, ...by(other))).toBe('200')
    const foreign = certificates(temporaryDirectory()).issue('foreign', 'DNS:fleet.example')
    for (const { tcp: at } of [{ tcp }, given]) expect(await curl(at, ...by(foreign))).toMatch(/^curl: /)
  })

  test('reloads its certificate and its client rules without a restart', async () => {
    const { tcp, write, refresh } = await serveWith(tls())
    const before = (await certificateOf(tcp)).serialNumber
    const next = made.ca.issue('next', 'IP:127.0.0.1')
    write(tls('', next))
    expect((await certificateOf(tcp)).serialNumber).toBe(before)
    refresh()
    const after = await certificateOf(tcp)
    expect([after.subject.CN, after.serialNumber === before]).toEqual(['next', false])
    writeFileSync(next.cert, 'not a certificate')
    refresh()
    expect((await certificateOf(tcp)).serialNumber).toBe(after.serialNumber)
    expect(tcp.problem()).toContain('certificate, key or ciphers cannot be used')
    const client = made.ca.issue('client', 'DNS:client')
    write(tls('  client_auth_type: RequireAnyClientCert\n'))
    refresh()
    expect(await curl(tcp)).toMatch(/^curl: /)
    expect(await curl(tcp, '--cert', client.cert, '--key', client.key)).toBe('200')
    expect(tcp.problem()).toBeNull()
  })

  test('reports when it is switched on or off, which requires a new listener', async () => {
    const { tcp, write, refresh, toggled } = await serveWith('{}')
    write(tls())
    refresh()
    await ask(tcp, '/metrics')
    expect(toggled()).toBe(1)
  })
})
