import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { busError } from '../../src/dbus/bus.ts'
import { connectBus } from '../../src/dbus/connection.ts'
import { startDbus } from '../rig/dbus.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { startPeer } from './peer.ts'
import { watching, watchingConnected } from './watching.ts'
import { message } from './wire.ts'

describeUnless(noSystemd(), 'a systemd that disappears', () => {
  let rig: Systemd
  beforeAll(async () => {
    rig = await startSystemd()
    rig.writeUnit('a.service', '[Service]\nExecStart=/bin/sleep 1000\n')
    await rig.daemonReload()
  })
  afterAll(() => rig.stop())

  it('on re-exec is followed at once: a gap, then every unit is read again, and signals continue', async () => {
    await using w = await watchingConnected(rig.busAddress, ['a', 'dbus.socket'])
    await rig.start('a.service')
    const run = await w.becomes('a.service', { subState: 'running', job: 0 })
    w.forget()
    await rig.systemctl('daemon-reexec')
    const readAfterGap = () => {
      const gap = w.kinds().indexOf('gap')
      return w.observations.flatMap((o, i) => (gap >= 0 && i > gap && o.kind === 'read' ? [o] : []))
    }
    const reads = await until(readAfterGap, {
      what: 'the reads of both units after the re-exec',
      is: (found) => ['a.service', 'dbus.socket'].every((unit) => found.some((o) => o.unit === unit)),
    })
    expect(reads.find((o) => o.unit === 'a.service')).toMatchObject({
      snapshot: { subState: 'running', invocationId: run.invocationId },
    })
    await rig.kill('a.service')
    await w.becomes('a.service', { activeState: 'failed', result: 'signal', mainStatus: 9 })
    expect(w.source.health()).toMatchObject({ connected: true, malformed: 0 })
  })

  it('while it lists its units is not connected yet: the next connection reads every unit', async () => {
    let attempts = 0
    const connect: typeof connectBus = async (...of) => {
      const bus = await connectBus(...of)
      attempts += 1
      if (attempts > 1) return bus
      return {
        ...bus,
        call: async (...call) => {
          if (call[3] === 'ListUnitsByPatterns') throw busError('timeout', 'ListUnitsByPatterns: no reply')
          return bus.call(...call)
        },
      }
    }
    await using w = await watching(rig.busAddress, ['a*'], { connect })
    await w.loadState('a.service', 'loaded')
    await until(() => w.source.health().connected, { what: 'the second connection' })
    expect(w.logs.filter((line) => line.includes('bus:'))).toEqual([
      'warning bus: not available: reconcile failed: ListUnitsByPatterns: no reply; retrying',
      'info bus: connected',
    ])
  })

  it('with its bus is lost and reconnected, and its units are read again', async () => {
    await rig.systemctl('reset-failed', 'a.service')
    await using w = await watchingConnected(rig.busAddress, ['a'])
    await rig.start('a.service')
    await w.becomes('a.service', { subState: 'running', job: 0 })
    w.forget()
    await rig.exec('systemctl', 'kill', '--signal=SIGKILL', 'dbus.service')
    await until(() => !w.source.health().connected, { what: 'the loss of the bus', everyMs: 1 })
    expect(w.source.health().problem).toMatch(/closed/)
    expect(w.source.health().lostAtMonoMs).not.toBeNull()
    expect(w.kinds()).toContain('gap') // at once, because silence without a bus is not evidence
    await until(() => w.source.health().connected, { what: 'the reconnection' })
    await w.source.reconcile()
    expect(w.kinds().filter((kind) => kind === 'gap')).not.toEqual([])
    expect(w.of('a.service', 'read').at(-1)).toMatchObject({ subState: 'running' })
    expect(w.source.health().reconnects).toBeGreaterThanOrEqual(1)
    expect(w.logs[0]).toBe('info bus: connected')
    expect(w.logs[1]).toMatch(/^warning bus: connection lost: .*closed.*; reconnecting$/)
    expect(w.logs.at(-1)).toMatch(/^info bus: reconnected after \d+ s$/)
    w.forget()
    await rig.stop('a.service')
    await w.becomes('a.service', { activeState: 'inactive' })
  })
})

describeUnless(missingPrograms('dbus-daemon', 'setpriv'), 'a bus without systemd', () => {
  it('is logged once, and the source waits for systemd', async () => {
    await using bus = await startDbus()
    await using w = await watching(bus.address, ['a'])
    await until(() => w.logs.length > 0, { what: 'a log line' })
    expect(w.logs).toEqual(['warning bus: not available: systemd is not on the bus; retrying'])
    expect(w.source.health()).toMatchObject({ connected: false, problem: 'systemd is not on the bus', reconnects: 0 })
    expect(await w.source.reconcile()).toBe(false)
    expect(w.kinds()).toEqual(['watch'])
  })

  it('that does not exist at first is logged once with the reason, and is used when it appears', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gw-bus-'))
    const gone = await startDbus({ directory })
    await gone.stop()
    await using w = await watching(gone.address, ['a'])
    await until(() => w.logs.length > 0, { what: 'a log line' })
    expect(w.logs).toEqual([
      `warning bus: not available: cannot connect to the bus at ${gone.address}: no such socket; retrying`,
    ])
    expect(w.source.health().lostAtMonoMs).not.toBeNull()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(w.logs).toHaveLength(1)
    await using _bus = await startDbus({ directory })
    await until(() => w.source.health().problem === 'systemd is not on the bus', { what: 'the connection' })
    rmSync(directory, { recursive: true })
  })

  it('whose daemon sends garbage is disconnected, counted, and retried', async () => {
    await using peer = await startPeer(async (caller) => {
      await caller.admit()
      await caller.call()
      await caller.send(message({ type: 4, firstByte: 7, path: '/', interface: 'a.b', member: 'C' }))
    })
    await using w = await watching(peer.address, ['a'])
    await until(() => peer.connections() >= 2, { what: 'a second attempt' })
    expect(w.source.health()).toMatchObject({ connected: false, problem: expect.stringContaining('byte order 7') })
    expect(w.source.health().malformed).toBeGreaterThan(0)
  })

  it('can be stopped at any moment', async () => {
    await using silent = await startPeer(async () => {})
    const w = await watching(silent.address, ['a'])
    await until(() => silent.connections() > 0, { what: 'the attempt' })
    await w.source.stop()
    expect(w.logs.filter((line) => line.includes('lost'))).toEqual([])
  })
})
