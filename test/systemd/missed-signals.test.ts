// Signals that the bus dropped: a real systemd, and a connection that discards signals on request.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectBus } from '../../src/dbus/connection.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { watchingConnected } from './watching.ts'

/** Because of the pattern, the bus delivers the signals of every unit. */
const RULES: readonly [string, readonly string[]][] = [
  ['with match rules for each unit', []],
  ['with match rules for every unit', ['no-such-*']],
]

describeUnless(noSystemd(), 'signals that the bus dropped', () => {
  let rig: Systemd
  let dropping = false
  /** The real bus, without the signals that arrive while `dropping`. */
  const connect: typeof connectBus = async (addresses, options) => {
    const bus = await connectBus(addresses, options)
    return { ...bus, onSignal: (listener, wants) => bus.onSignal((signal) => dropping || listener(signal), wants) }
  }
  const watched = (pattern: readonly string[]) =>
    watchingConnected(rig.busAddress, ['quiet', 'again', ...pattern], { connect })
  beforeAll(async () => {
    rig = await startSystemd()
    const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n'
    rig.writeUnit('quiet.service', sleeper)
    rig.writeUnit('again.service', `[Unit]\nStartLimitIntervalSec=0\n${sleeper}Restart=always\nRestartSec=0\n`)
    const loop = '[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n'
    rig.writeUnit('loop.service', `[Unit]\nStartLimitIntervalSec=0\n${loop}`)
    await rig.daemonReload()
  })
  afterAll(() => rig.stop())

  /** Kills both units, `again` twice, and drops all signals of that. */
  const killUnseen = async () => {
    dropping = true
    await rig.kill('quiet.service')
    for (const count of ['1', '2']) {
      await rig.kill('again.service')
      await until(() => rig.show('again.service', 'NRestarts', 'SubState'), {
        what: `restart ${count}`,
        is: ({ NRestarts, SubState }) => NRestarts === count && SubState === 'running',
      })
    }
    dropping = false
  }

  it.each(RULES)(
    'are noticed by a suspected gap: it is reported, then every unit is read again, %s',
    async (_, pattern) => {
      await using w = await watched(pattern)
      await rig.restart('quiet.service')
      await rig.restart('again.service')
      await w.becomes('again.service', { subState: 'running', job: 0 })
      await w.becomes('quiet.service', { subState: 'running', job: 0 })
      await killUnseen()
      w.forget()
      w.source.suspectGap()
      await w.becomes('quiet.service', { activeState: 'failed', result: 'signal' })
      await w.becomes('again.service', { nRestarts: 2 })
      const kinds = () => w.kinds().filter((kind) => kind !== 'triggered' && kind !== 'listed')
      const sinceGap = () => kinds().slice(kinds().lastIndexOf('gap'))
      await until(sinceGap, { what: 'the gap', is: (k) => k.join() === 'gap,read,read' })
      expect(w.source.health().reconnects).toBe(0)
    },
  )

  it.each(RULES)(
    'are noticed by a number of restarts that skips some, on the same connection, %s',
    async (_, pattern) => {
      await using w = await watched(pattern)
      await rig.restart('quiet.service')
      await rig.restart('again.service')
      await w.becomes('again.service', { subState: 'running', job: 0, nRestarts: 0 })
      await w.becomes('quiet.service', { subState: 'running', job: 0 })
      await killUnseen()
      w.forget()
      await rig.kill('again.service')
      await w.becomes('quiet.service', { activeState: 'failed', result: 'signal' })
      expect(w.kinds().filter((kind) => kind === 'gap')).toHaveLength(1)
      expect(w.logs).toContain('debug bus: signals about restarts of again.service are missing; re-reading all units')
      expect(w.source.health().reconnects).toBe(0)
    },
  )

  it.each(RULES)(
    'may be missing after the socket was full: every unit is read after the flood, %s',
    async (_, pattern) => {
      await using w = await watchingConnected(rig.busAddress, ['quiet', 'loop', ...pattern])
      await rig.start('loop.service')
      await until(() => w.of('loop.service', 'signal').length > 50, { what: 'the crash loop' })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000) // blocks the event loop
      await rig.stop('loop.service')
      w.forget()
      await until(() => w.of('quiet.service', 'read').length > 0, { what: 'a read of every unit', timeoutMs: 30_000 })
    },
  )
})
