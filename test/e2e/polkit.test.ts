// The shipped polkit rule with a real polkit: it grants control of exactly the listed units.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BINARY, getJsonFromSocket } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { writeControlUnits } from '../systemd/control-units.ts'

const RULE = readFileSync(join(import.meta.dirname, '../../systemd/drop-ins/control.rules'), 'utf8')

describeUnless(noSystemd() ?? missingPrograms('/usr/lib/polkit-1/polkitd'), 'the polkit rule', () => {
  const rules = join(mkdtempSync(join(tmpdir(), 'gw-polkit-')), 'rules.d')
  let rig: Systemd
  const asUnprivileged = (...words: string[]) =>
    rig.exec('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, BINARY, ...words)

  beforeAll(async () => {
    mkdirSync(rules)
    rig = await startSystemd({ polkit: true, bind: [dirname(BINARY), `${rules}:/etc/polkit-1/rules.d`] })
    writeControlUnits(rig)
    await rig.daemonReload()
  })
  afterAll(async () => {
    await rig.stop()
    rmSync(dirname(rules), { recursive: true })
  })

  /** Installs the rule for the user nobody and runs.service, and restarts polkit, which does not watch a bind-mounted directory. */
  const grant = async () => {
    const rule = RULE.replace('"gatewatch"', '"nobody"').replace('"mosquitto.service"', '"runs.service"')
    expect(rule.match(/nobody|runs.service/g)).toEqual(['nobody', 'runs.service'])
    writeFileSync(join(rules, '50-gatewatch.rules'), rule)
    await rig.systemctl('stop', 'polkit')
  }

  describe.each(['dbus', 'command'])('with the back end %s', (backend) => {
    const denied = (what: string) => ({
      code: 4,
      stdout: '',
      stderr: `gatewatch: permission denied: nobody is not allowed to ${what}; run as root (sudo) or install gatewatch's polkit rule for this user\n`,
    })
    const gatewatch = (...words: string[]) => asUnprivileged(...words, '--backend', backend)

    it('is required for control, but not for reading', async () => {
      rmSync(join(rules, '50-gatewatch.rules'), { force: true })
      await rig.systemctl('stop', 'polkit')
      expect((await gatewatch('show', 'runs', '--json')).code).toBe(0)
      expect((await gatewatch('list')).stdout).toContain('basic.target')
      expect(await gatewatch('start', 'runs')).toEqual(denied('start runs.service'))
      expect(await gatewatch('daemon-reload')).toEqual(denied('reload the unit files'))
    })

    it('grants the listed units to its user, and nothing else', async () => {
      await grant()
      for (const action of ['start', 'restart', 'reload', 'stop', 'reset-failed'])
        expect([action, (await gatewatch(action, 'runs')).code]).toEqual([action, 0])
      expect(await gatewatch('start', 'needs')).toEqual(denied('start needs.service'))
      expect(await gatewatch('enable', 'runs')).toEqual(denied('enable runs.service'))
      expect(await gatewatch('daemon-reload')).toEqual(denied('reload the unit files'))
      expect((await rig.show('needs.service', 'ActiveState'))['ActiveState']).toBe('inactive')
    })
  })

  it('allows an agent without root privileges to control exactly these units, each as an event', async () => {
    await grant()
    const socket = join(rig.shareDir, 'gw.sock')
    await rig.exec('chmod', '0777', rig.shareDir)
    const service = [
      '--unit=agent',
      '-p',
      'User=nobody',
      '-E',
      'GATEWATCH_CONTROL_ENABLED=true',
      process.execPath,
      BINARY,
    ]
    const options = ['--services', 'runs', 'needs', '--socket', socket, '-p', join(rig.shareDir, 'state.ring')]
    await rig.exec('systemd-run', ...service, ...options, '--no-prometheus')
    await until(() => getJsonFromSocket(socket, '/api/v1/status'), {
      what: 'the agent',
      is: (s) => String(s['not_ready']) === '',
    })
    expect(await post(socket, '/api/v1/units/runs/restart')).toMatchObject({ outcome: 'done' })
    expect(await post(socket, '/api/v1/units/needs/start')).toMatchObject({
      error: { code: 'denied', message: expect.stringContaining('nobody is not allowed to start needs.service') },
    })
    const { events } = await getJsonFromSocket(socket, '/api/v1/events?kind=command')
    expect(events).toMatchObject([
      { event: 'command', service: 'runs.service', action: 'restart', outcome: 'done', via: 'socket' },
      { event: 'command', service: 'needs.service', action: 'start', outcome: 'denied', via: 'socket' },
    ])
  })
})

function post(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, method: 'POST' }, (response) => {
      let body = ''
      response.on('data', (text) => {
        body += text
      })
      response.on('end', () => resolve(JSON.parse(body)))
    })
    sent.on('error', reject)
    sent.end()
  })
}
