// The TCP listener: tried again while the port is taken, moved by a reload, insisting in a terminal.
import { expect, test } from 'vitest'
import { listening } from '../../src/app/tcp-listener.ts'
import type { Http } from '../../src/http/http.ts'

function rig() {
  const taken = new Set<number>()
  const logged: string[] = []
  const stopped: number[] = []
  let retry: (() => void) | null = null
  const http = {
    async serveTcp(_host: string | null, port: number) {
      if (taken.has(port)) throw new Error(`port ${port} is taken`)
      return { address: `127.0.0.1:${port}`, port, problem: () => null, stop: async () => void stopped.push(port) }
    },
  } as unknown as Http
  const clock = {
    now: () => ({ monoMs: 0, wallMs: 0 }),
    after(ms: number, call: () => void) {
      expect(ms).toBe(30_000)
      retry = call
      return () => {
        retry = null
      }
    },
  }
  const tcp = listening(http, clock, (level, message) => void logged.push(`${level}: ${message}`))
  const again = async () => {
    const call = retry
    retry = null
    call?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { tcp, taken, logged, stopped, again, waits: () => retry !== null }
}

test('as a service: one error, then every 30 s, and one line when it works after all', async () => {
  const { tcp, taken, logged, again } = rig()
  taken.add(9100)
  await tcp.on({ host: null, port: 9100, web: null }, false)
  await again()
  expect(tcp.address()).toBeNull()
  expect(tcp.problem()).toBe('port 9100 is taken')
  taken.clear()
  await again()
  expect(tcp.address()).toBe('127.0.0.1:9100')
  expect(tcp.problem()).toBeNull()
  expect(logged).toEqual([
    'error: port 9100 is taken; trying again every 30 s',
    'info: http: listening on 127.0.0.1:9100 after all',
  ])
})

test('in a terminal it rejects', async () => {
  const { tcp, taken } = rig()
  taken.add(9100)
  await expect(tcp.on({ host: null, port: 9100, web: null }, true)).rejects.toThrow('port 9100 is taken')
})

test('a reload moves it, ends it, and leaves it alone where nothing changed', async () => {
  const { tcp, taken, stopped, waits } = rig()
  await tcp.on({ host: null, port: 9100, web: null }, false)
  await tcp.on({ host: null, port: 9100, web: null }, false)
  expect(stopped).toEqual([])
  await tcp.on({ host: null, port: 9200, web: null }, false)
  expect(tcp.address()).toBe('127.0.0.1:9200')
  await tcp.on(null, false)
  expect(stopped).toEqual([9100, 9200])
  expect(tcp.address()).toBeNull()
  taken.add(9300)
  await tcp.on({ host: null, port: 9300, web: null }, false)
  tcp.stop()
  expect(waits()).toBe(false)
})
