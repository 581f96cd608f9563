// The sandbox of the shipped unit, seen from inside a running service; and the drop-in that restricts addresses.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gateway, type Installed, install, noGateway, UNIT_FILE } from '../rig/installed.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const UNIT = 'gatewatch.service'
const SLEEPER = '[Service]\nExecStart=/bin/sleep infinity\n'
const BLOCKED_AFTER_MS = 1500
/** The lines of the drop-in; of the loopback addresses, it then allows only one. */
const ADDRESSES = readFileSync(join(UNIT_FILE, '../drop-ins/addresses.conf'), 'utf8')
  .replace(/^.*\[Service\]\n/s, '')
  .replace('localhost', '127.0.0.1')

describeUnless(noGateway(), 'the sandbox', () => {
  let installed: Installed
  let gateway: Gateway
  let pid: string
  beforeAll(async () => {
    installed = install({ services: ['fragile'], units: { 'fragile.service': SLEEPER }, service: ADDRESSES })
    gateway = await installed.boot()
    const active = async () => (await gateway.systemd.show(UNIT, 'ActiveState'))['ActiveState']
    await until(active, { what: 'the service to be ready', is: (state) => state === 'active', timeoutMs: 60_000 })
    pid = (await gateway.systemd.show(UNIT, 'MainPID'))['MainPID'] ?? ''
  })
  afterAll(async () => {
    await gateway?.systemd.stop()
    installed?.remove()
  })

  /** Runs a command in the file systems of the service. */
  const inside = (...command: string[]) => gateway.systemd.exec('nsenter', '--target', pid, '--mount', '--', ...command)

  test('counts a crash, and reports it to a scrape', async () => {
    await gateway.systemd.kill('fragile.service')
    const scrape = async () => (await fetch(`${await gateway.url()}/metrics`)).text()
    await until(scrape, {
      what: 'the crash',
      is: (text) => text.includes('systemd_service_crashes_total{service="fragile.service"} 1\n'),
      timeoutMs: 30_000,
    })
  })

  test.each(['/var/lib/gatewatch', '/run/gatewatch', '/tmp', '/var/tmp', '/dev/shm'])(
    'a program in %s cannot be executed',
    async (directory) => {
      const program = join(directory, 'program')
      expect((await inside('cp', '/bin/true', program)).code).toBe(0)
      expect(await inside(program)).toMatchObject({ code: 126, stderr: expect.stringContaining('Permission denied') })
    },
  )

  test('has its own System V and POSIX message queues', async () => {
    const [own, others] = await Promise.all(
      [pid, '1'].map((id) => gateway.systemd.exec('readlink', `/proc/${id}/ns/ipc`)),
    )
    expect(own?.stdout).toMatch(/^ipc:/)
    expect(own?.stdout).not.toBe(others?.stdout)
  })

  test('allows no system calls for keys, locked memory, and asynchronous input and output', async () => {
    const { SystemCallFilter } = await gateway.systemd.show(UNIT, 'SystemCallFilter')
    const allowed = new Set(SystemCallFilter?.split(' '))
    expect(allowed).toContain('epoll_wait')
    for (const call of [
      'keyctl',
      'add_key',
      'mlock',
      'mlockall',
      'io_uring_setup',
      'io_setup',
      'ptrace',
      'bpf',
      'mount',
    ])
      expect(allowed).not.toContain(call)
  })

  test('with the drop-in for addresses, others get no connection', async () => {
    const port = Number((await gateway.url()).replace(/^.*:/, ''))
    expect(await connects('127.0.0.1', port)).toBe(true)
    expect(await connects('127.0.0.2', port)).toBe(false)
  })
})

/** Whether the agent accepts a connection from this address. */
function connects(localAddress: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress })
    const end = (connected: boolean) => {
      socket.destroy()
      resolve(connected)
    }
    socket.setTimeout(BLOCKED_AFTER_MS, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
