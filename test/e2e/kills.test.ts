// Counting on a real systemd: three units are killed a hundred times each, while the agent runs and while it is killed too.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const KILLS = 100
const UNITS = ['k1.service', 'k2.service', 'k3.service'] as const

describeUnless(noSystemd(), 'units killed with SIGKILL', () => {
  let systemd: Systemd
  const directories: string[] = []
  const agents: Gatewatch[] = []

  const start = async (directory: string) => {
    const agent = await startGatewatch({
      busAddress: systemd.busAddress,
      services: UNITS,
      directory,
      env: { GATEWATCH_FLUSH_INTERVAL: '1' },
    })
    agents.push(agent)
    return agent
  }
  const directory = () => {
    const path = temporaryDirectory()
    directories.push(path)
    return path
  }

  beforeAll(async () => {
    systemd = await startSystemd()
    for (const unit of UNITS) {
      systemd.writeUnit(
        unit,
        '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\nRestartSec=10ms\n',
      )
    }
    await systemd.daemonReload()
    for (const unit of UNITS) await systemd.start(unit)
  })
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.end('SIGKILL')
    for (const path of directories.splice(0)) removeDirectory(path)
  })
  afterAll(() => systemd.stop())

  /** Kills the unit's main process `times` times, each time waiting for a new MainPID. */
  const kill = async (unit: string, times: number, between: () => Promise<void> = async () => {}) => {
    const script = `last=; for i in $(seq ${times}); do
      while :; do pid=$(systemctl show -P MainPID ${unit}); [ "$pid" != 0 ] && [ "$pid" != "$last" ] && break; done
      kill -9 $pid; last=$pid; done
      while :; do pid=$(systemctl show -P MainPID ${unit}); [ "$pid" != 0 ] && [ "$pid" != "$last" ] && break; done`
    const done = systemd.exec('sh', '-c', script)
    await between()
    const { code, stderr } = await done
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  }
  const counts = async (agent: Gatewatch, unit: string) => {
    const units = (await agent.getJson(`/api/v1/units/${unit}`)) as { counters: Json; failures: Json }
    return units
  }

  test('each kill is one crash and one restart, reported once, with its cause', { timeout: 120_000 }, async () => {
    const agent = await start(directory())
    await Promise.all(UNITS.map((unit) => kill(unit, KILLS)))
    for (const unit of UNITS) {
      await until(() => counts(agent, unit), {
        what: `${unit} to be counted`,
        is: (u) => u.counters['starts'] === KILLS + 1,
      })
    }
    const committed = [
      ['systemd_service_starts_total', KILLS + 1],
      ['systemd_service_crashes_total', KILLS],
    ] as const
    for (const unit of UNITS) {
      for (const [family, count] of committed) {
        await until(() => agent.metric(`${family}{service="${unit}"}`), {
          what: `the commit of the last run of ${unit}`,
          is: (value) => value === count,
          everyMs: 200,
        })
      }
    }
    const { body } = await agent.get('/metrics')
    for (const unit of UNITS) {
      expect(body).toContain(`systemd_service_crashes_total{service="${unit}"} ${KILLS}\n`)
      expect(body).toContain(`systemd_service_starts_total{service="${unit}"} ${KILLS + 1}\n`)
      expect(body).toContain(`systemd_service_stops_total{service="${unit}"} 0\n`)
      expect(body).toContain(`systemd_service_restarts_total{service="${unit}"} ${KILLS}\n`)
      expect(body).toContain(
        `gatewatch_unit_failures_total{service="${unit}",result="signal",requested="false"} ${KILLS}\n`,
      )
      const events = (await agent.events()).filter((event) => event['service'] === unit)
      const crashes = events.filter((event) => event['event'] === 'crash')
      expect(crashes).toHaveLength(KILLS)
      expect(new Set(crashes.map((event) => event['invocation_id'])).size).toBe(KILLS)
      expect(crashes.every((event) => event['signal'] === 'SIGKILL' && event['will_restart'] === true)).toBe(true)
      expect(events.filter((event) => event['event'] === 'restart')).toHaveLength(KILLS)
    }
    const seqs = (await agent.events()).map((event) => Number(event['seq']))
    expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i))
    expect(await agent.end()).toBe(0)
  })

  test('when the agent is killed too, observed crashes are kept, missed ones are recovered, and the counters balance', {
    timeout: 120_000,
  }, async () => {
    const path = directory()
    let agent = await start(path)
    const ids: string[] = []
    const reportedCrashes = new Map<string, Json>()
    const remember = async () => {
      for (const event of await agent.events()) {
        if (event['event'] === 'crash' && event['invocation_id'] !== null)
          reportedCrashes.set(String(event['id']), event)
      }
    }
    await Promise.all(
      UNITS.map((unit, i) =>
        kill(unit, KILLS, async () => {
          if (i > 0) return
          for (let round = 0; round < 4; round++) {
            await until(remember, {
              what: 'events',
              is: () => reportedCrashes.size >= (round + 1) * 20,
              timeoutMs: 30_000,
            }).catch(() => {})
            await agent.end('SIGKILL')
            agent = await start(path)
          }
        }),
      ),
    )
    for (const unit of UNITS) {
      const { counters, failures } = await until(() => counts(agent, unit), {
        what: `${unit} to be counted`,
        is: (u) => u.counters['starts'] === KILLS + 1,
      })
      expect(counters).toEqual({ starts: KILLS + 1, stops: 0, crashes: KILLS, restarts: KILLS, lost: 0 })
      expect(Object.keys(failures as object).every((result) => result === 'signal' || result === 'unknown')).toBe(true)
    }
    const now = new Map((await agent.events()).map((event) => [event['id'], event]))
    for (const [id, before] of reportedCrashes) {
      const event = now.get(id)
      if (event !== undefined) expect({ ...event, replayed: false }).toEqual({ ...before, replayed: false })
      ids.push(id)
    }
    expect(new Set(ids).size).toBe(ids.length)
    expect(await agent.end()).toBe(0)
  })
})
