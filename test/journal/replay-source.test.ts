// The agent was away and may read the journal: what happened meanwhile is counted as it was, on a real systemd.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unitOf } from '../../src/core/state.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { hear } from '../soak/heard.ts'

const U = 'proven.service'

describeUnless(noSystemd(), 'an absence', () => {
  let systemd: Systemd
  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit(U, '[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=0\n')
    await systemd.daemonReload()
  })
  afterAll(() => systemd.stop())

  /** Runs, is killed twice and restarted, then stopped and started: all of it while the agent is away. */
  const away = async (journalDir: string | null) => {
    await systemd.start(U)
    const bootId = readFileSync(join(systemd.runDir, 'boot-id'), 'utf8').trim().replaceAll('-', '')
    const heard = await hear({ busAddress: systemd.busAddress, patterns: [U], bootId, journalDir })
    await heard.kill(0)
    const before = heard.events().length
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
    await heard.back()
    const told = heard.events().slice(before)
    const counters = unitOf(heard.state(), U)?.counters
    await heard.stop()
    await systemd.stop(U)
    return { counters, told, problems: heard.problems() }
  }

  test('is told run by run where the journal can be read', async () => {
    const { counters, told, problems } = await away(join(systemd.runDir, 'log/journal'))
    expect(told.map(({ kind, source }) => `${kind} ${source}`)).toEqual(
      ['crash', 'restart', 'crash', 'restart', 'stop', 'start'].map((kind) => `${kind} reconcile`),
    )
    expect(told[0]).toMatchObject({ result: 'signal', signal: 'SIGKILL', requested: false })
    expect(told[4]).toMatchObject({ result: 'success', requested: true })
    expect(counters).toEqual({ starts: 4, stops: 1, crashes: 2, restarts: 2, lost: 0 })
    expect(problems).toEqual([])
  })

  test('is what systemd still knows where it cannot, and why is said', async () => {
    expect((await away(null)).counters).toEqual({ starts: 2, stops: 0, crashes: 0, restarts: 0, lost: 1 })
    const { counters, problems } = await away('/nowhere')
    expect(counters).toEqual({ starts: 2, stops: 0, crashes: 0, restarts: 0, lost: 1 })
    expect(problems.join()).toMatch(/^journal: cannot say what happened meanwhile \(.*\/nowhere.*\)$/)
  })
})
