// Commands over HTTP to the built agent: systemd carries them out, and each is an event.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

describeUnless(noSystemd(), 'commands over HTTP', () => {
  let systemd: Systemd
  let agent: Gatewatch
  const directory = temporaryDirectory()

  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit('mine.service', '[Service]\nExecStart=/bin/sleep infinity\n')
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
})
