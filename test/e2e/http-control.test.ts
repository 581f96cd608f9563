// Commands and the details of units over HTTP, from the built agent on a real systemd.
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const MINE = `[Unit]
Description=Mine
Requires=basic.target
[Service]
ExecStart=/bin/sleep infinity
WorkingDirectory=/usr
Environment=MY_SECRET=hunter2
[Install]
WantedBy=multi-user.target
`

describeUnless(noSystemd(), 'commands and details over HTTP', () => {
  let systemd: Systemd
  let agent: Gatewatch
  const directory = temporaryDirectory()

  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit('mine.service', MINE)
    systemd.writeUnit('other.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    await systemd.daemonReload()
    const token = join(directory, 'token')
    writeFileSync(token, 'topsecret\n')
    agent = await startGatewatch({
      busAddress: systemd.busAddress,
      directory,
      services: ['mine'],
      env: { GATEWATCH_CONTROL_ENABLED: 'true', GATEWATCH_CONTROL_TOKEN_FILE: token },
    })
  })
  afterAll(async () => {
    await agent.end()
    await systemd.stop()
    removeDirectory(directory)
  })

  const send = async (unit: string, action: string, token = 'topsecret') => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${agent.url}/api/v1/units/${unit}/${action}`, { method: 'POST', headers })
    return [response.status, (await response.json()) as Record<string, unknown>] as const
  }
  const commands = async () => (await agent.events()).filter((event) => event['event'] === 'command')

  test('accepted commands are carried out and are events; refused ones are neither', async () => {
    expect(await send('mine', 'start')).toEqual([
      200,
      { service: 'mine.service', action: 'start', outcome: 'done', cause: null },
    ])
    expect((await systemd.show('mine.service', 'ActiveState'))['ActiveState']).toBe('active')
    expect((await send('mine', 'stop', 'wrong'))[0]).toBe(401)
    expect((await send('other', 'start'))[0]).toBe(403)
    expect((await send('mine', 'reload'))[0]).toBe(409)
    expect((await send('mine', 'stop'))[0]).toBe(200)
    const events = await until(commands, { what: 'the events', is: ({ length }) => length === 3 })
    expect(events.map(({ action, outcome, via }) => [action, outcome, via])).toEqual([
      ['start', 'done', 'http'],
      ['reload', 'refused', 'http'],
      ['stop', 'done', 'http'],
    ])
    expect((await systemd.show('mine.service', 'ActiveState'))['ActiveState']).toBe('inactive')
  })

  test('the details of a unit are what systemd shows of it; without authentication there are none', async () => {
    await systemd.start('mine.service')
    const { MainPID } = await systemd.show('mine.service', 'MainPID')
    const unit = await agent.getJson('/api/v1/units/mine')
    expect(unit).toMatchObject({ service: 'mine.service', watched: true, description: 'Mine', result: 'success' })
    expect(unit).toMatchObject({ main_pid: Number(MainPID), restarts: 0, drop_ins: [], working_directory: '/usr' })
    expect(unit).toMatchObject({ commands: [{ setting: 'ExecStart', line: '/bin/sleep infinity' }] })
    expect(unit).toMatchObject({ environment_names: ['MY_SECRET'], exit_code: null, signal: null })
    expect(unit['file']).toMatch(/\/mine\.service$/)
    expect((unit['dependencies'] as Record<string, string[]>)['Requires']).toContain('basic.target')
    const [entered = 0, since = 0] = ['active_entered', 'since'].map((key) => Date.parse(String(unit[key])))
    expect(Math.abs(entered - since)).toBeLessThan(1_000)
    expect(JSON.stringify(unit)).not.toContain('hunter2')
    expect(await agent.getJson('/api/v1/units/other')).toMatchObject({ watched: false, active_state: 'inactive' })

    const open = JSON.parse((await agent.get('/api/v1/units/mine')).body)
    const { units } = JSON.parse((await agent.get('/api/v1/units')).body)
    expect(open).toEqual(units[0])
    expect((await agent.get('/api/v1/units/other')).status).toBe(404)
    const withToken = await fetch(`${agent.url}/api/v1/units/mine`, { headers: { authorization: 'Bearer topsecret' } })
    const remote = (await withToken.json()) as Record<string, unknown>
    expect([remote['main_pid'], remote['commands'], remote['environment_names']]).toEqual([
      unit['main_pid'],
      undefined,
      undefined,
    ])
  })

  test('while systemd does not respond, what the agent knows of a unit remains', async () => {
    process.kill(systemd.pid, 'SIGSTOP')
    try {
      const unit = await agent.getJson('/api/v1/units/mine')
      expect(unit).toMatchObject({ service: 'mine.service', watched: true, active_state: 'active' })
      expect(Object.keys(unit)).not.toContain('main_pid')
      expect(await agent.getJson('/api/v1/units/other')).toMatchObject({ error: { code: 'no_bus' } })
    } finally {
      process.kill(systemd.pid, 'SIGCONT')
    }
    await until(() => agent.getJson('/api/v1/units/mine'), {
      what: 'details',
      is: (unit) => unit['main_pid'] !== undefined,
    })
  })

  test('unit files are changed only over the local socket and only by an agent that runs as root', async () => {
    expect(await send('mine', 'enable')).toMatchObject([403, { error: { code: 'not_possible' } }])
    const asRoot = process.getuid?.() === 0
    const enabled = await post(agent.socket, '/api/v1/units/mine/enable')
    expect(enabled).toMatchObject(asRoot ? { outcome: 'done' } : { error: { code: 'not_possible' } })
    expect((await systemd.show('mine.service', 'UnitFileState'))['UnitFileState']).toBe(asRoot ? 'enabled' : 'disabled')
    systemd.writeUnit('mine.service', MINE.replace('Description=Mine', 'Description=Changed'))
    await post(agent.socket, '/api/v1/daemon-reload')
    const { Description } = await systemd.show('mine.service', 'Description')
    expect(Description).toBe(asRoot ? 'Changed' : 'Mine')
  })
})

/** A POST over the local socket; the body of the response. */
function post(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, method: 'POST' }, async (response) => {
      let body = ''
      for await (const chunk of response) body += String(chunk)
      resolve(JSON.parse(body))
    })
      .on('error', reject)
      .end()
  })
}
