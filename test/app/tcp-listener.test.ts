// The TCP listener: retries while the port is taken, is moved by a reload, and fails at once in a terminal.
import { expect, test } from 'vitest'
import { createTcpListener, pageUrl, type TcpListener } from '../../src/app/tcp-listener.ts'
import type { Http } from '../../src/http/http.ts'
import { testClock } from '../rig/clock.ts'

function rig() {
  const taken = new Set<number>()
  const logged: string[] = []
  const stopped: number[] = []
  const http = {
    async serveTcp(_host: string | null, port: number) {
      if (taken.has(port)) throw new Error(`port ${port} is taken`)
      return { address: `127.0.0.1:${port}`, port, problem: () => null, stop: async () => void stopped.push(port) }
    },
  } as unknown as Http
  const clock = testClock()
  const tcp = createTcpListener(http, clock, (level, message) => void logged.push(`${level}: ${message}`))
  const again = async () => {
    if (clock.pending() > 0) expect(clock.dueInMs()).toBe(30_000)
    clock.advance(30_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { tcp, taken, logged, stopped, again, waits: () => clock.pending() > 0 }
}

test('as a service it logs one error, retries every 30 s, and logs one line when it listens', async () => {
  const { tcp, taken, logged, again } = rig()
  taken.add(9100)
  await tcp.listen({ host: null, port: 9100, webConfigFile: null }, false)
  await again()
  expect(tcp.address()).toBeNull()
  expect(tcp.problem()).toBe('port 9100 is taken')
  taken.clear()
  await again()
  expect(tcp.address()).toBe('127.0.0.1:9100')
  expect(tcp.problem()).toBeNull()
  expect(logged).toEqual([
    'error: port 9100 is taken; retrying every 30 s',
    'info: http: now listening on 127.0.0.1:9100',
  ])
})

test('in a terminal it rejects', async () => {
  const { tcp, taken } = rig()
  taken.add(9100)
  await expect(tcp.listen({ host: null, port: 9100, webConfigFile: null }, true)).rejects.toThrow('port 9100 is taken')
})

test('a reload moves it, stops it, and leaves it alone if nothing changed', async () => {
  const { tcp, taken, stopped, waits } = rig()
  await tcp.listen({ host: null, port: 9100, webConfigFile: null }, false)
  await tcp.listen({ host: null, port: 9100, webConfigFile: null }, false)
  expect(stopped).toEqual([])
  await tcp.listen({ host: null, port: 9200, webConfigFile: null }, false)
  expect(tcp.address()).toBe('127.0.0.1:9200')
  await tcp.listen(null, false)
  expect(stopped).toEqual([9100, 9200])
  expect(tcp.address()).toBeNull()
  taken.add(9300)
  await tcp.listen({ host: null, port: 9300, webConfigFile: null }, false)
  tcp.stop()
  expect(waits()).toBe(false)
})

test.each([
  ['0.0.0.0:9100', 'http', [], 'gw-7', 'http://gw-7:9100/'],
  ['[::]:9100', 'https', [], 'gw-7', 'https://gw-7:9100/'],
  ['[::]:9100', 'http', ['gateway.example', 'other'], 'gw-7', 'http://gateway.example:9100/'],
  ['[::]:9100', 'http', ['2001:db8::7'], 'gw-7', 'http://[2001:db8::7]:9100/'],
  ['192.168.1.5:9200', 'http', ['gateway.example'], 'gw-7', 'http://192.168.1.5:9200/'],
  ['[2001:db8::5]:9200', 'http', [], 'gw-7', 'http://[2001:db8::5]:9200/'],
  ['[fe80::5%eth0]:9200', 'http', [], 'gw-7', null],
  ['127.0.0.1:9100', 'http', ['gateway.example'], 'gw-7', null],
  ['[::1]:9100', 'http', [], 'gw-7', null],
  ['0.0.0.0:9100', 'http', [], 'localhost', null],
  [null, 'http', [], 'gw-7', null],
] as const)(
  'for other hosts, the dashboard at %s (%s, names %j, host %s) is at %s',
  (address, scheme, names, host, url) => {
    const tcp = { address: () => address, scheme: () => scheme } as TcpListener
    expect(pageUrl(tcp, names, host)).toBe(url)
  },
)
