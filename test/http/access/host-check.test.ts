// The Host and Origin check: names of the gateway and configured names are accepted, foreign ones are refused.
import { expect, test } from 'vitest'
import { ask, gateway, raw, serve } from '../fake-gateway.ts'

test.each([
  ['evil.example', 403],
  ['gw-7.evil.example', 403],
  ['127.0.0.1:9100', 200],
  ['[::1]:9100', 200],
  ['192.168.4.20', 200],
  ['localhost:9100', 200],
  ['GW-7:9100', 200],
  ['gw-7.local', 200],
  ['gateway.fleet.example', 200],
])('the API responds to Host %j with %i', async (host, status) => {
  const { tcp } = await serve(gateway(), undefined, { allowedHosts: () => ['gateway.fleet.example'] })
  expect((await ask(tcp, '/api/v1/units', { headers: { host } })).status).toBe(status)
})

test('a reload of http.allowed_hosts applies to the next request, for Host and for Origin', async () => {
  let allowed: readonly string[] = []
  const { tcp } = await serve(gateway(), undefined, { allowedHosts: () => allowed })
  const host = 'Gateway.fleet.example'
  const byName = async () => (await ask(tcp, '/api/v1/units', { headers: { host } })).status
  const byPage = async () =>
    (await ask(tcp, '/api/v1/units', { headers: { host: '127.0.0.1', origin: `https://${host}` } })).status
  expect([await byName(), await byPage()]).toEqual([403, 403])
  allowed = [host]
  expect([await byName(), await byPage()]).toEqual([200, 200])
  allowed = ['other.example']
  expect([await byName(), await byPage()]).toEqual([403, 403])
})

test('a hostname that is set while the agent runs applies to the next request', async () => {
  let hostname = 'localhost'
  const { tcp } = await serve(gateway(), undefined, { hostname: () => hostname })
  const statusOf = async (host: string) => (await ask(tcp, '/api/v1/units', { headers: { host } })).status
  expect(await statusOf('gw-8.local')).toBe(403)
  hostname = 'GW-8.fleet.example'
  expect([await statusOf('gw-8.local'), await statusOf('gw-8.fleet.example')]).toEqual([200, 200])
})

test('an empty Host is refused', async () => {
  const { tcp } = await serve(gateway())
  const text = await raw(tcp, 'GET /api/v1/units HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n')
  const [head = '', body = ''] = text.split('\r\n\r\n')
  expect([Number(head.split(' ')[1]), JSON.parse(body).error.code]).toEqual([403, 'unknown_host'])
})

test('metrics and health are served under any host name', async () => {
  const { tcp, socket } = await serve(gateway())
  for (const path of ['/metrics', '/-/healthy', '/-/ready']) {
    expect((await ask(tcp, path, { headers: { host: 'gw-7.fleet.example' } })).status).toBe(200)
  }
  expect((await ask(socket, '/api/v1/units', { headers: { host: 'anything' } })).status).toBe(200)
})

test('a page of another origin can neither read nor stream', async () => {
  const { tcp } = await serve(gateway(), undefined, { allowedHosts: () => ['Gateway.fleet.example'] })
  const host = '127.0.0.1:9100'
  const from = async (origin: string, path: string) =>
    (await ask(tcp, path, { method: 'HEAD', headers: { host, origin } })).status
  expect(await from('http://evil.example', '/api/v1/stream')).toBe(403)
  expect(await from('null', '/api/v1/units')).toBe(403)
  expect(await from('http://127.0.0.1:8080', '/api/v1/units')).toBe(403)
  expect(await from('http://gw-7', '/api/v1/units')).toBe(403)
  expect(await from('http://127.0.0.1:9100', '/api/v1/units')).toBe(200)
  expect(await from('https://gateway.fleet.example', '/api/v1/units')).toBe(200)
})
