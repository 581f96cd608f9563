// A gap with a readable journal: every run of it is counted, on a real systemd.
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unitOf } from '../../src/core/state.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { openAgentUnderTest } from '../soak/agent-under-test.ts'

const U = 'proven.service'

describeUnless(noSystemd(), 'a gap', () => {
  let systemd: Systemd
  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit(U, '[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=0\n')
    await systemd.daemonReload()
  })
  afterAll(() => systemd.stop())

  const options = (patterns: readonly string[], journalDir: string | null) => ({
    busAddress: systemd.busAddress,
    patterns,
    bootId: readFileSync(join(systemd.runDir, 'boot-id'), 'utf8').trim().replaceAll('-', ''),
    stateDir: mkdtempSync(join(systemd.shareDir, 'state-')),
    journalDir,
  })

  /** The unit runs, is killed twice and restarted, then stopped and started, all while the agent is disconnected. */
  const gap = async (journalDir: string | null) => {
    await systemd.start(U)
    const agent = await openAgentUnderTest(options([U], journalDir))
    await agent.kill(0)
    const before = agent.events().length
    for (let restarts = 1; restarts <= 2; restarts++) {
      await systemd.kill(U)
      const again = async () => Number((await systemd.show(U, 'NRestarts'))['NRestarts'])
      await until(again, { what: 'a restart', is: (n) => n === restarts })
      await until(async () => (await systemd.show(U, 'SubState'))['SubState'] === 'running', {
        what: 'the unit to run',
      })
    }
    await systemd.stop(U)
    await systemd.start(U)
    await systemd.exec('journalctl', '--sync')
    await agent.start()
    await agent.ready()
    const events = agent.events().slice(before)
    const counters = unitOf(agent.state(), U)?.counters
    await agent.stop()
    await systemd.stop(U)
    return { counters, events, problems: agent.problems() }
  }

  test('is recovered run by run if the journal can be read', async () => {
    const { counters, events, problems } = await gap(join(systemd.runDir, 'log/journal'))
    expect(events.map(({ kind, source }) => `${kind} ${source}`)).toEqual(
      ['crash', 'restart', 'crash', 'restart', 'stop', 'start'].map((kind) => `${kind} reconcile`),
    )
    expect(events[0]).toMatchObject({ result: 'signal', signal: 'SIGKILL', requested: false })
    expect(events[4]).toMatchObject({ result: 'success', requested: true })
    expect(counters).toEqual({ starts: 4, stops: 1, crashes: 2, restarts: 2, lost: 0 })
    expect(problems).toEqual([])
  })

  test('is limited to what systemd still knows if it cannot, and the reason is logged', async () => {
    expect((await gap(null)).counters).toEqual({ starts: 2, stops: 0, crashes: 0, restarts: 0, lost: 1 })
    const { counters, problems } = await gap('/nowhere')
    expect(counters).toEqual({ starts: 2, stops: 0, crashes: 0, restarts: 0, lost: 1 })
    expect(problems.join()).toMatch(/^journal: could not recover events missed while disconnected \(.*\/nowhere.*\)$/)
  })

  test('in which reset-failed was run during ExecStopPost= has the crash; an exit that counts as success is a stop', async () => {
    const exits = (prefix: string, more: string) =>
      `[Service]\nExecStart=${prefix}/bin/sh -c "until [ -e /run/exit ]; do sleep 0.1; done; exit 7"\n${more}\n`
    systemd.writeUnit('reset.service', exits('', 'ExecStopPost=/bin/sleep 2'))
    systemd.writeUnit('allowed.service', exits('', 'SuccessExitStatus=7'))
    systemd.writeUnit('ignored.service', exits('-', ''))
    await systemd.daemonReload()
    const units = ['reset.service', 'allowed.service', 'ignored.service']
    await systemd.systemctl('start', ...units)
    const agent = await openAgentUnderTest(options(units, join(systemd.runDir, 'log/journal')))
    await agent.kill(0)
    await systemd.exec('touch', '/run/exit')
    const state = async (unit: string) => (await systemd.show(unit, 'SubState'))['SubState']
    await until(() => state('reset.service'), { what: 'ExecStopPost=', is: (sub) => sub === 'stop-post' })
    await systemd.systemctl('reset-failed')
    for (const unit of units) await until(() => state(unit), { what: `${unit} to end`, is: (sub) => sub === 'dead' })
    await systemd.exec('journalctl', '--sync')
    await agent.start()
    await agent.ready()
    const ends = agent.events().filter(({ kind }) => kind !== 'start')
    expect(ends.find(({ unit }) => unit === 'reset.service')).toMatchObject({
      kind: 'crash',
      result: 'exit-code',
      exitCode: 7,
    })
    for (const unit of units.slice(1)) expect(ends.find((end) => end.unit === unit)?.kind).toBe('stop')
    await agent.stop()
  })
})
