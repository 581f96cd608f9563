// The agent stands still (SIGSTOP) while a unit burns, on a bus that has room for what it misses and on one that has not.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Gatewatch, removeDirectory, startGatewatch } from '../rig/gatewatch.ts'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

/** `STOPPED_SECONDS=30` for the long version. */
const STOPPED_SECONDS = Number(process.env['STOPPED_SECONDS'] ?? 3)
/** systemd makes some 200 of them in a second; its start limit ends the fire after exactly so many. */
const STARTS = 250 * STOPPED_SECONDS
const FIRE = 'fire.service'
const DBUS_CONFIG = '/usr/share/dbus-1/system.conf'

describeUnless(noSystemd(), 'an agent that stands still under fire', () => {
  /** A bus that keeps so many bytes for a client that does not read. */
  const narrow = (directory: string, bytes: number) => {
    const limit = `<limit name="max_outgoing_bytes">${bytes}</limit>`
    const path = join(directory, 'system.conf')
    writeFileSync(path, readFileSync(DBUS_CONFIG, 'utf8').replace('</busconfig>', `${limit}</busconfig>`))
    return `${path}:${DBUS_CONFIG}`
  }

  const burn = async (bind: readonly string[]): Promise<{ unit: unknown; quiet: unknown }> => {
    await using systemd = await startSystemd({ bind })
    const limit = `[Unit]\nStartLimitIntervalSec=1d\nStartLimitBurst=${STARTS}\n`
    systemd.writeUnit(FIRE, `${limit}[Service]\nExecStart=/bin/false\nRestart=on-failure\nRestartSec=0\n`)
    systemd.writeUnit('quiet.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    await systemd.daemonReload()
    await systemd.start('quiet.service')
    const agent = await startGatewatch({ busAddress: systemd.busAddress, services: [FIRE, 'quiet.service'] })
    try {
      await systemd.systemctl('start', '--no-block', FIRE)
      const counters = async (unit: string) => (await agent.getJson(`/api/v1/units/${unit}`))['counters']
      await until(() => counters(FIRE), { what: 'the fire to be seen', is: (c) => Number(Object(c)['starts']) > 10 })
      await standStill(agent, async () => {
        await systemd.kill('quiet.service')
        await sleep(1000 * STOPPED_SECONDS)
      })
      const ended = async () => (await systemd.show(FIRE, 'ActiveState', 'SubState', 'Result'))['SubState']
      await until(ended, { what: 'the fire to end', is: (state) => state === 'failed', timeoutMs: 300_000 })
      const done = (c: unknown) => Number(Object(c)['starts']) >= STARTS
      await until(() => counters(FIRE), { what: 'the last run', is: done, timeoutMs: 60_000 })
      await until(() => agent.getJson(`/api/v1/units/${FIRE}`), { what: 'giving up', is: (u) => u['gave_up'] === true })
      const ends = (c: unknown) => Number(Object(c)['crashes']) + Number(Object(c)['lost']) > 0
      const quiet = await until(() => counters('quiet.service'), { what: 'the quiet one to be read', is: ends })
      return { unit: await counters(FIRE), quiet }
    } finally {
      await agent.end('SIGKILL')
      removeDirectory(agent.directory)
    }
  }

  const standStill = async (agent: Gatewatch, meanwhile: () => Promise<void>) => {
    process.kill(agent.pid, 'SIGSTOP')
    await meanwhile().finally(() => process.kill(agent.pid, 'SIGCONT'))
  }

  const exact = { starts: STARTS, stops: 0, crashes: STARTS, restarts: STARTS - 1, lost: 0 }
  const timeout = 120_000 + 20_000 * STOPPED_SECONDS

  test('hears it all afterwards', { timeout }, async () => {
    const { unit, quiet } = await burn([])
    expect(unit).toEqual(exact)
    expect(quiet).toEqual({ starts: 1, stops: 0, crashes: 1, restarts: 0, lost: 0 })
  })

  test('and whose bus was full has every run by its number, and reads the rest', { timeout }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gw-bus-'))
    const { unit, quiet } = await burn([narrow(directory, 100_000)]).finally(() =>
      rmSync(directory, { recursive: true }),
    )
    expect(unit).toEqual(exact)
    expect(quiet).toEqual({ starts: 1, stops: 0, crashes: 1, restarts: 0, lost: 0 })
  })
})
