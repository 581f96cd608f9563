// SIGHUP: units come and go without losing a count, a bad file keeps the old configuration and shows it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

describeUnless(noSystemd(), 'SIGHUP', () => {
  let systemd: Systemd
  let agent: Gatewatch
  const directory = temporaryDirectory()
  const file = join(directory, 'config.json')
  const configure = (text: string) => {
    writeFileSync(file, text)
    process.kill(agent.pid, 'SIGHUP')
  }
  const units = async () =>
    ((await agent.ask('/api/v1/units')) as { units: { service: string; counters: { starts: number } }[] }).units

  beforeAll(async () => {
    systemd = await startSystemd()
    for (const unit of ['a', 'b', 'c'])
      systemd.writeUnit(`${unit}.service`, '[Service]\nExecStart=/bin/sleep infinity\n')
    await systemd.daemonReload()
    for (const unit of ['a', 'b', 'c']) await systemd.start(`${unit}.service`)
    writeFileSync(file, '{"monitored_services": ["a", "b"]}')
    agent = await startGatewatch({ busAddress: systemd.busAddress, directory, args: ['--config', file] })
    await systemd.restart('a.service')
    await until(units, { what: 'two starts of a', is: ([a]) => a?.counters.starts === 2 })
  })
  afterAll(async () => {
    await agent.end()
    await systemd.stop()
    removeDirectory(directory)
  })

  test('adds and removes units; those that stay keep their counts', async () => {
    configure('{"monitored_services": ["a", "c"], "flap": {"count": 3}}')
    const after = await until(units, {
      what: 'c to be watched',
      is: (list) => list.some((u) => u.service === 'c.service' && u.counters.starts === 1),
    })
    expect(after.map((u) => [u.service, u.counters.starts])).toEqual([
      ['a.service', 2],
      ['c.service', 1],
    ])
    expect(await agent.metric('systemd_service_starts_total{service="b.service"}')).toBeUndefined()
    expect((await agent.get('/-/ready')).status).toBe(200)
  })

  test('a bad file keeps the old configuration, and shows it until a good one comes', async () => {
    configure('{"monitored_services": ["b"')
    const shown = await until(() => agent.get('/-/ready'), { what: 'the problem', is: (r) => r.status === 503 })
    expect(shown.body).toContain('not taken over')
    expect((await units()).map((u) => u.service)).toEqual(['a.service', 'c.service'])
    expect(await agent.metric('gatewatch_config_last_reload_successful')).toBe(0)
    configure('{"monitored_services": ["a", "b", "c"]}')
    await until(() => agent.get('/-/ready'), { what: 'ready again', is: (r) => r.status === 200 })
    expect((await units()).map((u) => u.service)).toEqual(['a.service', 'b.service', 'c.service'])
    expect(await agent.metric('gatewatch_config_last_reload_successful')).toBe(1)
  })

  test('what can only be taken over by a start is said', async () => {
    configure('{"monitored_services": ["a", "b", "c"], "gateway_id": "other"}')
    await until(() => agent.stderr(), {
      what: 'the note',
      is: (said) => said.includes('gateway_id changes with the next start only'),
    })
  })
})
