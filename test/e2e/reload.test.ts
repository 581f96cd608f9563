// SIGHUP: units are added and removed without losing counts; a bad file is refused; every changed key is in effect or requires a restart.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KEY_NAMES, rowOf } from '../../src/config/keys.ts'
import { changedValues } from '../config/changed-values.ts'
import { BINARY, type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
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
    ((await agent.getJson('/api/v1/units')) as { units: { service: string; counters: { starts: number } }[] }).units

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

  test('adds and removes units; the others keep their counts', async () => {
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

  test('a bad file is refused, and the problem is shown until a good one is applied', async () => {
    configure('{"monitored_services": ["b"')
    const shown = await until(() => agent.get('/-/ready'), { what: 'the problem', is: (r) => r.status === 503 })
    expect(shown.body).toContain('reload failed')
    expect((await units()).map((u) => u.service)).toEqual(['a.service', 'c.service'])
    expect(await agent.metric('gatewatch_config_last_reload_successful')).toBe(0)
    configure(`{"monitored_services": ${'['.repeat(200_000)}`)
    await until(() => agent.get('/-/ready'), {
      what: 'the next problem',
      is: ({ body }) => body.includes('not JSON: nested more than 20 levels deep'),
    })
    configure('{"monitored_services": ["a", "b", "c"]}')
    await until(() => agent.get('/-/ready'), { what: 'ready again', is: (r) => r.status === 200 })
    expect((await units()).map((u) => u.service)).toEqual(['a.service', 'b.service', 'c.service'])
    expect(await agent.metric('gatewatch_config_last_reload_successful')).toBe(1)
  })

  test('when all keys change, those that require a restart are listed in the log and in /-/ready, and the others are in effect', async () => {
    const changed = changedValues(directory)
    // Not changed, because the listener of this test would move to another free port.
    const unchanged = [
      'prometheus_enabled',
      'listen',
      'prometheus_port',
      'web_config_file',
      'socket',
      'bus',
      'backend',
      'timeout',
      'persistence_file',
    ]
    const keys = KEY_NAMES.filter((key) => !unchanged.includes(key))
    configure(JSON.stringify(nested(keys.map((key) => [key, changed[key]]))))
    const waiting = keys.filter((key) => rowOf(key).applies === 'restart')
    const applied = 'reload: configuration applied'
    await until(() => agent.stderr(), { what: 'the reload', is: (log) => log.split(applied).length > 3 })
    for (const key of waiting)
      expect(agent.stderr()).toContain(`reload: ${key} cannot be changed at run time; restart gatewatch to apply it`)
    expect(agent.stderr().match(/cannot be changed at run time/g)).toHaveLength(waiting.length)
    const ready = await agent.get('/-/ready')
    expect(ready.status).toBe(200)
    const [first, ...reports] = ready.body.trimEnd().split('\n')
    expect(first).toBe('ready')
    expect(reports).toContain(`configuration: ${waiting.join(', ')} take effect after a restart of gatewatch`)
    expect(reports).toContainEqual(expect.stringMatching(/^mqtt: cannot read mqtt.password_file /))
    expect(await agent.metric('gatewatch_config_last_reload_successful')).toBe(1)
    // log_format: json, from the next line on.
    expect(agent.stderr().trimEnd().split('\n').at(-1)).toMatch(/^\{"timestamp":/)
    expect(waiting).toEqual([
      'max_units',
      'gateway_id',
      'log_file',
      'events_file',
      'resync_interval',
      'crash_log_lines',
      'explain',
    ])
  })

  test('a key that is changed back no longer requires a restart', async () => {
    configure('{"monitored_services": ["a"]}')
    await until(() => agent.get('/-/ready'), {
      what: 'no warning',
      is: ({ status, body }) => status === 200 && !/^(configuration|mqtt): /m.test(body),
    })
  })
})

test('SIGHUP does not end an agent that is still starting', async () => {
  const directory = temporaryDirectory()
  const webConfig = join(directory, 'web.yml')
  const config = join(directory, 'config.json')
  const socket = join(directory, 'gw.sock')
  writeFileSync(webConfig, '{}')
  writeFileSync(config, JSON.stringify({ web_config_file: webConfig, prometheus_port: 0 }))
  const places = ['--config', config, '--socket', socket, '-p', join(directory, 'state.ring')]
  const child = spawn(process.execPath, [BINARY, ...places, '--bus', `unix:path=${directory}/none`], {
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  try {
    await until(() => existsSync(socket), { what: 'the local socket, which comes before TCP' })
    for (let i = 0; i < 100; i++) {
      child.kill('SIGHUP')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect([child.exitCode, child.signalCode]).toEqual([null, null])
  } finally {
    child.kill('SIGKILL')
    await exited
    removeDirectory(directory)
  }
})

/** `[['a.b', 1]]` -> `{ a: { b: 1 } }`, the structure of the file. */
function nested(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const root: Record<string, Record<string, unknown>> = {}
  for (const [key, value] of entries) {
    const [head = '', rest] = key.split('.')
    if (rest === undefined) Object.assign(root, { [head]: value })
    else root[head] = { ...root[head], [rest]: value }
  }
  return root
}
