import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Bus, errorNameOf, type Signal } from '../../src/dbus/bus.ts'
import { connectBus } from '../../src/dbus/connection.ts'
import { type Bus as Daemon, startDbus } from '../rig/dbus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { clock } from '../systemd/clock.ts'

const DRIVER = 'org.freedesktop.DBus'
const DRIVER_PATH = '/org/freedesktop/DBus'
const { after } = clock

const driver = (bus: Bus, member: string, signature = '', body: unknown[] = []) =>
  bus.call(DRIVER, DRIVER_PATH, DRIVER, member, signature, body)

describeUnless(missingPrograms('dbus-daemon', 'setpriv'), 'a bus connection to a real dbus-daemon', () => {
  let daemon: Daemon
  beforeAll(async () => {
    daemon = await startDbus()
  })
  afterAll(() => daemon.stop())

  it('has a unique name and returns replies as plain values', async () => {
    const bus = await connectBus(daemon.address, { after })
    expect(bus.uniqueName).toMatch(/^:1\.\d+$/)
    const [names] = await driver(bus, 'ListNames')
    expect(names).toContain(bus.uniqueName)
    const [credentials] = await driver(bus, 'GetConnectionCredentials', 's', [bus.uniqueName])
    expect(credentials).toMatchObject({ ProcessID: process.pid, UnixUserID: process.getuid?.() })
    bus.close()
  })

  it('rejects with the name and the message of an error', async () => {
    const bus = await connectBus(daemon.address, { after })
    const error = await driver(bus, 'GetNameOwner', 's', ['org.example.Absent']).catch((e: unknown) => e)
    expect(errorNameOf(error)).toBe('org.freedesktop.DBus.Error.NameHasNoOwner')
    expect(error).toHaveProperty('message', expect.stringContaining('org.example.Absent'))
    bus.close()
  })

  it('does not start a service by calling it', async () => {
    const services = mkdtempSync(join(tmpdir(), 'gw-services-'))
    writeFileSync(
      join(services, 'org.example.Lazy.service'),
      '[D-BUS Service]\nName=org.example.Lazy\nExec=/bin/false\n',
    )
    await using lazy = await startDbus({ config: `<servicedir>${services}</servicedir>` })
    const bus = await connectBus(lazy.address, { after })
    const error = await bus.call('org.example.Lazy', '/', 'org.example', 'Wake').catch((e: unknown) => e)
    expect(errorNameOf(error)).toBe('org.freedesktop.DBus.Error.NameHasNoOwner')
    bus.close()
    rmSync(services, { recursive: true })
  })

  it('receives only signals that match a rule and that a listener wants, until it is removed', async () => {
    const listener = await connectBus(daemon.address, { after })
    await listener.addMatch("type='signal',interface='org.example.A'")
    const received: Signal[] = []
    const undo = listener.onSignal(
      (signal) => received.push(signal),
      (header) => header.path === '/wanted',
    )
    const emit = (path: string, face: string) =>
      import('node:child_process').then(({ execFileSync }) =>
        execFileSync('busctl', [`--address=${daemon.address}`, 'emit', path, face, 'Said', 'sv', 'x', 't', '5']),
      )
    await emit('/wanted', 'org.example.A')
    await emit('/unwanted', 'org.example.A')
    await emit('/wanted', 'org.example.B')
    await driver(listener, 'GetId')
    await until(() => received.length > 0, { what: 'the signal' })
    expect(received).toMatchObject([{ path: '/wanted', interface: 'org.example.A', member: 'Said', body: ['x', {}] }])
    expect(received[0]?.sender).toMatch(/^:1\.\d+$/)
    undo()
    await emit('/wanted', 'org.example.A')
    await driver(listener, 'GetId')
    expect(received).toHaveLength(1)
    listener.close()
  })

  it('delivers replies in order with signals', async () => {
    const bus = await connectBus(daemon.address, { after })
    await bus.addMatch("type='signal',member='NameOwnerChanged'")
    const order: string[] = []
    bus.onSignal(({ body, member }) => {
      if (member === 'NameOwnerChanged') order.push(`${body[0]} ${body[2] === '' ? 'left' : 'came'}`)
    })
    const request = (member: string, signature: string, body: unknown[]) =>
      bus.request({ destination: DRIVER, path: DRIVER_PATH, interface: DRIVER, member, signature, body }, () =>
        order.push(member),
      )
    request('RequestName', 'su', ['org.example.Ours', 0])
    request('ReleaseName', 's', ['org.example.Ours'])
    request('RequestName', 'su', ['org.example.Ours', 0])
    await until(() => order.length === 6, { what: 'three replies and three signals' })
    expect(order).toEqual([
      'org.example.Ours came',
      'RequestName',
      'org.example.Ours left',
      'ReleaseName',
      'org.example.Ours came',
      'RequestName',
    ])
    bus.close()
  })

  it('survives a listener that throws, and reports it', async () => {
    const faults: string[] = []
    const bus = await connectBus(daemon.address, { after, onFault: (problem) => faults.push(problem) })
    await bus.addMatch("type='signal',member='NameOwnerChanged'")
    bus.onSignal(() => {
      throw new Error('ours')
    })
    await driver(bus, 'RequestName', 'su', ['org.example.Throw', 0])
    expect(faults.join()).toContain('a signal listener threw: Error: ours')
    await driver(bus, 'GetId')
    bus.close()
  })

  it('times out a call without a reply, and stays connected', async () => {
    const silent = await connectBus(daemon.address, { after })
    const bus = await connectBus(daemon.address, { after })
    const call = bus.call(silent.uniqueName, '/', 'org.example', 'Ask', '', [], 150)
    await expect(call).rejects.toThrow(/Ask: no reply from :1\.\d+ within 0.15 s/)
    await driver(bus, 'GetId')
    bus.close()
    silent.close()
  })

  it('rejects pending calls, and every later call, when it is closed', async () => {
    const bus = await connectBus(daemon.address, { after })
    const reasons: string[] = []
    bus.onClose((reason) => reasons.push(reason))
    const waiting = driver(bus, 'GetId')
    bus.close()
    bus.close()
    await expect(waiting).rejects.toThrow('closed')
    await expect(driver(bus, 'GetId')).rejects.toThrow('closed')
    expect(reasons).toEqual(['closed'])
  })

  it('rejects a body that does not match its signature', async () => {
    const bus = await connectBus(daemon.address, { after })
    await expect(driver(bus, 'GetNameOwner', 's', [7])).rejects.toThrow('cannot send GetNameOwner')
    await driver(bus, 'GetId')
    bus.close()
  })

  it('detects at once that the daemon has died, and rejects pending calls', async () => {
    await using mortal = await startDbus()
    const bus = await connectBus(mortal.address, { after })
    const silent = await connectBus(mortal.address, { after })
    const closed = new Promise<string>((resolve) => bus.onClose(resolve))
    const waiting = bus.call(silent.uniqueName, '/', 'org.example', 'Ask').catch((error: unknown) => error)
    await driver(bus, 'GetId')
    const killedAt = performance.now()
    process.kill(mortal.pid, 'SIGKILL')
    expect(await closed).toMatch(/closed/)
    expect(errorNameOf(await waiting)).toBe('closed')
    expect(performance.now() - killedAt).toBeLessThan(10_000)
  })

  it('detects a daemon that hangs', async () => {
    await using hung = await startDbus()
    const bus = await connectBus(hung.address, { after, pingEveryMs: 100, pongAtMostMs: 200 })
    const closed = new Promise<string>((resolve) => bus.onClose(resolve))
    await until(() => driver(bus, 'GetId'), { what: 'a reply' })
    process.kill(hung.pid, 'SIGSTOP')
    expect(await closed).toMatch(/stopped responding/)
  })

  it('reports why it cannot connect, and names the address', async () => {
    await expect(connectBus('unix:path=/nowhere/bus', { after })).rejects.toThrow(
      'cannot connect to the bus at unix:path=/nowhere/bus: no such socket',
    )
    const left = await startDbus()
    await left.stop()
    await expect(connectBus(left.address, { after })).rejects.toThrow('no such socket')
    await expect(connectBus(`unix:path=${tmpdir()}`, { after })).rejects.toThrow(
      /connection refused|not a socket|ECONNREFUSED/,
    )
    await expect(connectBus('unix:abstract=gatewatch-absent', { after })).rejects.toThrow('connection refused')
  })

  it('uses the first address of a list that accepts the connection', async () => {
    const bus = await connectBus(`unix:path=/nowhere/bus;${daemon.address}`, { after })
    await driver(bus, 'GetId')
    bus.close()
    await expect(connectBus('unix:path=/nowhere/a;unix:path=/nowhere/b', { after })).rejects.toThrow(
      /nowhere\/a.*nowhere\/b/,
    )
  })

  it('reports that the bus refuses this user', async () => {
    const forbidden = await startDbus({ config: '<policy context="mandatory"><deny user="*"/></policy>' })
    await expect(connectBus(forbidden.address, { after })).rejects.toThrow(/is this user allowed to use it/)
    await forbidden.stop()
  })

  it('can be canceled while it connects', async () => {
    const abort = new AbortController()
    const attempt = connectBus(daemon.address, { after, signal: abort.signal })
    abort.abort()
    await expect(attempt).rejects.toThrow()
  })
})
