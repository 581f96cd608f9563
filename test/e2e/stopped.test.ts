// The agent is stopped (SIGSTOP) during a crash storm, with a bus whose queue is large enough for the signals and with one that is not.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Gatewatch, removeDirectory, startGatewatch } from '../rig/gatewatch.ts'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

/** Set `STOPPED_SECONDS=30` for a longer test. */
const STOPPED_SECONDS = Number(process.env['STOPPED_SECONDS'] ?? 3)
/** systemd starts the unit about 200 times per second; its start limit ends the storm after exactly this many starts. */
const STARTS = 250 * STOPPED_SECONDS
const STORM = 'storm.service'
const DBUS_CONFIG = '/usr/share/dbus-1/system.conf'

describeUnless(noSystemd(), 'an agent that is stopped during a crash storm', () => {
  /** A bus configuration with a limited queue for a client that does not read. */
  const withQueueLimit = (directory: string, bytes: number) => {
    const limit = `<limit name="max_outgoing_bytes">${bytes}</limit>`
    const path = join(directory, 'system.conf')
    writeFileSync(path, readFileSync(DBUS_CONFIG, 'utf8').replace('</busconfig>', `${limit}</busconfig>`))
    return `${path}:${DBUS_CONFIG}`
  }

  const runStorm = async (bind: readonly string[]): Promise<{ unit: unknown; quiet: unknown }> => {
    await using systemd = await startSystemd({ bind })
    const limit = `[Unit]\nStartLimitIntervalSec=1d\nStartLimitBurst=${STARTS}\n`
    systemd.writeUnit(STORM, `${limit}[Service]\nExecStart=/bin/false\nRestart=on-failure\nRestartSec=0\n`)
    systemd.writeUnit('quiet.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    await systemd.daemonReload()
    await systemd.start('quiet.service')
    const agent = await startGatewatch({ busAddress: systemd.busAddress, services: [STORM, 'quiet.service'] })
    try {
      await systemd.systemctl('start', '--no-block', STORM)
      const counters = async (unit: string) => (await agent.getJson(`/api/v1/units/${unit}`))['counters']
      await until(() => counters(STORM), {
        what: 'the storm to be observed',
        is: (c) => Number(Object(c)['starts']) > 10,
        timeoutMs: 60_000,
      })
      await whileStopped(agent, async () => {
        await systemd.kill('quiet.service')
        await sleep(1000 * STOPPED_SECONDS)
      })
      const ended = async () => (await systemd.show(STORM, 'ActiveState', 'SubState', 'Result'))['SubState']
      await until(ended, { what: 'the storm to end', is: (state) => state === 'failed', timeoutMs: 300_000 })
      const done = (c: unknown) => Number(Object(c)['starts']) >= STARTS
      await until(() => counters(STORM), { what: 'the last run', is: done, timeoutMs: 60_000 })
      await until(() => agent.getJson(`/api/v1/units/${STORM}`), {
        what: 'the unit to give up',
        is: (u) => u['gave_up'] === true,
        timeoutMs: 60_000,
      })
      const ends = (c: unknown) => Number(Object(c)['crashes']) + Number(Object(c)['lost']) > 0
      const quiet = await until(() => counters('quiet.service'), {
        what: 'the crash of the quiet unit',
        is: ends,
        timeoutMs: 60_000,
      })
      return { unit: await counters(STORM), quiet }
    } finally {
      await agent.end('SIGKILL')
      removeDirectory(agent.directory)
    }
  }

  /** Kills a unit while the agent is stopped, after more signals than its queue holds. */
  const killUnseen = async (bind: readonly string[]) => {
    await using systemd = await startSystemd({ bind })
    systemd.writeUnit('noise.service', '[Service]\nType=oneshot\nExecStart=/bin/true\n')
    systemd.writeUnit('quiet.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    await systemd.daemonReload()
    await systemd.start('quiet.service')
    const agent = await startGatewatch({ busAddress: systemd.busAddress, services: ['quiet.service'] })
    try {
      await until(async () => (await agent.getJson('/api/v1/units/quiet.service'))['active_state'] === 'active', {
        what: 'the unit to be read',
      })
      await whileStopped(agent, async () => {
        await systemd.exec('sh', '-c', 'for i in $(seq 300); do systemctl start noise.service; done')
        await systemd.kill('quiet.service')
        const ended = async () => (await systemd.show('quiet.service', 'ActiveState'))['ActiveState'] === 'failed'
        await until(ended, { what: 'the end of the unit', timeoutMs: 60_000 })
      })
      const counters = async () => (await agent.getJson('/api/v1/units/quiet.service'))['counters']
      const end = { what: 'the crash', is: (c: unknown) => Number(Object(c)['crashes']) > 0, timeoutMs: 60_000 }
      return {
        counters: await until(counters, end),
        events: await agent.events(),
        log: agent.stderr(),
      }
    } finally {
      await agent.end('SIGKILL')
      removeDirectory(agent.directory)
    }
  }

  const whileStopped = async (agent: Gatewatch, action: () => Promise<void>) => {
    process.kill(agent.pid, 'SIGSTOP')
    await action().finally(() => process.kill(agent.pid, 'SIGCONT'))
  }

  const exact = { starts: STARTS, stops: 0, crashes: STARTS, restarts: STARTS - 1, lost: 0 }
  const timeout = 120_000 + 20_000 * STOPPED_SECONDS

  test('receives all signals after it continues', { timeout }, async () => {
    const { unit, quiet } = await runStorm([])
    expect(unit).toEqual(exact)
    expect(quiet).toEqual({ starts: 1, stops: 0, crashes: 1, restarts: 0, lost: 0 })
  })

  test('counts every run by NRestarts and reads the other units again if the queue of the bus was full', {
    timeout,
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gw-bus-'))
    const { unit, quiet } = await runStorm([withQueueLimit(directory, 100_000)]).finally(() =>
      rmSync(directory, { recursive: true }),
    )
    expect(unit).toEqual(exact)
    expect(quiet).toEqual({ starts: 1, stops: 0, crashes: 1, restarts: 0, lost: 0 })
  })

  test('reads every unit again at once when it continues, even if no signal shows that any is missing', {
    timeout,
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gw-bus-'))
    const { counters, events, log } = await killUnseen([withQueueLimit(directory, 20_000)]).finally(() =>
      rmSync(directory, { recursive: true }),
    )
    expect(counters).toEqual({ starts: 1, stops: 0, crashes: 1, restarts: 0, lost: 0 })
    expect(events.find(({ event }) => event === 'crash')).toMatchObject({ source: 'reconcile' })
    expect(log).toContain('process continues after it was stopped (SIGCONT); re-reading all units')
  })
})

test('an agent that got no CPU time for longer than its timer reports the delay', async () => {
  const agent = await startGatewatch({ busAddress: 'unix:path=/nonexistent/bus', services: ['a'] }, false)
  try {
    process.kill(agent.pid, 'SIGSTOP')
    await sleep(14_500) // it is due within 11 s
    process.kill(agent.pid, 'SIGCONT')
    await until(() => agent.metric('gatewatch_event_loop_lag_seconds'), {
      what: 'the delay',
      is: (seconds) => Number(seconds) > 2,
      timeoutMs: 30_000,
    })
    expect(agent.stderr()).toMatch(/process was stalled for \d+ s; re-reading all units/)
  } finally {
    await agent.end('SIGKILL')
    removeDirectory(agent.directory)
  }
})

test('an agent that is to stop does not read again because of the SIGCONT that systemd sends after SIGTERM', async () => {
  const agent = await startGatewatch({ busAddress: 'unix:path=/nonexistent/bus', services: ['a'] }, false)
  try {
    // Both are pending at once, as on a busy gateway.
    for (const signal of ['SIGSTOP', 'SIGTERM'] as const) process.kill(agent.pid, signal)
    expect(await agent.end('SIGCONT')).toBe(0)
    expect(agent.stderr()).toContain('SIGTERM: stopping')
    expect(agent.stderr()).not.toContain('process continues')
  } finally {
    await agent.end('SIGKILL')
    removeDirectory(agent.directory)
  }
})
