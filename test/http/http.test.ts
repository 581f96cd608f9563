// Listening and stopping: ports in use, stale sockets, closed connections.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { listenError } from '../../src/http/listen-error.ts'
import { ask, gateway, httpOf, serve, temporaryDirectory } from './fake-gateway.ts'

test('a port in use is reported; the socket still works, and the port does once it is free', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const port = (other.address() as { port: number }).port
  const http = httpOf(gateway())
  await expect(http.serveTcp('127.0.0.1', port)).rejects.toThrow(`port ${port} on 127.0.0.1 is already in use`)
  const socket = await http.serveSocket(join(temporaryDirectory(), 's'))
  expect((await ask(socket, '/-/healthy')).status).toBe(200)
  await new Promise((resolve) => other.close(resolve))
  expect((await http.serveTcp('127.0.0.1', port)).port).toBe(port)
})

test('the error names the program that usually uses the port', () => {
  const taken = Object.assign(new Error('listen'), { code: 'EADDRINUSE' })
  expect(listenError(taken, null, 9100).message).toBe(
    'port 9100 is already in use (usually by node_exporter); choose another port with prometheus_port or --prometheus-port',
  )
})

test('an address that is not of this host is reported', async () => {
  await expect(httpOf(gateway()).serveTcp('192.0.2.1', 0)).rejects.toThrow('192.0.2.1 is not an address of this host')
})

test('all addresses includes IPv4', async () => {
  const tcp = await httpOf(gateway()).serveTcp(null, 0)
  expect((await ask(tcp, '/-/healthy')).status).toBe(200)
  expect(tcp.address).toMatch(/^(\[::\]|0\.0\.0\.0):\d+$/)
})

test('the socket is for owner and group, its directory is created, and stop removes it', async () => {
  const path = join(temporaryDirectory(), 'run', 'gatewatch', 'gatewatch.sock')
  const socket = await httpOf(gateway()).serveSocket(path)
  expect((statSync(path).mode & 0o777).toString(8)).toBe('660')
  await socket.stop()
  expect(existsSync(path)).toBe(false)
  await socket.stop()
})

test('a stale socket is replaced', async () => {
  const path = join(temporaryDirectory(), 'gatewatch.sock')
  const leaveStale = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))"
  expect(() => execFileSync(process.execPath, ['-e', leaveStale, path], { stdio: 'ignore' })).toThrow()
  expect(existsSync(path)).toBe(true)
  const socket = await httpOf(gateway()).serveSocket(path)
  expect((await ask(socket, '/-/healthy')).status).toBe(200)
})

test('a socket on which another process listens is left alone', async () => {
  const { socket } = await serve(gateway())
  await expect(httpOf(gateway()).serveSocket(socket.address)).rejects.toThrow('another gatewatch is listening on')
  expect((await ask(socket, '/-/healthy')).status).toBe(200)
})

test('a file that is not a socket is left alone', async () => {
  const path = join(temporaryDirectory(), 'precious')
  writeFileSync(path, 'data')
  await expect(httpOf(gateway()).serveSocket(path)).rejects.toThrow('exists and is not a socket')
  expect(statSync(path).size).toBe(4)
})

test('a path that is too long for the kernel is refused, and the error contains its length', async () => {
  const directory = join(temporaryDirectory(), 'd'.repeat(100))
  mkdirSync(directory)
  await expect(httpOf(gateway()).serveSocket(join(directory, 's'))).rejects.toThrow(
    /socket path is too long \(\d+ bytes/,
  )
})

test('a directory that cannot be created is reported', async () => {
  const file = join(temporaryDirectory(), 'file')
  writeFileSync(file, '')
  await expect(httpOf(gateway()).serveSocket(join(file, 's'))).rejects.toThrow(file)
})

test('stop closes idle connections and streams', async () => {
  const { http, tcp } = await serve(gateway())
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  const stream = await fetch(`http://127.0.0.1:${tcp.port}/api/v1/stream`, { signal: controller.signal })
  await (await fetch(`http://127.0.0.1:${tcp.port}/-/healthy`)).text()
  const startedAt = performance.now()
  await http.stop()
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  expect(await stream.text()).toBe(':\n\n')
})
