// A complete scrape of the built agent on a real systemd, compared with a golden file and checked by promtool.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { schemaErrors } from '../http/openapi-schema.ts'
import { type Gatewatch, gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const GOLDEN = join(import.meta.dirname, 'golden.prom')

/** Values that differ between runs (times, sizes, durations); they are replaced by N. */
const VARYING =
  /^((?:process_|gatewatch_(?:flash_(?:bytes|commit_seconds|last)|bus_(?:signals|call)|http_request|system_|boot_|host_|event_loop|config_last_reload_success_t)|systemd_service_last_change|gatewatch_unit_(?:last_crash_t|active_since))\S*) .*$/gm

describeUnless(noSystemd() ?? missingPrograms('promtool'), 'a complete scrape', () => {
  let systemd: Systemd
  let agent: Gatewatch
  const directory = temporaryDirectory()

  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit('runs.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    systemd.writeUnit('exits.service', '[Service]\nExecStart=/bin/sh -c "sleep 0.2; exit 3"\n')
    systemd.writeUnit('sink@.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    systemd.writeUnit('bad.service', '[Service]\nType=nonsense\n')
    await systemd.exec('ln', '-s', '/dev/null', `${systemd.unitDir}/masked.service`)
    await systemd.daemonReload()
    await systemd.start('runs.service')
    await systemd.start('sink@ttys1.service')
    agent = await startGatewatch({
      busAddress: systemd.busAddress,
      directory,
      services: ['runs', 'exits', 'masked', 'missing', 'bad', 'sink@*.service', 'basic.target'],
      args: ['--gateway-id', 'gw-7'],
      env: { GATEWATCH_FLUSH_INTERVAL: '1' },
    })
    await systemd.start('exits.service')
    await until(() => agent.metric('systemd_service_crashes_total{service="exits.service"}'), {
      what: 'the crash on flash',
      is: (value) => value === 1,
    })
    await until(() => agent.metric('gatewatch_unit_gave_up{service="exits.service"}'), {
      what: 'the unit to give up',
      is: (v) => v === 1,
    })
  })
  afterAll(async () => {
    await agent.end()
    await systemd.stop()
    removeDirectory(directory)
  })

  test('matches the golden file', async () => {
    const { body, status } = await agent.get('/metrics')
    const scrape = body
      .replace(VARYING, '$1 N')
      .replace(/^(gatewatch_http_requests_total.*"503"|gatewatch_host_disk_used_ratio{path="\/[^"]).*\n/gm, '')
      // They depend on the machine that runs the test.
      .replace(/^gatewatch_health{check="(clock|identity)"}.*\n/gm, '')
      .replace(/(machine_id|revision|node_version|version)="[^"]*"/g, '$1="X"')
      .replace(/^(gatewatch_flash_commits_total) .*/m, '$1 N')
    if (process.env['GOLDEN'] === 'write') writeFileSync(GOLDEN, scrape)
    expect(status).toBe(200)
    expect(scrape).toBe(readFileSync(GOLDEN, 'utf8'))
  })

  test('gatewatch system shows the same with and without an agent', () => {
    const systemJson = (...place: string[]) => JSON.parse(gatewatch('system', '--json', ...place).stdout)
    const [viaAgent, direct] = [
      systemJson('--socket', agent.socket),
      systemJson('--socket', '/none', '--bus', systemd.busAddress),
    ]
    expect(direct).toMatchObject({ failed: ['exits.service'], boot_seconds: viaAgent.boot_seconds })
    expect(viaAgent.failed).toEqual(direct.failed)
    const unreachable = gatewatch('system', '--socket', '/none', '--bus', 'unix:path=/no/such/bus')
    expect([unreachable.code, unreachable.stderr]).toEqual([1, expect.stringContaining('cannot connect to the bus')])
  })

  test('sends no requests to systemd', async () => {
    const calls = async () => {
      const { body } = await agent.get('/metrics')
      return [...body.matchAll(/^gatewatch_bus_call_seconds_count\S* (\d+)$/gm)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      )
    }
    const before = await calls()
    for (let i = 0; i < 50; i += 1) await calls()
    expect((await calls()) - before).toBeLessThan(10) // the bus connection is checked every 20 s
  })

  test.each(['Status', 'System', 'Units', 'Events'])('the API response matches its description: %s', async (name) => {
    const { body } = await agent.get(`/api/v1/${name.toLowerCase()}`)
    expect(schemaErrors(`/components/schemas/${name}`, JSON.parse(body))).toEqual([])
  })

  test('passes promtool check metrics', async () => {
    const { body } = await agent.get('/metrics')
    const own = body.split('\n').filter((line) => !/\bprocess_/.test(line))
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: own.join('\n'),
      encoding: 'utf8',
    })
    // The names of the former program are fixed, even if promtool objects.
    const problems = (stdout + stderr).split('\n').filter((line) => line !== '' && !line.startsWith('systemd_'))
    expect({ problems, status: problems.length === 0 ? 0 : status }).toEqual({ problems: [], status: 0 })
  })
})
