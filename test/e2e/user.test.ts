// --user: watches the user's own systemd over the session bus, with all files in the user's directories.
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

/** Like user@.service, for root, with units from a directory of the test. */
const MANAGER = `[Service]
Type=notify
Environment=XDG_RUNTIME_DIR=/run/user/0 HOME=/run/user/0 SYSTEMD_UNIT_PATH=/run/user/0/units:
ExecStartPre=/bin/mkdir -p /run/user/0/units
ExecStart=/lib/systemd/systemd --user --unit=basic.target
KillMode=mixed
Delegate=pids memory
`

describeUnless(noSystemd(), '--user', () => {
  let systemd: Systemd
  const directory = temporaryDirectory()

  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit('manager.service', MANAGER)
    await systemd.daemonReload()
    await systemd.start('manager.service')
  })
  afterAll(async () => {
    await systemd.stop()
    removeDirectory(directory)
  })

  test("watches the user's units, and uses only the user's directories", async () => {
    const runtime = join(dirname(dirname(systemd.busAddress.replace('unix:path=', ''))), 'user/0')
    writeFileSync(join(runtime, 'units/mine.service'), '[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\n')
    const user = (...args: string[]) =>
      systemd.exec('env', 'XDG_RUNTIME_DIR=/run/user/0', 'systemctl', '--user', ...args)
    expect(await user('daemon-reload')).toMatchObject({ code: 0 })
    expect(await user('start', 'mine')).toMatchObject({ code: 0 })

    const env = {
      HOME: directory,
      XDG_RUNTIME_DIR: join(directory, 'run'),
      XDG_STATE_HOME: '',
      XDG_CONFIG_HOME: '',
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus`,
    }
    const places = {
      socket: join(directory, 'run/gatewatch/gatewatch.sock'),
      statePath: join(directory, '.local/state/gatewatch/state.ring'),
    }
    const agent = await startGatewatch({ directory, places, env, args: ['--user'], services: ['mine'] })
    try {
      expect(await user('kill', '-s', 'KILL', 'mine')).toMatchObject({ code: 0 })
      const counters = async () =>
        ((await agent.getJson('/api/v1/units/mine.service')) as { counters: object }).counters
      const expected = JSON.stringify({ starts: 2, stops: 0, crashes: 1, restarts: 1, lost: 0 })
      await until(counters, { what: 'the crash', is: (actual) => JSON.stringify(actual) === expected })
      expect((await agent.getJson('/api/v1/status'))['gateway_id']).toMatch(/-0$/)
      expect(existsSync(places.statePath)).toBe(true)
    } finally {
      expect(await agent.end()).toBe(0)
    }
  })
})
