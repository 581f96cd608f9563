// Clients that scrape in both formats during a crash storm on a real systemd: the counts in each response are those of one State.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unbalanced } from '../metrics/counting-law.ts'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const UNITS = Array.from({ length: 8 }, (_, i) => `storm${i}.service`)
const FORMATS = { 'text/plain': /\n$/, 'application/openmetrics-text': /\n# EOF\n$/ }
const CLIENTS = 6
const SCRAPES = 6

describeUnless(noSystemd(), 'scrapes during a crash storm', () => {
  test('each response satisfies starts = stops + crashes + lost + running, and is not older than 100 ms', async () => {
    await using systemd = await startSystemd()
    for (const unit of UNITS) {
      const restart = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=20ms\n'
      systemd.writeUnit(unit, `${restart}ExecStart=/bin/sh -c 'sleep 0.05; exit 3'\n`)
    }
    await systemd.daemonReload()
    const directory = temporaryDirectory()
    // Without a usable state file the counters in a scrape are live, as `running` always is.
    writeFileSync(join(directory, 'file'), '')
    const args = ['-p', join(directory, 'file', 'state.ring')]
    const { busAddress } = systemd
    const agent = await startGatewatch({ busAddress, directory, services: UNITS, args }, false)
    const crashes = async () => {
      const { units } = (await agent.getJson('/api/v1/units')) as { units: { counters: { crashes: number } }[] }
      return units.reduce((sum, { counters }) => sum + counters.crashes, 0)
    }
    const shown = (body: string) =>
      [...body.matchAll(/^systemd_service_crashes_total\{.*\} (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0)
    const scrape = async ([accept, end]: [string, RegExp]) => {
      for (let i = 0; i < SCRAPES; i += 1) {
        const counted = await crashes()
        await new Promise((resolve) => setTimeout(resolve, 110))
        const body = await (await fetch(`${agent.url}/metrics`, { headers: { accept } })).text()
        expect(unbalanced(body)).toEqual([])
        expect(body).toMatch(end)
        expect(shown(body)).toBeGreaterThanOrEqual(counted)
      }
    }
    try {
      for (const unit of UNITS) await systemd.start(unit)
      const before = await until(crashes, { what: 'the storm', is: (count) => count >= UNITS.length })
      const clients = Object.entries(FORMATS).flatMap((format) => Array.from({ length: CLIENTS }, () => scrape(format)))
      await Promise.all(clients)
      expect(await crashes()).toBeGreaterThan((before ?? 0) + SCRAPES)
    } finally {
      await agent.end()
      removeDirectory(directory)
    }
  })
})
