// TLS, client certificates and passwords over real connections, by curl as well as by Node.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBasicAuth } from '../../src/http/access/basic-auth.ts'
import type { HttpListener } from '../../src/http/http.ts'
import { type Certificates, certificates } from '../rig/certificates.ts'
import * as files from '../rig/gatewatch.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { ask, crash, type FakeGateway, gateway, httpOf, realClock, temporaryDirectory, until } from './fake-gateway.ts'

const SECRET = hashSync('secret', 4)
const OTHER = hashSync('other', 4)

/** A clock of real timers, whose time goes on when the test says so. */
function movingClock() {
  let monoMs = 0
  return {
    ...realClock,
    now: () => ({ monoMs, wallMs: 0 }),
    pass: (ms: number) => {
      monoMs += ms
    },
  }
}

async function serveBy(text: string, it: FakeGateway = gateway(), directory = temporaryDirectory()) {
  const path = join(directory, 'web.yml')
  const write = (now: string) => writeFileSync(path, now)
  write(text)
  const clock = movingClock()
  const http = httpOf(it, clock)
  let stale = 0
  const noteToggled = () => {
    stale += 1
  }
  const tcp = await http.serveTcp('127.0.0.1', 0, { path, onTlsToggled: noteToggled })
  return { tcp, write, it, stale: () => stale, path, look: () => clock.pass(1_000) }
}

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})
const status = async (tcp: HttpListener, headers: Record<string, string> = {}, path = '/metrics') =>
  (await ask(tcp, path, { headers })).status

test('whoever has no password, or a wrong one, gets nothing at all; what is right is right again and again', async () => {
  const { tcp } = await serveBy(`basic_auth_users:\n  prom: ${SECRET}\n`)
  for (const path of ['/metrics', '/', '/-/healthy', '/api/v1/units', '/nothing', '/api/v1/stream', '/federate']) {
    const got = await ask(tcp, path)
    expect([path, got.status, JSON.parse(got.body).error.code]).toEqual([path, 401, 'unauthorized'])
    expect(got.headers['www-authenticate']).toMatch(/^Basic realm=/)
  }
  for (const [user, password] of [
    ['prom', 'Secret'],
    ['nobody', 'secret'],
    ['nobody', 'fakepassword'], // whose hash stands in for that of an unknown user
    ['prom', ''],
    ['', ''],
  ] as const)
    expect(await status(tcp, basic(user, password))).toBe(401)
  expect(await status(tcp, { authorization: `Basic ${Buffer.from('prom').toString('base64')}` })).toBe(401)
  expect(await status(tcp, { authorization: 'Bearer secret' })).toBe(401)
  for (let i = 0; i < 3; i += 1) expect(await status(tcp, basic('prom', 'secret'))).toBe(200)
})

test('headers are on every answer, refusals included', async () => {
  const { tcp } = await serveBy(
    `basic_auth_users: {prom: ${SECRET}}\nhttp_server_config: {headers: {X-Frame-Options: deny}}`,
  )
  expect((await ask(tcp, '/metrics')).headers['x-frame-options']).toBe('deny')
  expect((await ask(tcp, '/x', { headers: basic('prom', 'secret') })).headers['x-frame-options']).toBe('deny')
})

test('lines of the journal are told by TCP to those alone who have shown who they are', async () => {
  const it = () => gateway([crash(1, 'mosquitto.service', { log: ['out of memory'] })])
  const events = async (tcp: HttpListener, headers = {}) => (await ask(tcp, '/api/v1/events', { headers })).body
  expect(await events((await serveBy('', it())).tcp)).not.toContain('out of memory')
  const { tcp } = await serveBy(`basic_auth_users: {prom: ${SECRET}}`, it())
  expect(await events(tcp, basic('prom', 'secret'))).toContain('out of memory')
})

test('wrong passwords are checked one by one, the rest is sent away, and who is known comes in meanwhile', async () => {
  const checks: (() => void)[] = []
  const passwords = createBasicAuth((password) => {
    if (password === 'secret') return Promise.resolve(true)
    return new Promise((resolve) => checks.push(() => resolve(false)))
  })
  const users = new Map([['prom', SECRET]])
  const asks = async (password: string) =>
    (await passwords.refusal(basic('prom', password).authorization, users))?.status ?? 200
  expect(await asks('secret')).toBe(200)
  const flood = Array.from({ length: 40 }, (_, i) => asks(`wrong ${i}`))
  expect(await asks('secret')).toBe(200)
  for (let checked = 0; checked < 16; checked += 1) {
    await until(() => checks.length > 0, 'a check')
    expect(checks.length).toBe(1)
    checks.pop()?.()
  }
  expect(await Promise.all(flood)).toEqual([...Array(16).fill(401), ...Array(24).fill(503)])
  expect(await asks('wrong 3')).toBe(401)
})

test('more requests than rate_limit allows are refused, and allowed again later', async () => {
  const { tcp, look } = await serveBy('rate_limit: {interval: 500ms, burst: 2}')
  expect([await status(tcp), await status(tcp), await status(tcp)]).toEqual([200, 200, 429])
  look()
  expect([await status(tcp), await status(tcp), await status(tcp)]).toEqual([200, 200, 429])
})

test('a changed file is taken over; a broken one leaves the old one in force, and says so', async () => {
  const { tcp, write, look, it, stale } = await serveBy(`basic_auth_users: {prom: ${SECRET}}`)
  write(`basic_auth_users: {prom: ${OTHER}}`)
  look()
  expect(await status(tcp, basic('prom', 'secret'))).toBe(401)
  expect(await status(tcp, basic('prom', 'other'))).toBe(200)
  write('basic_auth_user: {}')
  look()
  expect(await status(tcp, basic('prom', 'other'))).toBe(200)
  expect(await status(tcp)).toBe(401)
  expect(tcp.problem()).toMatch(/web.yml:1:1: unknown field "basic_auth_user"/)
  write('')
  look()
  expect(await status(tcp)).toBe(200)
  expect(tcp.problem()).toBeNull()
  expect(it.logged.map((line) => line.replace(/\/\S+\//, ''))).toEqual([
    'info http: web.yml reloaded',
    expect.stringContaining(
      'error http: web_config_file not reloaded, keeping the previous one: web.yml:1:1: unknown field',
    ),
    'info http: web.yml reloaded',
  ])
  expect(stale()).toBe(0)
})

test('a file that cannot be used is not served without', async () => {
  await expect(serveBy('basic_auth_users: {prom: secret}')).rejects.toThrow(/web.yml:1:19: the password of "prom"/)
  const http = httpOf(gateway())
  const nowhere = { path: '/no/such/web.yml', onTlsToggled: () => {} }
  await expect(http.serveTcp('127.0.0.1', 0, nowhere)).rejects.toThrow('/no/such/web.yml')
})

describeUnless(missingPrograms('openssl', 'curl'), 'TLS', () => {
  let made: { readonly at: string; readonly ca: Certificates; readonly server: { cert: string; key: string } }
  beforeAll(() => {
    // Kept for all tests of this file: keys take their time.
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
  const shownBy = (tcp: HttpListener) =>
    new Promise<DetailedPeerCertificate>((resolve, reject) => {
      const socket = connect({ port: tcp.port ?? 0, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate(true))
        socket.destroy()
      })
      socket.on('error', reject)
    })

  test('is what is spoken, from 1.2 on, and nothing else', async () => {
    const { tcp } = await serveBy(tls())
    expect(tcp.scheme).toBe('https')
    expect(await curl(tcp)).toBe('200')
    expect(await curl(tcp, '--tls-max', '1.1')).toMatch(/curl: \(35\)/)
    await expect(ask(tcp, '/metrics')).rejects.toThrow(/hang up|ECONNRESET/)
    expect(await curl(tcp)).toBe('200')
  })

  test('goes with a password', async () => {
    const { tcp } = await serveBy(`${tls()}basic_auth_users: {prom: ${SECRET}}\n`)
    expect(await curl(tcp)).toBe('401')
    expect(await curl(tcp, '-u', 'prom:secret')).toBe('200')
  })

  test('asks for a certificate of the client, and for the right name on it', async () => {
    const fleet = made.ca.issue('fleet', 'DNS:fleet.example,DNS:other.example')
    const other = made.ca.issue('other', 'DNS:other.example')
    const by = ({ cert, key }: { cert: string; key: string }) => ['--cert', cert, '--key', key]
    const rules = `  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ${made.ca.ca}\n`
    const { tcp } = await serveBy(tls(`${rules}  client_allowed_sans: [fleet.example]\n`))
    expect(await curl(tcp, ...by(fleet))).toBe('200')
    expect(await curl(tcp, ...by(other))).toMatch(/^curl: /)
    expect(await curl(tcp)).toMatch(/^curl: /)
    const any = await serveBy(tls('  client_auth_type: RequireAnyClientCert\n'))
    expect(await curl(any.tcp, ...by(other))).toBe('200')
    expect(await curl(any.tcp)).toMatch(/^curl: /)
    const given = await serveBy(tls(`  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ${made.ca.ca}\n`))
    expect(await curl(given.tcp)).toBe('200')
    expect(await curl(given.tcp, ...by(other))).toBe('200')
    const foreign = certificates(temporaryDirectory()).issue('foreign', 'DNS:fleet.example')
    for (const { tcp: at } of [{ tcp }, given]) expect(await curl(at, ...by(foreign))).toMatch(/^curl: /)
  })

  test('rotates its certificate, and its rules for clients, without a new start', async () => {
    const { tcp, write, look } = await serveBy(tls())
    const before = (await shownBy(tcp)).serialNumber
    const next = made.ca.issue('next', 'IP:127.0.0.1')
    write(tls('', next))
    expect((await shownBy(tcp)).serialNumber).toBe(before)
    look()
    const after = await shownBy(tcp)
    expect([after.subject.CN, after.serialNumber === before]).toEqual(['next', false])
    writeFileSync(next.cert, 'no certificate')
    look()
    expect((await shownBy(tcp)).serialNumber).toBe(after.serialNumber)
    expect(tcp.problem()).toContain('certificate, key or ciphers cannot be used')
    const client = made.ca.issue('client', 'DNS:client')
    write(tls('  client_auth_type: RequireAnyClientCert\n'))
    look()
    expect(await curl(tcp)).toMatch(/^curl: /)
    expect(await curl(tcp, '--cert', client.cert, '--key', client.key)).toBe('200')
    expect(tcp.problem()).toBeNull()
  })

  test('that is switched on or off needs a new listener, and says so', async () => {
    const { tcp, write, look, stale } = await serveBy('')
    write(tls())
    look()
    await ask(tcp, '/metrics')
    expect(stale()).toBe(1)
  })
})
